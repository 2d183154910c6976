"""One training step (forward, backward, optimizer), inference and memory, against PyTorch.

    python benchmarks/train_step.py --model alexnet --batch 32 --against torch

Both frameworks start from the same weights and see the same images, and take turns step by step, so
that whatever else the machine does slows both alike. PyTorch runs in both of its memory layouts;
the faster one counts, for the step and for inference by itself. Peak memory is measured apart from
time, each framework in a process of its own. Stop other programs first.

``--apart`` is for large batches, of which two would fill the memory and both layouts take long.
PyTorch then runs in the layout that is faster with few images (the step in one and inference in the
other, if they differ), and each framework runs in a process of its own, one after the other, in
which time and memory are measured together.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from common import print_environment, synchronizer, write_json
from memory import MIB, peak_bytes_reader

import minicnn as mc
from minicnn import models, nn, optim

# "alexnet" is the one for 227 pixels; torchvision's goes by "alexnet_torchvision"
BUILDERS = {name: name for name in models.list_models() if not name.startswith("alexnet")}
MODELS = {"alexnet": "alexnet227", "alexnet_torchvision": "alexnet"} | BUILDERS
NUM_CLASSES = 2
SGD_OPTIONS = {"lr": 1e-3, "momentum": 0.9, "weight_decay": 5e-4}
LAYOUTS = ("contiguous_format", "channels_last")
PHASES = ("forward", "backward", "optimizer")
ALL_PHASES = (*PHASES, "inference")
AUXILIARY = {"googlenet": 0.3, "fcn": 0.5}  # weights of the losses of auxiliary classifiers
TRIAL_BATCH, TRIAL_STEPS = 8, 3  # to find the faster layout, before large batches


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

    def turn(self, phases: Iterable[str], synchronize: Callable[[], object]) -> dict[str, float]:
        """Runs the phases; returns the seconds of each and of the whole ``step``."""
        seconds = {}
        for phase in phases:
            synchronize()
            start = time.perf_counter()
            getattr(self, phase)()
            synchronize()
            seconds[phase] = time.perf_counter() - start
        if set(PHASES) <= set(seconds):
            seconds["step"] = sum(seconds[phase] for phase in PHASES)
        self.loss = None  # gradients are gone already: nothing is left for the other's turn
        return seconds

    def inference(self) -> None:
        self.net.eval()
        with self.no_grad():
            self.net(self.images)
        self.net.train()

    def loss_without_dropout(self) -> float:
        self.net.eval()
        self.forward()
        self.net.train()
        loss, self.loss = float(self.loss.item()), None
        return loss


def batch_of(model: str, batch: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    size = 227 if model == "alexnet" else 224
    images = rng.standard_normal((batch, 3, size, size), dtype=np.float32)
    labels = (batch, size, size) if model.startswith("fcn") else batch
    return images, rng.integers(0, NUM_CLASSES, labels)


def minicnn_training(model: str, batch: int, device: str) -> Training:
    mc.manual_seed(0)
    images, labels = (mc.tensor(array).to(device) for array in batch_of(model, batch))
    options = {"aux_loss": True} if model.startswith("fcn_") else {}
    net = models.get_model(MODELS[model], num_classes=NUM_CLASSES, **options).to(device)
    sgd = optim.SGD(net.parameters(), **SGD_OPTIONS)
    return Training(net, nn.CrossEntropyLoss(), mc.no_grad, sgd, images, labels)


def torch_training(model: str, batch: int, device: str, layout: str) -> Training:
    import torch
    import torch_models

    memory_format = getattr(torch, layout)
    images, labels = (torch.from_numpy(array).to(device) for array in batch_of(model, batch))
    images = images.contiguous(memory_format=memory_format)
    net = torch_models.get_model(MODELS[model], NUM_CLASSES).to(device)
    net = net.to(memory_format=memory_format)
    sgd = torch.optim.SGD(net.parameters(), **SGD_OPTIONS)
    return Training(net, torch.nn.CrossEntropyLoss(), torch.no_grad, sgd, images, labels)


def trainings(
    contenders: Iterable[str], batch: int, args: argparse.Namespace
) -> dict[str, Training]:
    """minicnn, and PyTorch in each layout among ``contenders`` with the same weights."""
    ours = minicnn_training(args.model, batch, args.device)
    runs = {"minicnn": ours}
    layouts = [name for name in contenders if name != "minicnn"]
    if layouts:
        import torch

        weights = {k: torch.tensor(v.cpu().numpy()) for k, v in ours.net.state_dict().items()}
        for layout in layouts:
            runs[layout] = torch_training(args.model, batch, args.device, layout)
            runs[layout].net.load_state_dict(weights)
        losses = {name: run.loss_without_dropout() for name, run in runs.items()}
        if not all(math.isclose(loss, losses["minicnn"], rel_tol=1e-3) for loss in losses.values()):
            raise RuntimeError(f"the frameworks disagree on the first loss: {losses}")
    return runs


def phase_seconds(
    runs: Mapping[str, Training], contenders: Mapping[str, Iterable[str]], args: argparse.Namespace
) -> dict[str, dict[str, float]]:
    """Median seconds of each phase of ``contenders``, and of the whole ``step``."""
    synchronize = synchronizer(args.device)
    turns: dict[str, list[dict[str, float]]] = {name: [] for name in contenders}
    for _ in range(args.warm_up):
        for name, phases in contenders.items():
            runs[name].turn(phases, synchronize)
    start, steps = time.perf_counter(), 0
    while steps < args.steps or time.perf_counter() - start < args.seconds:
        for name, phases in contenders.items():
            turns[name].append(runs[name].turn(phases, synchronize))
        steps += 1
    return {
        name: {phase: statistics.median(turn[phase] for turn in mine) for phase in mine[0]}
        for name, mine in turns.items()
    }


def faster_layouts(args: argparse.Namespace) -> dict[str, tuple[str, ...]]:
    """What each of PyTorch's layouts is to do, as it is faster at: the step, inference or both."""
    trial = argparse.Namespace(**{**vars(args), "warm_up": 1, "steps": TRIAL_STEPS, "seconds": 0})
    runs = trainings(("minicnn", *LAYOUTS), min(args.batch, TRIAL_BATCH), trial)
    seconds = phase_seconds(runs, dict.fromkeys(LAYOUTS, ALL_PHASES), trial)
    tasks: dict[str, tuple[str, ...]] = {}
    for phases, name in ((PHASES, "step"), (("inference",), "inference")):
        best = min(LAYOUTS, key=lambda layout: seconds[layout][name])
        tasks[best] = (*tasks.get(best, ()), *phases)
    return tasks


