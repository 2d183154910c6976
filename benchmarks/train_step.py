"""One training step (forward, backward, optimizer), inference and memory, against PyTorch.

    python benchmarks/train_step.py --model alexnet --batch 32 --against torch
    python benchmarks/train_step.py --model resnet34 --batch 1 --against ../before

The second compares two checkouts of minicnn: the one of this file with the ``other``.

All start from the same weights and see the same images. Each framework has a process of its own, and
PyTorch one for each of its memory layouts, of which the faster counts, for the step and for
inference by itself. The processes take turns in blocks of steps, the others asleep; so whatever else
the machine does slows all alike. Inference comes after all training. Peak memory is what a process
took until then. Stop other programs first.

``--apart`` is for large batches, of which two would fill the memory and both layouts take long.
PyTorch then runs in the layout that is faster with few images (the step in one and inference in the
other, if they differ), and the processes run one after the other, a block each, from weights of
their own.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import (
    LAYOUTS,
    checkout_or_torch,
    contenders,
    environment_of,
    print_environment,
    synchronizer,
    write_json,
)
from memory import MIB, peak_bytes_reader
from turns import CHECKOUT, Worker, medians, processes, start, take_turns

# "alexnet" is the one for 227 pixels; torchvision's goes by "alexnet_torchvision"
SPECIAL_NAMES = {"alexnet": "alexnet227", "alexnet_torchvision": "alexnet"}
NUM_CLASSES = 2
SGD_OPTIONS: dict[str, Any] = {"lr": 1e-3, "momentum": 0.9, "weight_decay": 5e-4}
PHASES = ("forward", "backward", "optimizer")
ALL_PHASES = (*PHASES, "inference")
AUXILIARY = {"googlenet": 0.3, "fcn": 0.5}  # weights of the losses of auxiliary classifiers
APART = "one per framework, one after the other"
TRIAL_BATCH, TRIAL_STEPS = 8, 3  # to find the faster layout, before large batches

Calls = dict[str, Callable[..., Any]]


def model_names() -> list[str]:
    """Of all networks, as ``--model`` takes them."""
    from minicnn import models

    others = [name for name in models.list_models() if name not in SPECIAL_NAMES.values()]
    return [*SPECIAL_NAMES, *others]


class Training:
    """A network with its batch and optimizer; the calls are the same in both frameworks."""

    def __init__(
        self,
        net: Any,
        cross_entropy: Any,
        no_grad: Any,
        optimizer: Any,
        images: Any,
        labels: Any,
    ) -> None:
        self.net = net
        self.cross_entropy = cross_entropy
        self.no_grad = no_grad
        self.sgd = optimizer
        self.images = images
        self.labels = labels
        self.loss: Any = None

    def forward(self) -> None:
        outputs = self.net(self.images)
        if isinstance(outputs, dict):  # FCN: "out" and perhaps "aux"
            outputs, share = tuple(outputs.values()), AUXILIARY["fcn"]
        elif isinstance(outputs, tuple):
            share = AUXILIARY["googlenet"]
        else:
            outputs, share = (outputs,), 0.0
        losses = [self.cross_entropy(scores, self.labels) for scores in outputs]
        self.loss = sum((share * loss for loss in losses[1:]), losses[0])

    def backward(self) -> None:
        self.loss.backward()

    def optimizer(self) -> None:
        self.sgd.step()
        self.sgd.zero_grad()
        self.loss = None

    def eval(self) -> None:
        self.net.eval()

    def inference(self) -> None:
        with self.no_grad():
            self.net(self.images)

    def loss_without_dropout(self) -> float:
        self.net.eval()
        self.forward()
        self.net.train()
        loss, self.loss = float(self.loss.item()), None
        return loss

    def calls(self) -> Calls:
        """What its process can be asked for."""
        return {
            **{phase: getattr(self, phase) for phase in ALL_PHASES},
            "eval": self.eval,
            "loss": self.loss_without_dropout,
        }


def batch_of(model: str, batch: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    size = 227 if model == "alexnet" else 224
    images = rng.standard_normal((batch, 3, size, size), dtype=np.float32)
    labels = (batch, size, size) if model.startswith("fcn") else batch
    return images, rng.integers(0, NUM_CLASSES, labels)


def minicnn_calls(model: str, batch: int, device: str) -> Calls:
    import minicnn as mc
    from minicnn import models, nn, optim

    peak = peak_bytes_reader("minicnn", device)
    mc.manual_seed(0)
    images, labels = (mc.tensor(array).to(device) for array in batch_of(model, batch))
    options = {"aux_loss": True} if model.startswith("fcn_") else {}
    name = SPECIAL_NAMES.get(model, model)
    net = models.get_model(name, num_classes=NUM_CLASSES, **options).to(device)
    sgd = optim.SGD(net.parameters(), **SGD_OPTIONS)
    training = Training(net, nn.CrossEntropyLoss(), mc.no_grad, sgd, images, labels)

    def save(path: Path) -> None:
        weights: dict[str, Any] = {k: v.cpu().numpy() for k, v in net.state_dict().items()}
        np.savez(path, **weights)

    def load(path: Path) -> None:
        with np.load(path) as weights:
            net.load_state_dict({key: mc.tensor(weights[key]) for key in weights.files})

    return {
        **training.calls(),
        "save": save,
        "load": load,
        "peak_bytes": peak,
        "synchronize": synchronizer(mc, device),
    }


def torch_calls(model: str, batch: int, device: str, layout: str) -> Calls:
    import torch
    import torch_models

    peak = peak_bytes_reader("torch", device)
    memory_format = getattr(torch, layout)
    images, labels = (torch.from_numpy(array).to(device) for array in batch_of(model, batch))
    images = images.contiguous(memory_format=memory_format)
    net = torch_models.get_model(SPECIAL_NAMES.get(model, model), NUM_CLASSES).to(device)
    net = net.to(memory_format=memory_format)
    sgd = torch.optim.SGD(net.parameters(), **SGD_OPTIONS)
    training = Training(net, torch.nn.CrossEntropyLoss(), torch.no_grad, sgd, images, labels)

    def load(path: Path) -> None:
        with np.load(path) as weights:
            net.load_state_dict({key: torch.from_numpy(weights[key]) for key in weights.files})

    return {
        **training.calls(),
        "load": load,
        "peak_bytes": peak,
        "synchronize": synchronizer(torch, device),
    }


def share_weights(workers: Mapping[str, Worker]) -> None:
    """Give all the weights of the first, and compare the losses.

    Raises:
        RuntimeError: if a loss without dropout differs by more than 1e-3 of the first.
    """
    first, *others = workers.values()
    if not others:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.npz"
        first.call("save", path)
        for worker in others:
            worker.call("load", path)
    losses = {name: worker.call("loss") for name, worker in workers.items()}
    if not all(math.isclose(loss, losses[first.name], rel_tol=1e-3) for loss in losses.values()):
        raise RuntimeError(f"the frameworks disagree on the first loss: {losses}")


def train_block(worker: Worker, steps: int, seconds: float) -> dict[str, float]:
    """Median seconds of the phases of a training step and of the whole ``step``."""
    found = worker.block(PHASES, steps, seconds)
    found["step"] = [sum(phases) for phases in zip(*found.values(), strict=True)]
    return medians(found)


@dataclass
class Measured:
    """One process: seconds of each phase in each block, peak memory in training, environment."""

    blocks: dict[str, list[float]]
    peak_memory_mib: float
    environment: dict[str, Any]


def in_turns(
    tasks: Mapping[str, Iterable[str]], batch: int, blocks: int, args: argparse.Namespace
) -> dict[str, Measured]:
    """Measure the phases of ``tasks`` for minicnn, layouts of PyTorch, or the other checkout."""
    checkouts = {name: contenders(args.against).get(name, CHECKOUT) for name in tasks}
    with start(__file__, checkouts) as workers:
        for name, worker in workers.items():
            function, *layout = ("torch_calls", name) if name in LAYOUTS else ("minicnn_calls",)
            worker.make(function, args.model, batch, args.device, *layout)
        share_weights(workers)

        some = {name: worker for name, worker in workers.items() if "forward" in tasks[name]}
        found = take_turns(some, lambda w: train_block(w, args.steps, args.seconds), blocks)
        peaks = {name: worker.call("peak_bytes") / MIB for name, worker in workers.items()}

        some = {name: worker for name, worker in workers.items() if "inference" in tasks[name]}
        for worker in some.values():
            worker.call("eval")
        inference = take_turns(
            some, lambda w: medians(w.block(("inference",), args.steps, args.seconds)), blocks
        )
        return {
            name: Measured(
                {**found.get(name, {}), **inference.get(name, {})},
                peaks[name],
                worker.environment(),
            )
            for name, worker in workers.items()
        }


def faster_layouts(args: argparse.Namespace) -> dict[str, tuple[str, ...]]:
    """What each of PyTorch's layouts is to do, as it is faster at: the step, inference or both."""
    trial = argparse.Namespace(**{**vars(args), "steps": TRIAL_STEPS, "seconds": 0})
    tasks = {"minicnn": (), **dict.fromkeys(LAYOUTS, ALL_PHASES)}
    found = in_turns(tasks, min(args.batch, TRIAL_BATCH), 1, trial)
    seconds = {layout: medians(found[layout].blocks) for layout in LAYOUTS}
    chosen: dict[str, tuple[str, ...]] = {}
    for phases, name in ((PHASES, "step"), (("inference",), "inference")):
        best = min(LAYOUTS, key=lambda layout: seconds[layout][name])
        chosen[best] = (*chosen.get(best, ()), *phases)
    return chosen


