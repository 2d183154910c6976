"""One training step: its phases, the blocks of a process, the comparison of several."""

from __future__ import annotations

import argparse
import importlib

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn, optim

pytestmark = pytest.mark.cpu_only


@pytest.fixture
def train_step():
    return importlib.import_module("train_step")


@pytest.fixture
def arguments():
    return argparse.Namespace(
        model="tiny", batch=20, device="cpu", against="torch", apart=False, blocks=2, steps=3,
        seconds=0,
    )  # fmt: skip


class PretendedWorker:
    """Answers as a process would, and notes what it was asked for."""

    def __init__(self, name, seconds=1.0, loss=0.7):
        self.name, self.seconds, self.loss = name, seconds, loss
        self.asked = []

    def make(self, *args):
        self.asked.append(args)

    def call(self, name, *args):
        self.asked.append(name)
        return {"loss": self.loss, "peak_bytes": 7 * 2**20}.get(name)

    def block(self, names, rounds, seconds):
        self.asked.append(tuple(names))
        return {name: [self.seconds * n for n in range(1, rounds + 1)] for name in names}

    def environment(self):
        return {"torch threads" if "c" in self.name[:1] else "threads": 2}

    def close(self):
        self.asked.append("close")


@pytest.fixture
def pretended(train_step, monkeypatch):
    """No process starts; the workers that were asked for, each in the order of its start."""
    turns = importlib.import_module("turns")
    started = []

    def start(name, script, checkout):
        seconds = {"minicnn": 1.0, "contiguous_format": 3.0, "channels_last": 2.0}.get(name, 4.0)
        started.append(PretendedWorker(name, seconds))
        return started[-1]

    monkeypatch.setattr(turns, "Worker", start)
    return started


def test_phases_change_the_weights_and_leave_nothing(train_step):
    net = nn.Linear(2, 3)
    sgd = optim.SGD(net.parameters(), lr=0.1)
    images, labels = mc.tensor([[1.0, -2.0]] * 4), mc.tensor([0] * 4)
    training = train_step.Training(net, nn.CrossEntropyLoss(), mc.no_grad, sgd, images, labels)
    calls, before = training.calls(), net.weight.detach().numpy().copy()
    for phase in train_step.PHASES:
        calls[phase]()
    assert (net.weight.detach().numpy() != before).any()
    assert training.loss is None and net.weight.grad is None
    assert calls["loss"]() > 0 and training.loss is None and net.training
    assert calls["eval"]() is None and not net.training  # a network would be sent as an answer
    calls["inference"]()


def test_a_block_has_training_steps(train_step):
    worker = PretendedWorker("minicnn")
    found = train_step.train_block(worker, steps=3, seconds=0)
    assert found == {"forward": 2, "backward": 2, "optimizer": 2, "step": 6}
    assert worker.asked == [train_step.PHASES]


def test_processes_share_weights_and_take_turns(train_step, arguments, pretended):
    result, environment = train_step.measure(arguments)
    assert [worker.name for worker in pretended] == ["minicnn", *train_step.LAYOUTS]
    ours, contiguous, _ = pretended
    assert ours.asked[:3] == [("minicnn_calls", "tiny", 20, "cpu"), "save", "loss"]
    made = ("torch_calls", "tiny", 20, "cpu", "contiguous_format")
    assert contiguous.asked[:3] == [made, "load", "loss"]
    rest = [train_step.PHASES] * 2 + ["peak_bytes", "eval"] + [("inference",)] * 2 + ["close"]
    assert ours.asked[3:] == contiguous.asked[3:] == rest
    assert result["torch_layout"] == "channels_last"
    assert result["ratio"] == 2.0 and result["ratio_of_blocks"] == [2.0, 2.0]
    assert result["inference_ratio"] == 2.0
    assert result["minicnn_images_per_second"] == 20 / 6
    assert result["torch_peak_memory_mib"] == dict.fromkeys(train_step.LAYOUTS, 7.0)
    assert environment == {"threads": 2, "torch threads": 2}


def test_apart_there_is_one_process_at_a_time(train_step, arguments, pretended, monkeypatch):
    monkeypatch.setattr(
        train_step, "faster_layouts",
        lambda args: {"channels_last": train_step.PHASES, "contiguous_format": ("inference",)},
    )  # fmt: skip
    arguments.apart = True
    result, _ = train_step.measure(arguments)
    assert [worker.name for worker in pretended] == ["minicnn", *reversed(train_step.LAYOUTS)]
    for worker in pretended:
        assert worker.asked[-1] == "close" and "loss" not in worker.asked
    assert result["ratio"] == 2.0 and result["inference_ratio"] == 3.0
    assert result["torch_peak_memory_mib"] == {"channels_last": 7.0}
    assert result["processes"] == "one per framework, one after the other"


def test_another_checkout_is_compared(train_step, arguments, pretended, tmp_path, capsys):
    arguments.against = str(tmp_path)
    result, _ = train_step.measure(arguments)
    assert [worker.asked[0][0] for worker in pretended] == ["minicnn_calls", "minicnn_calls"]
    assert result["other_seconds"]["other"]["step"] == 24 and result["ratio"] == 4.0
    train_step.print_result(result)
    assert "other / minicnn, whole step: 4.00 (blocks: 4.00 to 4.00)" in capsys.readouterr().out


def test_minicnn_is_measured_alone(train_step, arguments, pretended, capsys):
    arguments.against = None
    result, _ = train_step.measure(arguments)
    assert [worker.name for worker in pretended] == ["minicnn"] and "ratio" not in result
    train_step.print_result(result)
    assert "7" in capsys.readouterr().out.split("peak memory, MiB")[1].split()


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
    train_step, arguments, monkeypatch, inference, expected
):
    batches = []

    def in_turns(tasks, batch, blocks, args):
        batches.append(batch)
        return {
            layout: train_step.Measured({"step": [step], "inference": [seconds]}, 0, {})
            for layout, step, seconds in zip(train_step.LAYOUTS, (3.0, 2.0), inference, strict=True)
        }

    monkeypatch.setattr(train_step, "in_turns", in_turns)
    assert train_step.faster_layouts(arguments) == expected
    assert batches == [8]  # the trial takes few images


def test_frameworks_that_disagree_are_an_error(train_step):
    workers = {name: PretendedWorker(name) for name in ("minicnn", *train_step.LAYOUTS)}
    train_step.share_weights(workers)
    workers["channels_last"].loss = 0.71
    with pytest.raises(RuntimeError, match="disagree on the first loss"):
        train_step.share_weights(workers)


def test_both_frameworks_start_from_the_same_weights(train_step, tmp_path, monkeypatch):
    batch = np.zeros((1, 3, 64, 64), np.float32) + np.linspace(-1, 1, 64, dtype=np.float32)
    monkeypatch.setattr(train_step, "batch_of", lambda *_: (batch, np.array([1])))
    ours = train_step.minicnn_calls("resnet18", 1, "cpu")
    theirs = train_step.torch_calls("resnet18", 1, "cpu", "channels_last")
    assert theirs["loss"]() != pytest.approx(ours["loss"](), rel=1e-3)
    ours["save"](tmp_path / "weights.npz")
    theirs["load"](tmp_path / "weights.npz")
    assert theirs["loss"]() == pytest.approx(ours["loss"](), rel=1e-3)
