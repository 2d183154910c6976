"""The CPU suite: what it measures, that it goes on where it was stopped, and what it writes."""

import argparse
import importlib
import json
import sys

import pytest
from PIL import Image

pytest.importorskip("matplotlib")

from matplotlib.axes import Axes

from minicnn import nn

pytestmark = pytest.mark.cpu_only

ENVIRONMENT = {
    "cpu": "Test CPU", "threads": 2, "blas": ["openblas 1.2 (Core)"], "OPENBLAS_CORETYPE": None,
    "numpy": "2.0", "torch": "2.13",
}  # fmt: skip


@pytest.fixture
def suite():
    return importlib.import_module("cpu_suite")


@pytest.fixture
def train_step():
    return importlib.import_module("train_step")


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
    assert run(*arguments)[0] == ("vgg16", 1)  # a finished one begins anew


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


def test_large_cells_are_measured_apart_and_batch_1_often(suite):
    assert suite.steps_for(int(2e12), 128)[0] == "--apart"
    assert suite.steps_for(int(15e9), 1)[:2] == ["--steps", "30"]
    assert suite.steps_for(int(35e9), 32)[:2] == ["--steps", "5"]


def test_the_work_of_a_network(suite):
    assert suite.multiply_adds("alexnet_torchvision") == pytest.approx(0.71e9, rel=0.01)


@pytest.fixture
def arguments():
    return argparse.Namespace(
        model="tiny", batch=20, device="cpu", against="torch", warm_up=1, steps=2, seconds=0
    )


@pytest.fixture
def tiny(train_step, monkeypatch):
    """Both frameworks with one linear layer; the batch sizes that are asked for."""
    import torch

    import minicnn as mc

    batches = []

    def training(framework, net, tensor, optimizer, no_grad, batch):
        batches.append(batch)
        images, labels = tensor([[1.0, -2.0]] * batch), tensor([0] * batch)
        sgd = optimizer.SGD(net.parameters(), lr=0.1)
        return train_step.Training(net, framework.CrossEntropyLoss(), no_grad, sgd, images, labels)

    def ours(model, batch, device):
        return training(nn, nn.Linear(2, 3), mc.tensor, mc.optim, mc.no_grad, batch)

    def theirs(model, batch, device, layout):
        net = torch.nn.Linear(2, 3)
        return training(torch.nn, net, torch.tensor, torch.optim, torch.no_grad, batch)

    monkeypatch.setattr(train_step, "minicnn_training", ours)
    monkeypatch.setattr(train_step, "torch_training", theirs)
    return batches


def test_phases_are_timed_and_leave_nothing(train_step, tiny, arguments):
    runs = train_step.trainings(("minicnn", "channels_last"), 4, arguments)
    tasks = {"minicnn": train_step.ALL_PHASES, "channels_last": ("inference",)}
    before = runs["minicnn"].net.weight.detach().numpy().copy()
    seconds = train_step.phase_seconds(runs, tasks, arguments)
    assert set(seconds["minicnn"]) == {*train_step.ALL_PHASES, "step"}
    assert set(seconds["channels_last"]) == {"inference"}
    assert all(value > 0 for value in seconds["minicnn"].values())
    assert runs["minicnn"].loss is None and runs["minicnn"].net.weight.grad is None
    assert (runs["minicnn"].net.weight.detach().numpy() != before).any()
    assert runs["minicnn"].net.training


def test_timing_goes_on_until_the_seconds_are_over(train_step, tiny, arguments, monkeypatch):
    clock = iter(range(1000))
    monkeypatch.setattr(train_step.time, "perf_counter", lambda: next(clock))
    turns = []
    runs = train_step.trainings(("minicnn",), 4, arguments)
    monkeypatch.setattr(runs["minicnn"], "turn", lambda *_: turns.append(1) or {"step": 1.0})
    arguments.seconds = 5
    train_step.phase_seconds(runs, {"minicnn": ()}, arguments)
    assert len(turns) == 1 + 2 + 4  # after two steps the clock is read, and shows 1, 2, 3, 4, 5
    turns.clear()
    arguments.seconds = 0
    train_step.phase_seconds(runs, {"minicnn": ()}, arguments)
    assert len(turns) == 1 + 2


@pytest.mark.parametrize(
    ("inference", "expected"),
    [
        ((0.5, 0.1), {"channels_last": ("forward", "backward", "optimizer", "inference")}),
        (
            (0.1, 0.5),
            {
                "channels_last": ("forward", "backward", "optimizer"),
                "contiguous_format": ("inference",),
            },
        ),
    ],
)
def test_each_layout_does_what_it_is_faster_at(
    train_step, tiny, arguments, monkeypatch, inference, expected
):
    seconds = {
        "contiguous_format": {"step": 3.0, "inference": inference[0]},
        "channels_last": {"step": 2.0, "inference": inference[1]},
    }
    monkeypatch.setattr(train_step, "phase_seconds", lambda *_: seconds)
    assert train_step.faster_layouts(arguments) == expected
    assert tiny == [8, 8, 8]  # the trial takes few images


def test_frameworks_that_disagree_are_an_error(train_step, tiny, arguments, monkeypatch):
    losses = iter([1.0, 1.0, 1.1])
    monkeypatch.setattr(train_step.Training, "loss_without_dropout", lambda _: next(losses))
    with pytest.raises(RuntimeError, match="disagree on the first loss"):
        train_step.trainings(("minicnn", "contiguous_format", "channels_last"), 4, arguments)


@pytest.mark.parametrize("apart", [False, True])
def test_a_result_has_time_and_memory_of_both(train_step, tiny, arguments, monkeypatch, apart):
    alone = []

    def measure_alone(name, phases, args):
        alone.append((name, args.steps))
        seconds = dict.fromkeys((*phases, "step"), 0.5 if name == "minicnn" else 1.0)
        return {"seconds": seconds, "peak_memory_mib": 7.0}

    monkeypatch.setattr(train_step, "alone", measure_alone)
    arguments.apart, arguments.steps = apart, 3
    result = train_step.measure(arguments)
    assert result["torch_peak_memory_mib"][result["torch_layout"]] == 7.0
    theirs = min(s["step"] for s in result["torch_seconds"].values() if "step" in s)
    assert result["ratio"] == theirs / result["minicnn_seconds"]["step"]
    if apart:
        assert alone[0] == ("minicnn", 3) and result["minicnn_seconds"]["step"] == 0.5
    else:  # memory after three steps, one of them a warm-up, and time in this process
        assert alone == [(n, 2) for n in ("minicnn", "contiguous_format", "channels_last")]
        assert tiny == [20, 20, 20] and result["minicnn_seconds"]["step"] != 0.5
    train_step.print_result(result)


@pytest.mark.slow
def test_a_cell_from_beginning_to_end(suite, monkeypatch, tmp_path):
    monkeypatch.setattr(
        suite, "steps_for", lambda *_: ["--apart", "--steps", "1", "--warm-up", "0"]
    )
    options = ["--models", "alexnet_torchvision", "--batches", "1", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["cpu_suite.py", *options])
    suite.main()
    (found,) = json.loads((tmp_path / "cpu_suite.json").read_text())["cells"]
    assert found["ratio"] > 0 and found["inference_ratio"] > 0
    assert found["minicnn_peak_memory_mib"] > 200  # the weights alone are 217 MiB
    assert (tmp_path / "cpu_suite.png").exists()