def rivals(args: argparse.Namespace) -> dict[str, tuple[str, ...]]:
    """Whom minicnn is compared with, and the phases each runs."""
    if args.against != "torch":
        return {"other": ALL_PHASES} if args.against else {}
    return faster_layouts(args) if args.apart else dict.fromkeys(LAYOUTS, ALL_PHASES)


def measure(args: argparse.Namespace) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is printed and written, and the environment."""
    tasks = {"minicnn": ALL_PHASES, **rivals(args)}
    if args.apart:
        measured: dict[str, Measured] = {}
        for name, phases in tasks.items():
            measured |= in_turns({name: phases}, args.batch, 1, args)
    else:
        measured = in_turns(tasks, args.batch, args.blocks, args)
    ours = measured.pop("minicnn")
    seconds = medians(ours.blocks)
    result: dict[str, Any] = {
        "model": args.model,
        "batch": args.batch,
        "device": args.device,
        "apart": args.apart,
        "minicnn_images_per_second": args.batch / seconds["step"],
        "minicnn_seconds": seconds,
        "minicnn_peak_memory_mib": ours.peak_memory_mib,
    }
    if measured:
        result |= comparison(ours, measured, "torch" if args.against == "torch" else "other")
    blocks = 1 if args.apart else args.blocks
    result |= {"blocks": blocks, "steps": args.steps, "seconds": args.seconds}
    result["processes"] = APART if args.apart else processes(blocks, args.steps)
    everyone = [ours, *measured.values()]
    return result, environment_of(found.environment for found in everyone)


def comparison(ours: Measured, theirs: Mapping[str, Measured], rival: str) -> dict[str, Any]:
    """The rival's part of a result; a ratio above 1 means that minicnn is faster."""
    seconds = {name: medians(found.blocks) for name, found in theirs.items()}
    result: dict[str, Any] = {}
    for phase, ratio in (("step", "ratio"), ("inference", "inference_ratio")):
        able = {name: found[phase] for name, found in seconds.items() if phase in found}
        best = min(able, key=able.__getitem__)
        pairs = zip(theirs[best].blocks[phase], ours.blocks[phase], strict=True)
        result[ratio] = able[best] / medians(ours.blocks)[phase]
        result[f"{ratio}_of_blocks"] = [rival_seconds / mine for rival_seconds, mine in pairs]
        if phase == "step":
            result |= {f"{rival}_layout": best} if rival == "torch" else {}
            memory = {name: theirs[name].peak_memory_mib for name in able}
    return {**result, f"{rival}_seconds": seconds, f"{rival}_peak_memory_mib": memory}


