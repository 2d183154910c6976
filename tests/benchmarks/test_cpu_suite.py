"""The CPU suite: what it measures, that it goes on where it was stopped, and what it writes."""

import importlib
import json
import sys

import pytest
from PIL import Image

pytest.importorskip("matplotlib")

from matplotlib.axes import Axes

pytestmark = pytest.mark.cpu_only

ENVIRONMENT = {
    "cpu": "Test CPU", "threads": 2, "blas": ["openblas 1.2 (Core)"], "OPENBLAS_CORETYPE": None,
    "numpy": "2.0", "torch": "2.13", "onnxruntime": "1.9",
}  # fmt: skip


@pytest.fixture
def suite():
    return importlib.import_module("cpu_suite")


def cell(model, batch, against=("torch", "onnxruntime")):
    """What train_step.py writes; PyTorch trains faster in one layout and infers in the other."""
    numbers = {
        "minicnn": (0.5, 0.2, 700.4), "minicnn compiled": (0, 0.16, 500.0),
        "contiguous_format": (0.8, 0.1, 900.0), "channels_last": (0.6, 0.3, 800.0),
        "onnxruntime": (0, 0.08, 300.0),
    }  # fmt: skip
    ratios = {
        "torch": {
            "training": {"ratio": 1.2, "rival": "channels_last"},
            "inference": {"ratio": 0.62, "rival": "contiguous_format"},
            "eager inference": {"ratio": 0.5, "rival": "contiguous_format"},
        },
        "onnxruntime": {
            "inference": {"ratio": 0.5, "rival": "onnxruntime"},
            "eager inference": {"ratio": 0.4, "rival": "onnxruntime"},
        },
    }
    return {
        "model": model,
        "batch": batch,
        "training": {k: {"step": v[0], "peak_memory_mib": v[2]} for k, v in numbers.items()},
        "inference": {
            k: {"inference": v[1], "peak_memory_mib": v[2] / 2} for k, v in numbers.items()
        },
        "ratios": {rival: ratios[rival] for rival in against},
        "environment": ENVIRONMENT,
        "date": "2030-01-02T03:04:05Z",
    }


@pytest.fixture
def run(suite, monkeypatch, tmp_path):
    """Runs the suite with made-up measurements; returns what was measured."""

    def run(*arguments, stop_at=None):
        measured = []

        def measure(model, batch, against, options):
            if (model, batch) == stop_at:
                raise KeyboardInterrupt
            measured.append((model, batch))
            return cell(model, batch, against)

        monkeypatch.setattr(suite, "measure", measure)
        monkeypatch.setattr(suite, "multiply_adds", lambda model: 1e9)
        monkeypatch.setattr(sys, "argv", ["cpu_suite.py", "--out", str(tmp_path), *arguments])
        try:
            suite.main()
        except KeyboardInterrupt:
            pass
        return measured

    return run


def test_every_network_is_measured_at_every_batch_size(run, tmp_path):
    measured = run()
    names = (
        "alexnet", "alexnet_torchvision", "vgg16", "googlenet", "resnet34", "mobilenet_blocks"
    )  # fmt: skip
    assert measured == [(name, batch) for name in names for batch in (1, 4, 32)]
    stored = json.loads((tmp_path / "cpu_suite.json").read_text())
    assert [(c["model"], c["batch"]) for c in stored["cells"]] == measured
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "cpu_suite.json", "cpu_suite.md", "cpu_suite.png"
    ]  # fmt: skip


def test_an_interrupted_suite_goes_on(run, tmp_path, capsys):
    arguments = ("--models", "vgg16", "googlenet", "--batches", "1", "2")
    assert run(*arguments, stop_at=("googlenet", 1)) == [("vgg16", 1), ("vgg16", 2)]
    assert [path.name for path in tmp_path.iterdir()] == ["cpu_suite.partial.json"]
    assert run(*arguments) == [("googlenet", 1), ("googlenet", 2)]
    assert "has 2 cells already" in capsys.readouterr().out
    assert len(json.loads((tmp_path / "cpu_suite.json").read_text())["cells"]) == 4
    assert run(*arguments)[0] == ("vgg16", 1)  # a finished one starts again


def test_cells_without_a_rival_are_measured_again(run, suite, monkeypatch):
    monkeypatch.setattr(suite, "opponents", lambda text: tuple(text.split(",")))
    arguments = ("--models", "vgg16", "googlenet", "--batches", "1")
    run(*arguments, stop_at=("googlenet", 1))
    everyone = (*arguments, "--against", "torch,onnxruntime")
    assert run(*everyone, stop_at=("googlenet", 1)) == [("vgg16", 1)]
    assert run(*everyone) == [("googlenet", 1)]