def alone(framework: str, phases: Iterable[str], args: argparse.Namespace) -> dict[str, Any]:
    """The seconds and the peak memory (MiB) of a framework in a process of its own."""
    command = [sys.executable, __file__, "--alone", framework, "--phases", *phases]
    for name in ("model", "batch", "device", "warm_up", "steps", "seconds"):
        command += [f"--{name.replace('_', '-')}", str(getattr(args, name))]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def print_alone(framework: str, args: argparse.Namespace) -> None:
    """The child's part of :func:`alone`."""
    if framework != "minicnn":
        import torch  # noqa: F401  (part of the baseline)
        import torch_models  # noqa: F401
    peak = peak_bytes_reader(framework, args.device)
    if framework == "minicnn":
        run = minicnn_training(args.model, args.batch, args.device)
    else:
        run = torch_training(args.model, args.batch, args.device, layout=framework)
    seconds = phase_seconds({framework: run}, {framework: args.phases}, args)[framework]
    print(json.dumps({"seconds": seconds, "peak_memory_mib": peak() / MIB}))


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Everything that is printed or written."""
    contenders = {"minicnn": ALL_PHASES}
    if args.against == "torch":
        contenders |= faster_layouts(args) if args.apart else dict.fromkeys(LAYOUTS, ALL_PHASES)
    if args.apart:
        found = {name: alone(name, phases, args) for name, phases in contenders.items()}
        seconds = {name: result["seconds"] for name, result in found.items()}
    else:
        # Memory first: a child is not slowed by networks that this process holds.
        few = argparse.Namespace(**{**vars(args), "warm_up": 1, "steps": 2, "seconds": 0})
        found = {name: alone(name, PHASES, few) for name in contenders}
        runs = trainings(contenders, args.batch, args)
        seconds = phase_seconds(runs, contenders, args)
    memory = {name: result["peak_memory_mib"] for name, result in found.items()}
    result: dict[str, Any] = {
        "model": args.model,
        "batch": args.batch,
        "device": args.device,
        "apart": args.apart,
        "minicnn_images_per_second": args.batch / seconds["minicnn"]["step"],
        "minicnn_seconds": seconds["minicnn"],
        "minicnn_peak_memory_mib": memory["minicnn"],
    }
    if args.against:
        theirs = {name: seconds[name] for name in contenders if name != "minicnn"}
        training = {name: phases["step"] for name, phases in theirs.items() if "step" in phases}
        best = min(training, key=training.__getitem__)
        inference = min(p["inference"] for p in theirs.values() if "inference" in p)
        result |= {
            "torch_images_per_second": args.batch / training[best],
            "ratio": training[best] / seconds["minicnn"]["step"],
            "inference_ratio": inference / seconds["minicnn"]["inference"],
            "torch_layout": best,
            "torch_seconds": theirs,
            "torch_peak_memory_mib": {layout: memory[layout] for layout in training},
        }
    return result | {"steps": args.steps, "seconds": args.seconds}


def print_result(result: dict[str, Any]) -> None:
    columns = {"minicnn": (result["minicnn_seconds"], result["minicnn_peak_memory_mib"])}
    for layout, seconds in result.get("torch_seconds", {}).items():
        columns[f"torch {layout}"] = (seconds, result["torch_peak_memory_mib"].get(layout))
    print(f"{result['model']}, batch {result['batch']}, {result['device']}, float32: ", end="")
    print(f"medians of {'at least ' if result['seconds'] else ''}{result['steps']} steps")
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
        print("(highest resident memory of a process of its own, less that after imports)")
    else:
        print("(highest number of bytes of the framework's memory pool in use at a time)")
    if "ratio" in result:
        print(
            f"torch ({result['torch_layout']}) / minicnn, whole step: {result['ratio']:.2f}, "
            f"inference: {result['inference_ratio']:.2f}"
        )
    print()


def _cell(value: float, digits: int = 1) -> str:
    """A number, or a dash for what was not measured."""
    return f"{'-' if math.isnan(value) else format(value, f'.{digits}f'):>24}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", choices=MODELS, default="alexnet", metavar="MODEL")
    parser.add_argument("--batch", type=int, default=32, help="images per step (default 32)")
    parser.add_argument("--against", choices=["torch"], help="also measure PyTorch")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--steps", type=int, default=7, help="timed steps of each (default 7) ...")
    parser.add_argument(
        "--seconds", type=float, default=0, help="... and more until these are over"
    )
    parser.add_argument("--warm-up", type=int, default=2, help="steps before them (default 2)")
    parser.add_argument("--apart", action="store_true", help="for large batches: see above")
    parser.add_argument("--json", type=Path, help="also write the result to this file")
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    parser.add_argument("--phases", nargs="+", choices=ALL_PHASES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if os.environ.pop("OPENBLAS_CORETYPE", None):
        # It makes OpenBLAS use the kernels of another CPU, and was read when NumPy was loaded.
        os.execv(sys.executable, [sys.executable, *sys.argv])
    if args.alone:
        print_alone(args.alone, args)
        return
    result = measure(args)
    print_result(result)
    print_environment()
    if args.json:
        write_json(args.json, result)


if __name__ == "__main__":
    main()
