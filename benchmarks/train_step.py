"""One training step (forward, backward, optimizer), inference and memory, against PyTorch.

    python benchmarks/train_step.py --model alexnet --batch 32 --against torch

Both frameworks start from the same weights and see the same images, and take turns step by step, so
that whatever else the machine does slows both alike. PyTorch runs in both of its memory layouts;
the faster one counts, for the step and for inference by itself. Peak memory is measured apart from time, each framework in a process of its
own. Stop other programs first.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import print_environment, synchronizer, write_json

import minicnn as mc
from minicnn import models, nn, optim

# "alexnet" is the one for 227 pixels; torchvision's goes by "alexnet_torchvision"
BUILDERS = {name: name for name in models.list_models() if not name.startswith("alexnet")}
MODELS = {"alexnet": "alexnet227", "alexnet_torchvision": "alexnet"} | BUILDERS
NUM_CLASSES = 2
SGD_OPTIONS = {"lr": 1e-3, "momentum": 0.9, "weight_decay": 5e-4}
LAYOUTS = ("contiguous_format", "channels_last")
PHASES = ("forward", "backward", "optimizer")
AUXILIARY = {"googlenet": 0.3, "fcn": 0.5}  # weights of the losses of auxiliary classifiers
WARM_UP_STEPS = 2
MIB = 2**20


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


def trainings(args: argparse.Namespace) -> dict[str, Training]:
    """What takes turns: minicnn and, if asked, PyTorch in each layout with the same weights."""
    ours = minicnn_training(args.model, args.batch, args.device)
    runs = {"minicnn": ours}
    if args.against == "torch":
        import torch

        weights = {k: torch.tensor(v.cpu().numpy()) for k, v in ours.net.state_dict().items()}
        for layout in LAYOUTS:
            runs[layout] = torch_training(args.model, args.batch, args.device, layout)
            runs[layout].net.load_state_dict(weights)
        losses = {name: run.loss_without_dropout() for name, run in runs.items()}
        if not all(math.isclose(loss, losses["minicnn"], rel_tol=1e-3) for loss in losses.values()):
            raise RuntimeError(f"the frameworks disagree on the first loss: {losses}")
    return runs


def phase_seconds(
    runs: dict[str, Training], steps: int, synchronize: Callable[[], object]
) -> dict[str, dict[str, float]]:
    """Median seconds of each phase, of the whole ``step`` and of ``inference``, for each of ``runs``."""
    seconds: dict[str, dict[str, list[float]]] = {
        name: {phase: [] for phase in (*PHASES, "step", "inference")} for name in runs
    }
    for step in range(WARM_UP_STEPS + steps):
        for name, run in runs.items():
            synchronize()
            times = [time.perf_counter()]
            for phase in (*PHASES, "inference"):
                getattr(run, phase)()
                synchronize()
                times.append(time.perf_counter())
            if step >= WARM_UP_STEPS:
                for phase, start, end in zip(
                    (*PHASES, "inference"), times[:-1], times[1:], strict=True
                ):
                    seconds[name][phase].append(end - start)
                seconds[name]["step"].append(times[-2] - times[0])
    return {
        name: {phase: statistics.median(values) for phase, values in phases.items()}
        for name, phases in seconds.items()
    }


def peak_memory(framework: str, args: argparse.Namespace) -> float:
    """Peak memory of a few steps in MiB, measured in a process of its own."""
    command = [sys.executable, __file__, "--peak-memory-of", framework, "--model", args.model]
    command += ["--batch", str(args.batch), "--device", args.device]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def print_peak_memory(framework: str, args: argparse.Namespace) -> None:
    """The child's part of :func:`peak_memory`: make the network and train it for three steps."""
    if framework != "minicnn":
        import torch  # noqa: F401  (part of the baseline)
        import torch_models  # noqa: F401
    peak = _peak_bytes_reader(framework, args.device)
    if framework == "minicnn":
        run = minicnn_training(args.model, args.batch, args.device)
    else:
        run = torch_training(args.model, args.batch, args.device, layout=framework)
    for _ in range(3):
        run.forward()
        run.backward()
        run.optimizer()
    print(peak() / MIB)