def test_the_page_and_the_environment(run, suite, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(suite, "opponents", lambda text: tuple(text.split(",")))
    run("--models", "vgg16", "--batches", "32", "--against", "torch,onnxruntime")
    page = (tmp_path / "cpu_suite.md").read_text()
    assert "# minicnn against PyTorch 2.13 and ONNX Runtime 1.9 on the CPU" in page
    assert "Test CPU, 2 threads, openblas 1.2 (Core), NumPy 2.0; 2030-01-02" in page
    assert "| vgg16 | 32 | 64.0 | 53.3 | 1.20 |" in page
    assert "| vgg16 | 32 | 200.0 | 160.0 | 320.0 | 400.0 | 0.62 | 0.50 |" in page
    assert "| vgg16 | 32 | 700 | 800 |" in page  # peak memory in training, then in inference
    assert "| vgg16 | 32 | 250 | 350 | 400 | 150 |" in page
    printed = capsys.readouterr().out
    assert "vgg16, batch 32: torch / minicnn, training: 1.20; " in printed
    assert "blas               openblas 1.2 (Core)" in printed


def test_the_page_without_onnxruntime(run, tmp_path):
    run("--models", "vgg16", "--batches", "32")
    page = (tmp_path / "cpu_suite.md").read_text()
    assert "| vgg16 | 32 | 200.0 | 160.0 | 320.0 | 0.62 |" in page
    assert "ONNX" not in page


def test_pytorch_is_always_there(run, capsys):
    with pytest.raises(SystemExit):
        run("--against", "onnxruntime")


@pytest.mark.parametrize("against", [("torch",), ("torch", "onnxruntime")])
def test_the_chart_shows_a_bar_for_each_cell(tmp_path, monkeypatch, against):
    labels = []
    bar_label = Axes.bar_label

    def noted(axes, *args, **options):
        drawn = bar_label(axes, *args, **options)
        labels.extend(text.get_text() for text in drawn)
        return drawn

    monkeypatch.setattr(Axes, "bar_label", noted)
    cells = [cell("vgg16", 1, against), cell("vgg16", 32, against), cell("resnet18", 32, against)]
    for number, each in enumerate(cells):
        each["ratios"]["torch"]["training"] = {"ratio": 1 + number / 10}
    importlib.import_module("cpu_chart").draw(cells, tmp_path / "chart.png")
    expected = ["1.00", "1.10", "1.20", *["0.62"] * 3, *["0.50"] * 3]
    assert labels == expected[: 3 * (1 + len(against))]
    with Image.open(tmp_path / "chart.png") as picture:
        assert picture.width > 600


def test_a_cell_is_measured_as_long_as_its_work_allows(suite):
    work = [1e9, 30e9, 500e9, 2e12]
    blocks = [suite.options_for(each)[:2] for each in work]
    assert blocks == [
        ("--blocks", "5"),
        ("--blocks", "3"),
        ("--blocks", "1"),
        ("--apart", "--steps"),
    ]


def test_the_work_of_a_network(suite):
    assert suite.multiply_adds("alexnet_torchvision") == pytest.approx(0.71e9, rel=0.01)
    assert suite.multiply_adds("mobilenet_blocks") == pytest.approx(0.30e9, rel=0.01)


@pytest.mark.slow
def test_a_cell_from_beginning_to_end(suite, monkeypatch, tmp_path):
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    short = ["--blocks", "1", "--steps", "1", "--seconds", "0"]
    monkeypatch.setattr(suite, "options_for", lambda work: short)
    options = ["--models", "alexnet_torchvision", "--batches", "1", "--out", str(tmp_path)]
    options += ["--against", "torch,onnxruntime"]
    monkeypatch.setattr(sys, "argv", ["cpu_suite.py", *options])
    suite.main()
    (found,) = json.loads((tmp_path / "cpu_suite.json").read_text())["cells"]
    for rival in ("torch", "onnxruntime"):
        assert found["ratios"][rival]["inference"]["ratio"] > 0
    assert found["training"]["minicnn"]["peak_memory_mib"] > 600  # with gradients and momentum
    assert found["inference"]["minicnn"]["peak_memory_mib"] > 200  # the weights alone: 217 MiB
    assert found["environment"]["threads"] and found["environment"]["torch threads"]
    assert (tmp_path / "cpu_suite.png").exists()