def print_result(result: dict[str, Any]) -> None:
    rival = "torch" if "torch_seconds" in result else "other"
    columns = {"minicnn": (result["minicnn_seconds"], result["minicnn_peak_memory_mib"])}
    for name, seconds in result.get(f"{rival}_seconds", {}).items():
        title = f"torch {name}" if rival == "torch" else name
        columns[title] = (seconds, result[f"{rival}_peak_memory_mib"].get(name))
    print(f"{result['model']}, batch {result['batch']}, {result['device']}, float32, medians")
    print(f"processes: {result['processes']}")
    print(f"{'':24}", *(f"{name:>24}" for name in columns))
    for phase in (*PHASES, "step", "inference"):
        milliseconds = [seconds.get(phase, math.nan) * 1e3 for seconds, _ in columns.values()]
        print(f"{phase + ', ms':24}", *map(_cell, milliseconds))
    rates = [result["batch"] / seconds.get("step", math.nan) for seconds, _ in columns.values()]
    print(f"{'images per second':24}", *map(_cell, rates))
    print(
        f"{'peak memory, MiB':24}",
        *(_cell(memory or math.nan, 0) for _, memory in columns.values()),
    )
    if result["device"] == "cpu":
        print("(highest resident memory of the process, less that after imports)")
    else:
        print("(highest number of bytes of the framework's memory pool in use at a time)")
    for title, ratio in (("whole step", "ratio"), ("inference", "inference_ratio")):
        if ratio in result:
            blocks = result[f"{ratio}_of_blocks"]
            print(f"{rival} / minicnn, {title}: {result[ratio]:.2f}", end="")
            print(f" (blocks: {min(blocks):.2f} to {max(blocks):.2f})")
    print()


def _cell(value: float, digits: int = 1) -> str:
    """A number, or a dash for what was not measured."""
    return f"{'-' if math.isnan(value) else format(value, f'.{digits}f'):>24}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", choices=model_names(), default="alexnet", metavar="MODEL")
    parser.add_argument("--batch", type=int, default=32, help="images per step (default 32)")
    parser.add_argument(
        "--against", type=checkout_or_torch, help="torch, or the folder of another checkout"
    )
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--blocks", type=int, default=5, help="turns of each (default 5)")
    parser.add_argument("--steps", type=int, default=2, help="timed in a block (default 2) ...")
    parser.add_argument(
        "--seconds", type=float, default=1, help="... and more until these are over (default 1)"
    )
    parser.add_argument("--apart", action="store_true", help="for large batches: see above")
    parser.add_argument("--json", type=Path, help="also write the result to this file")
    args = parser.parse_args()
    result, measured_in = measure(args)
    print_result(result)
    print_environment(measured_in)
    if args.json:
        write_json(args.json, result, measured_in)


if __name__ == "__main__":
    main()
