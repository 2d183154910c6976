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
    "numpy": "2.0", "torch": "2.13",
}  # fmt: skip


@pytest.fixture
def suite():
    return importlib.import_module("cpu_suite")


def cell(model, batch):
    """What train_step.py writes; PyTorch trains faster in one layout and infers in the other."""
    return {
        "model": model,
        "batch": batch,
        "minicnn_seconds": {"step": 0.5, "inference": 0.2},
        "torch_seconds": {
            "contiguous_format": {"step": 0.8, "inference": 0.1},
            "channels_last": {"step": 0.6},
        },
        "ratio": 1.2,
        "inference_ratio": 0.5,
        "minicnn_peak_memory_mib": 700.4,
        "torch_peak_memory_mib": {"contiguous_format": 900.0, "channels_last": 800.0},
        "environment": ENVIRONMENT,
        "date": "2030-01-02T03:04:05Z",
    }


@pytest.fixture
def run(suite, monkeypatch, tmp_path):
    """Runs the suite with made-up measurements; returns what was measured."""

    def run(*arguments, stop_at=None):
        measured = []

        def measure(model, batch, options):
            if (model, batch) == stop_at:
                raise KeyboardInterrupt
            measured.append((model, batch))
            return cell(model, batch)

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
    names = ("alexnet", "alexnet_torchvision", "vgg16", "resnet34", "googlenet")
    assert measured == [(name, batch) for name in names for batch in (1, 32, 128)]
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


def test_the_page_and_the_environment(run, tmp_path, capsys):
    run("--models", "vgg16", "--batches", "32")
    page = (tmp_path / "cpu_suite.md").read_text()
    assert "| vgg16 | 32 | 64.0 | 53.3 | 1.20 | 160.0 | 320.0 | 0.50 | 700 | 800 |" in page
    assert "Test CPU, 2 threads, openblas 1.2 (Core), NumPy 2.0; 2030-01-02" in page
    assert "blas               openblas 1.2 (Core)" in capsys.readouterr().out


def test_the_chart_shows_a_bar_for_each_cell(tmp_path, monkeypatch):
    labels = []
    bar_label = Axes.bar_label

    def noted(axes, *args, **options):
        drawn = bar_label(axes, *args, **options)
        labels.extend(text.get_text() for text in drawn)
        return drawn

    monkeypatch.setattr(Axes, "bar_label", noted)
    cells = [cell("vgg16", 1), cell("vgg16", 32), cell("resnet18", 32)]
    for number, each in enumerate(cells):
        each |= {"ratio": 1 + number / 10, "inference_ratio": 2 + number / 10}
    importlib.import_module("cpu_chart").draw(cells, tmp_path / "chart.png")
    assert labels == ["1.00", "1.10", "1.20", "2.00", "2.10", "2.20"]
    with Image.open(tmp_path / "chart.png") as picture:
        assert picture.width > 600


def test_large_cells_are_measured_apart(suite):
    assert suite.options_for(int(2e12))[0] == "--apart"
    assert suite.options_for(int(35e9)) == []


def test_the_work_of_a_network(suite):
    assert suite.multiply_adds("alexnet_torchvision") == pytest.approx(0.71e9, rel=0.01)


@pytest.mark.slow
def test_a_cell_from_beginning_to_end(suite, monkeypatch, tmp_path):
    short = ["--blocks", "1", "--steps", "1", "--seconds", "0"]
    monkeypatch.setattr(suite, "options_for", lambda work: short)
    options = ["--models", "alexnet_torchvision", "--batches", "1", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["cpu_suite.py", *options])
    suite.main()
    (found,) = json.loads((tmp_path / "cpu_suite.json").read_text())["cells"]
    assert found["ratio"] > 0 and found["inference_ratio"] > 0
    assert found["minicnn_peak_memory_mib"] > 200  # the weights alone are 217 MiB
    assert found["environment"]["threads"] and found["environment"]["torch threads"]
    assert (tmp_path / "cpu_suite.png").exists()