def _peak_bytes_reader(framework: str, device: str) -> Callable[[], float]:
    """What tells the peak so far, without what was in use when this was called."""
    if device == "cpu":
        before = _peak_resident_bytes()
        return lambda: _peak_resident_bytes() - before
    if framework != "minicnn":
        import torch

        return torch.cuda.max_memory_allocated
    cupy = mc.Device(device).xp
    pool = cupy.get_default_memory_pool()

    class Watch(cupy.cuda.MemoryHook):  # type: ignore[misc]
        name = "peak"
        peak = 0

        def malloc_postprocess(self, **_: Any) -> None:
            self.peak = max(self.peak, pool.used_bytes())

    watch = Watch()
    watch.__enter__()
    return lambda: watch.peak


def _peak_resident_bytes() -> int:
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count the parent's memory too
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Everything that is printed or written."""
    # Memory first: a child is not slowed by networks that this process holds.
    layouts = LAYOUTS if args.against == "torch" else ()
    memory = {name: peak_memory(name, args) for name in ("minicnn", *layouts)}
    seconds = phase_seconds(trainings(args), args.steps, synchronizer(args.device))
    result: dict[str, Any] = {
        "model": args.model,
        "batch": args.batch,
        "device": args.device,
        "minicnn_images_per_second": args.batch / seconds["minicnn"]["step"],
        "minicnn_seconds": seconds["minicnn"],
        "minicnn_peak_memory_mib": memory["minicnn"],
    }
    if layouts:
        best = min(layouts, key=lambda layout: seconds[layout]["step"])
        inference = min(seconds[layout]["inference"] for layout in layouts)
        result |= {
            "torch_images_per_second": args.batch / seconds[best]["step"],
            "ratio": seconds[best]["step"] / seconds["minicnn"]["step"],
            "inference_ratio": inference / seconds["minicnn"]["inference"],
            "torch_layout": best,
            "torch_seconds": {layout: seconds[layout] for layout in layouts},
            "torch_peak_memory_mib": {layout: memory[layout] for layout in layouts},
        }
    return result | {"steps": args.steps}


def print_result(result: dict[str, Any]) -> None:
    columns = {"minicnn": (result["minicnn_seconds"], result["minicnn_peak_memory_mib"])}
    for layout, seconds in result.get("torch_seconds", {}).items():
        columns[f"torch {layout}"] = (seconds, result["torch_peak_memory_mib"][layout])
    print(f"{result['model']}, batch {result['batch']}, {result['device']}, float32: ", end="")
    print(f"medians of {result['steps']} steps")
    print(f"{'':24}", *(f"{name:>24}" for name in columns))
    for phase in (*PHASES, "step", "inference"):
        row = (f"{seconds[phase] * 1e3:24.1f}" for seconds, _ in columns.values())
        print(f"{phase + ', ms':24}", *row)
    row = (f"{result['batch'] / seconds['step']:24.1f}" for seconds, _ in columns.values())
    print(f"{'images per second':24}", *row)
    print(f"{'peak memory, MiB':24}", *(f"{memory:24.0f}" for _, memory in columns.values()))
    if result["device"] == "cpu":
        print("(highest resident memory of a process making three steps, less that after imports)")
    else:
        print("(highest number of bytes of the framework's memory pool in use at a time)")
    if "ratio" in result:
        print(
            f"torch ({result['torch_layout']}) / minicnn, whole step: {result['ratio']:.2f}, "
            f"inference: {result['inference_ratio']:.2f}"
        )
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", choices=MODELS, default="alexnet", metavar="MODEL")
    parser.add_argument("--batch", type=int, default=32, help="images per step (default 32)")
    parser.add_argument("--against", choices=["torch"], help="also measure PyTorch")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--steps", type=int, default=7, help="timed steps of each (default 7)")
    parser.add_argument("--json", type=Path, help="also write the result to this file")
    parser.add_argument("--peak-memory-of", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if os.environ.pop("OPENBLAS_CORETYPE", None):
        # It makes OpenBLAS use the kernels of another CPU, and was read when NumPy was loaded.
        os.execv(sys.executable, [sys.executable, *sys.argv])
    if args.peak_memory_of:
        print_peak_memory(args.peak_memory_of, args)
        return
    result = measure(args)
    print_result(result)
    print_environment()
    if args.json:
        write_json(args.json, result)


if __name__ == "__main__":
    main()
