"""One training step: its phases, the blocks of a process, the comparison of several."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn, optim

pytestmark = pytest.mark.cpu_only

OURS = ["minicnn", "minicnn compiled"]
LAYOUTS = ["contiguous_format", "channels_last"]


@pytest.fixture
def train_step():
    return importlib.import_module("train_step")


@pytest.fixture
def network_calls():
    return importlib.import_module("network_calls")


@pytest.fixture
def arguments():
    return argparse.Namespace(
        model="tiny", batch=20, device="cpu", against=("torch",), apart=False, blocks=2, steps=3,
        seconds=0,
    )  # fmt: skip


class PretendedWorker:
    """Answers as a process would, and notes what it was asked for."""

    def __init__(self, name, seconds=1.0, answer=0.7):
        self.name, self.seconds, self.answer = name, seconds, answer
        self.asked = []

    def make(self, *args):
        self.asked.append(args)

    def call(self, name, *args):
        self.asked.append(name)
        if name == "save":
            Path(*args).touch()
        return {"answer": self.answer, "peak_bytes": 7 * 2**20}.get(name)

    def block(self, names, rounds, seconds):
        self.asked.append(tuple(names))
        return {name: [self.seconds * n for n in range(1, rounds + 1)] for name in names}

    def environment(self):
        return {"torch threads" if self.name in LAYOUTS else "threads": 2}

    def close(self):
        self.asked.append("close")


@pytest.fixture
def pretended(train_step, monkeypatch):
    """No process starts; the workers that were asked for, each in the order of its start."""
    started = []

    def start(name, script, checkout=None):
        seconds = {"minicnn": 1.0, "contiguous_format": 3.0, "channels_last": 2.0}.get(name, 4.0)
        started.append(PretendedWorker(name, seconds))
        return started[-1]

    monkeypatch.setattr(importlib.import_module("turns"), "Worker", start)
    monkeypatch.setattr(train_step, "Worker", start)
    return started


def test_phases_change_the_weights_and_leave_nothing(train_step, network_calls):
    net = nn.Linear(2, 3)
    sgd = optim.SGD(net.parameters(), lr=0.1)
    images, labels = mc.tensor([[1.0, -2.0]] * 4), mc.tensor([0] * 4)
    training = network_calls.Training(net, nn.CrossEntropyLoss(), sgd, images, labels)
    calls, before = training.calls(), net.weight.detach().numpy().copy()
    for phase in train_step.PHASES:
        calls[phase]()
    assert (net.weight.detach().numpy() != before).any()
    assert training.loss is None and net.weight.grad is None
    assert calls["answer"]() > 0 and training.loss is None and net.training


def test_a_block_has_training_steps(train_step, arguments):
    worker = PretendedWorker("minicnn")
    found = train_step.train_block(worker, arguments)
    assert found == {"forward": 2, "backward": 2, "optimizer": 2, "step": 6}
    assert worker.asked == [train_step.PHASES]


def test_processes_share_weights_and_take_turns(train_step, arguments, pretended):
    result, environment = train_step.measure(arguments)
    assert [worker.name for worker in pretended] == ["minicnn", *LAYOUTS, *OURS, *LAYOUTS]
    case = ("tiny", 20, "cpu")
    ours, theirs, _, eager, compiled, infers, _ = pretended
    rest = ["answer", *[train_step.PHASES] * 2, "peak_bytes", "close"]
    assert ours.asked == [("minicnn_training", *case), "save", *rest]
    assert theirs.asked == [("torch_training", *case, "contiguous_format"), "load", *rest]
    rest = [("inference",)] * 2 + ["peak_bytes"]
    assert eager.asked == [("minicnn_inference", *case), *rest, "answer", "close"]
    assert compiled.asked == [("minicnn_inference", *case, True), *rest, "answer", "close"]
    made = ("torch_inference", *case, "contiguous_format")
    assert infers.asked == [made, *rest, "load", "answer", "close"]
    assert environment == {"threads": 2, "torch threads": 2}

    found = result["ratios"]["torch"]
    assert {case: each["ratio"] for case, each in found.items()} == {
        "training": 2.0, "inference": 0.5, "eager inference": 2.0
    }  # fmt: skip
    assert found["training"]["rival"] == "channels_last"
    assert found["training"]["of_blocks"] == [2.0, 2.0]
    assert result["training"]["minicnn"]["step"] == 6
    assert result["inference"]["channels_last"] == {"inference": 4.0, "peak_memory_mib": 7.0}


def test_onnxruntime_infers_what_torch_exported(train_step, arguments, pretended):
    arguments.against = ("torch", "onnxruntime")
    result, _ = train_step.measure(arguments)
    exporter, runtime = pretended[3], pretended[-1]
    (made, *asked) = exporter.asked
    assert made[:3] == ("torch_export", "tiny", 20) and asked == ["load", "export", "close"]
    assert runtime.asked[0] == ("onnxruntime_inference", "tiny", 20, made[3], 2)
    assert runtime.asked[-2:] == ["answer", "close"]
    assert set(result["ratios"]["onnxruntime"]) == {"inference", "eager inference"}


def test_apart_there_is_one_process_at_a_time(train_step, arguments, pretended, monkeypatch):
    chosen = {"training": ("channels_last",), "inference": ("contiguous_format",)}
    monkeypatch.setattr(train_step, "faster_layouts", lambda args: chosen)
    starts = []

    def start(script, checkouts):
        starts.append(list(checkouts))
        return importlib.import_module("turns").start(script, checkouts)

    monkeypatch.setattr(train_step, "start", start)
    arguments.apart = True
    result, _ = train_step.measure(arguments)
    assert starts == [[name] for name in ("minicnn", LAYOUTS[1], *OURS, LAYOUTS[0])]
    found = result["ratios"]["torch"]
    assert found["training"]["ratio"] == 2.0 and found["eager inference"]["ratio"] == 3.0
    assert result["processes"] == "one per contender, one after the other"


def test_the_faster_layouts_are_found_with_few_images(train_step, arguments, monkeypatch):
    asked = []

    def measure(args):
        asked.append(args)
        rivals = {"training": {"rival": LAYOUTS[1]}, "inference": {"rival": LAYOUTS[0]}}
        return {"ratios": {"torch": rivals}}, {}

    monkeypatch.setattr(train_step, "measure", measure)
    arguments.apart = True
    chosen = train_step.faster_layouts(arguments)
    assert chosen == {"training": (LAYOUTS[1],), "inference": (LAYOUTS[0],)}
    assert [(args.batch, args.apart, args.against) for args in asked] == [(8, False, ("torch",))]


def test_another_checkout_is_compared(train_step, arguments, pretended, tmp_path, capsys):
    arguments.against = (str(tmp_path),)
    result, _ = train_step.measure(arguments)
    others = ["other", "other compiled"]
    assert [worker.name for worker in pretended] == ["minicnn", "other", *OURS, *others]
    assert {worker.asked[0][0] for worker in pretended} == {
        "minicnn_training", "minicnn_inference"
    }  # fmt: skip
    assert result["training"]["other"]["step"] == 24
    assert result["ratios"]["other"]["inference"]["rival"] == "other compiled"
    train_step.print_result(result)
    assert "other / minicnn, training: 4.00 (blocks: 4.00 to 4.00)" in capsys.readouterr().out


def test_minicnn_is_measured_alone(train_step, arguments, pretended, capsys):
    arguments.against = ()
    result, _ = train_step.measure(arguments)
    assert [worker.name for worker in pretended] == ["minicnn", *OURS] and not result["ratios"]
    train_step.print_result(result)
    assert "2000.0        10.0           7\n" in capsys.readouterr().out  # inference


def test_frameworks_that_disagree_are_an_error(train_step):
    outputs = np.array([3.0, 4.0])
    train_step.check_agreement({"minicnn": outputs, "channels_last": outputs + 1e-4})
    with pytest.raises(RuntimeError, match="channels_last differs by 2.0e-02 from minicnn"):
        train_step.check_agreement({"minicnn": outputs, "channels_last": outputs + [0.1, 0]})
    with pytest.raises(RuntimeError, match="differs by nan"):
        train_step.check_agreement({"minicnn": 0.7, "channels_last": float("nan")})


@pytest.fixture
def small_batch(network_calls, monkeypatch):
    """Two images of 64 pixels."""
    images = np.random.default_rng(1).standard_normal((2, 3, 64, 64), dtype=np.float32)
    monkeypatch.setattr(network_calls, "batch_of", lambda *_: (images, np.array([1, 0])))


@pytest.mark.parametrize(
    "model", [pytest.param("resnet18", marks=pytest.mark.slow), "mobilenet_blocks"]
)
def test_both_frameworks_compute_the_same(network_calls, small_batch, model, tmp_path):
    ours = network_calls.minicnn_training(model, 2, "cpu")
    theirs = network_calls.torch_training(model, 2, "cpu", "channels_last")
    assert theirs["answer"]() != pytest.approx(ours["answer"](), rel=1e-3)
    ours["save"](tmp_path / "weights.npz")
    theirs["load"](tmp_path / "weights.npz")
    assert theirs["answer"]() == pytest.approx(ours["answer"](), rel=1e-3)

    theirs = network_calls.torch_inference(model, 2, "cpu", "channels_last")
    theirs["load"](tmp_path / "weights.npz")
    for compiled in (False, True):  # it makes the same weights in each process
        ours = network_calls.minicnn_inference(model, 2, "cpu", compiled)
        ours["inference"]()
        np.testing.assert_allclose(ours["answer"](), theirs["answer"](), rtol=1e-3)


@pytest.mark.slow
def test_onnxruntime_computes_the_same(network_calls, small_batch, tmp_path):
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    ours = network_calls.minicnn_inference("mobilenet_blocks", 2, "cpu")
    ours["save"](tmp_path / "weights.npz")
    exporter = network_calls.torch_export("mobilenet_blocks", 2, tmp_path / "net.onnx")
    exporter["load"](tmp_path / "weights.npz")
    exporter["export"]()
    theirs = network_calls.onnxruntime_inference("mobilenet_blocks", 2, tmp_path / "net.onnx", 1)
    theirs["inference"]()
    np.testing.assert_allclose(theirs["answer"](), ours["answer"](), rtol=1e-3)


def test_the_images_decide_what_comes_out(network_calls, small_batch):
    """Otherwise agreement would say nothing: see minicnn_network."""
    for model in ("googlenet", "mobilenet_blocks"):
        first, second = network_calls.minicnn_inference(model, 2, "cpu")["answer"]()
        assert np.linalg.norm(first - second) > 0.01 * np.linalg.norm(first)


def test_against(train_step, monkeypatch, tmp_path):
    assert train_step.opponents("torch") == ("torch",)
    with pytest.raises(argparse.ArgumentTypeError, match="expected torch or the folder"):
        train_step.opponents("torch,jax")
    checkout = str(Path(train_step.__file__).parents[1])
    assert train_step.opponents(checkout) == (checkout,)
    monkeypatch.setattr(train_step, "check_installed", lambda: None)
    assert train_step.opponents("torch,onnxruntime") == ("torch", "onnxruntime")


def test_missing_packages_are_named(monkeypatch):
    onnx_runtime = importlib.import_module("onnx_runtime")
    found = {"torch": "its spec"}.get
    monkeypatch.setattr(onnx_runtime.importlib.util, "find_spec", found)
    with pytest.raises(ImportError, match=r"but onnx, onnxscript, onnxruntime cannot be found.*\["):
        onnx_runtime.check_installed()
