"""One training step (forward, backward, optimizer), inference and memory, against PyTorch.

    python benchmarks/train_step.py --model alexnet --batch 32 --against torch
    python benchmarks/train_step.py --model googlenet --batch 1 --against torch,onnxruntime
    python benchmarks/train_step.py --model resnet34 --batch 1 --against ../before

The last compares two checkouts of minicnn: the one of this file with the ``other``.

All have the same weights and see the same images. Each contender has a process of its own, and
PyTorch one for each of its memory layouts, of which the faster counts, for the step and for
inference by itself. The processes take turns in blocks of steps, the others asleep; so whatever else
the machine does slows all alike. Inference is measured in other processes than training: of minicnn
there are two, with ``mc.compile`` and without. ONNX Runtime runs what ``torch.onnx.export`` wrote,
with as many threads as minicnn. Peak memory is what a process took for its network, its batch and
its steps. In the end, losses and outputs must agree. Stop other programs first.

``--apart`` is for large batches, of which two would fill the memory and both layouts take long.
PyTorch then runs in the layout that is faster with few images, and the processes run one after the
other, a block each.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import (
    LAYOUTS,
    checkout_or_torch,
    environment_of,
    print_environment,
    write_json,
)
from memory import MIB
from network_calls import model_names
from onnx_runtime import check_installed
from turns import CHECKOUT, Worker, medians, processes, start, take_turns

PHASES = ("forward", "backward", "optimizer")
APART = "one per contender, one after the other"
TRIAL_BATCH, TRIAL_STEPS = 8, 3  # to find the faster layout, before large batches
LIBRARIES = ("torch", "onnxruntime")  # other values of --against are folders
TOLERANCE = 1e-3  # of losses and outputs, relative to minicnn's
CALLS = Path(__file__).with_name("network_calls.py")


@dataclass
class Contender:
    """A process: the function of ``network_calls.py`` that makes its calls, and its minicnn."""

    function: str
    arguments: tuple[Any, ...]
    checkout: Path = CHECKOUT


@dataclass
class Measured:
    """What a process found: seconds of each phase in each block, peak memory, loss or outputs."""

    blocks: dict[str, list[float]]
    peak_memory_mib: float
    answer: Any
    environment: dict[str, Any]


Measure = Callable[[Mapping[str, Worker], Path, argparse.Namespace], dict[str, Measured]]


def contenders(
    args: argparse.Namespace, phase: str, layouts: Sequence[str]
) -> dict[str, Contender]:
    """The processes that are measured in ``training`` or ``inference``, except ONNX Runtime's.

    PyTorch has one for each of ``layouts``. In inference minicnn has two, with ``mc.compile`` and
    without.
    """
    case = (args.model, args.batch, args.device)
    ways = {"": case, " compiled": (*case, True)} if phase == "inference" else {"": case}
    checkouts = {"minicnn": CHECKOUT}
    for folder in set(args.against) - set(LIBRARIES):  # at most one
        checkouts["other"] = Path(folder).resolve()
    found = {
        name + way: Contender(f"minicnn_{phase}", arguments, checkout)
        for name, checkout in checkouts.items()
        for way, arguments in ways.items()
    }
    if "torch" in args.against:
        found |= {layout: Contender(f"torch_{phase}", (*case, layout)) for layout in layouts}
    return found


def onnxruntime_contender(args: argparse.Namespace, weights: Path, threads: int) -> Contender:
    """ONNX Runtime, with a file beside ``weights`` that PyTorch writes in a process of its own."""
    path = weights.with_suffix(".onnx")
    exporter = Worker("the export to ONNX", CALLS)
    with contextlib.closing(exporter):
        exporter.make("torch_export", args.model, args.batch, path)
        exporter.call("load", weights)
        exporter.call("export")
    return Contender("onnxruntime_inference", (args.model, args.batch, path, threads))


def run(
    found: Mapping[str, Contender], measure: Measure, weights: Path, args: argparse.Namespace
) -> dict[str, Measured]:
    """Start the processes, all or one after the other, give them their calls and measure.

    Raises:
        RuntimeError: if the losses or outputs differ from minicnn's.
    """
    groups = [{name: contender} for name, contender in found.items()] if args.apart else [found]
    results: dict[str, Measured] = {}
    for group in groups:
        checkouts = {name: contender.checkout for name, contender in group.items()}
        with start(CALLS, checkouts) as workers:
            for name, contender in group.items():
                workers[name].make(contender.function, *contender.arguments)
            results |= measure(workers, weights, args)
    check_agreement({name: result.answer for name, result in results.items()})
    return results


def train(
    workers: Mapping[str, Worker], weights: Path, args: argparse.Namespace
) -> dict[str, Measured]:
    """Training from ``weights``, a file that the first process of all writes."""
    for worker in workers.values():
        worker.call("load" if weights.exists() else "save", weights)
    losses = {name: worker.call("answer") for name, worker in workers.items()}
    blocks = take_turns(workers, lambda worker: train_block(worker, args), args.blocks)
    peaks = peaks_mib(workers)
    return {
        name: Measured(blocks[name], peaks[name], losses[name], worker.environment())
        for name, worker in workers.items()
    }


def infer(
    workers: Mapping[str, Worker], weights: Path, args: argparse.Namespace
) -> dict[str, Measured]:
    """Inference. PyTorch gets the ``weights`` after it, because loading takes memory, too."""
    blocks = take_turns(workers, lambda worker: inference_block(worker, args), args.blocks)
    peaks = peaks_mib(workers)
    for name in {*LAYOUTS, "other"} & set(workers):
        workers[name].call("load", weights)
    return {
        name: Measured(blocks[name], peaks[name], worker.call("answer"), worker.environment())
        for name, worker in workers.items()
    }


def train_block(worker: Worker, args: argparse.Namespace) -> dict[str, float]:
    """Median seconds of the phases of a training step and of the whole ``step``."""
    found = worker.block(PHASES, args.steps, args.seconds)
    found["step"] = [sum(phases) for phases in zip(*found.values(), strict=True)]
    return medians(found)


def inference_block(worker: Worker, args: argparse.Namespace) -> dict[str, float]:
    return medians(worker.block(("inference",), args.steps, args.seconds))


def peaks_mib(workers: Mapping[str, Worker]) -> dict[str, float]:
    return {name: worker.call("peak_bytes") / MIB for name, worker in workers.items()}


def check_agreement(answers: Mapping[str, Any]) -> None:
    """Compare losses or outputs with the first, by their Frobenius norm."""
    first, *others = answers.items()
    for name, answer in others:
        # of one image, the loss of an untrained network may be 0
        error = np.linalg.norm(answer - first[1]) / (np.linalg.norm(first[1]) or 1.0)
        if not error <= TOLERANCE:
            raise RuntimeError(
                f"{name} differs by {error:.1e} from {first[0]} in its first loss or its outputs"
            )


def measure(args: argparse.Namespace) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is printed and written, and the environment."""
    layouts = faster_layouts(args) if args.apart and "torch" in args.against else {}
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "weights.npz"
        chosen = contenders(args, "training", layouts.get("training", LAYOUTS))
        training = run(chosen, train, weights, args)
        chosen = contenders(args, "inference", layouts.get("inference", LAYOUTS))
        if "onnxruntime" in args.against:
            threads = training["minicnn"].environment["threads"]
            chosen["onnxruntime"] = onnxruntime_contender(args, weights, threads)
        inference = run(chosen, infer, weights, args)
    result = {
        **{name: getattr(args, name) for name in ("model", "batch", "device", "apart")},
        "training": {name: numbers(found) for name, found in training.items()},
        "inference": {name: numbers(found) for name, found in inference.items()},
        "ratios": ratios(training, inference),
        **{name: getattr(args, name) for name in ("blocks", "steps", "seconds")},
        "processes": APART if args.apart else processes(args.blocks, args.steps),
    }
    everyone = [*training.values(), *inference.values()]
    return result, environment_of(found.environment for found in everyone)


def faster_layouts(args: argparse.Namespace) -> dict[str, Sequence[str]]:
    """PyTorch's faster layout in training, and in inference, found with few images."""
    few = {"batch": min(args.batch, TRIAL_BATCH), "steps": TRIAL_STEPS, "seconds": 0, "blocks": 1}
    trial = {**vars(args), **few, "against": ("torch",), "apart": False}
    found = measure(argparse.Namespace(**trial))[0]["ratios"]["torch"]
    return {phase: (found[phase]["rival"],) for phase in ("training", "inference")}


def numbers(found: Measured) -> dict[str, float]:
    """Median seconds of each phase and the peak memory."""
    return {**medians(found.blocks), "peak_memory_mib": found.peak_memory_mib}


def ratios(
    training: Mapping[str, Measured], inference: Mapping[str, Measured]
) -> dict[str, dict[str, dict[str, Any]]]:
    """For each rival the ratios of its seconds to minicnn's; above 1, minicnn is faster.

    ``inference`` is with ``mc.compile``, ``eager inference`` without. Another checkout is compared
    in the same way, a library in its faster one.
    """
    cases = {
        "training": (training, "minicnn", "step"),
        "inference": (inference, "minicnn compiled", "inference"),
        "eager inference": (inference, "minicnn", "inference"),
    }
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for case, (measured, ours, phase) in cases.items():
        rivals = {
            "torch": LAYOUTS,
            "onnxruntime": ("onnxruntime",),
            "other": (ours.replace("minicnn", "other"),),
        }
        for rival, names in rivals.items():
            if able := [name for name in names if name in measured]:
                seconds = {name: medians(measured[name].blocks)[phase] for name in able}
                best = min(able, key=seconds.__getitem__)
                own, theirs = (measured[name].blocks[phase] for name in (ours, best))
                found.setdefault(rival, {})[case] = {
                    "rival": best,
                    "ratio": seconds[best] / medians(measured[ours].blocks)[phase],
                    "of_blocks": [b / a for a, b in zip(own, theirs, strict=True)],
                }
    return found


def print_result(result: Mapping[str, Any]) -> None:
    print(f"{result['model']}, batch {result['batch']}, {result['device']}, float32, medians")
    print(f"processes: {result['processes']}")
    for title, phases, whole in (
        ("training", (*PHASES, "step"), "step"),
        ("inference", ("inference",), "inference"),
    ):
        print(f"{title:20}", *(f"{phase + ', ms':>14}" for phase in phases), end="")
        print(f"{'images/s':>12}{'peak, MiB':>12}")
        for name, found in result[title].items():
            label = f"torch {name}" if name in LAYOUTS else name
            print(f"{label:24}", *(f"{found[phase] * 1e3:13.1f}" for phase in phases), end="")
            print(f"{result['batch'] / found[whole]:12.1f}{found['peak_memory_mib']:12.0f}")
    if result["device"] == "cpu":
        print("(highest resident memory of the process, less that after imports)")
    else:
        print("(highest number of bytes of the framework's memory pool in use at a time)")
    for rival, cases in result["ratios"].items():
        for case, found in cases.items():
            lowest, highest = min(found["of_blocks"]), max(found["of_blocks"])
            print(f"{rival} / minicnn, {case}: {found['ratio']:.2f}", end="")
            print(f" (blocks: {lowest:.2f} to {highest:.2f})")
    print()


def opponents(text: str) -> tuple[str, ...]:
    """The value of ``--against``: libraries, separated by commas, or the folder of a checkout."""
    names = tuple(text.split(","))
    if not set(names) <= set(LIBRARIES):
        return (checkout_or_torch(text),)
    if "onnxruntime" in names:
        try:
            check_installed()
        except ImportError as error:
            raise argparse.ArgumentTypeError(str(error)) from error
    return names


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", choices=model_names(), default="alexnet", metavar="MODEL")
    parser.add_argument("--batch", type=int, default=32, help="images per step (default 32)")
    parser.add_argument(
        "--against",
        type=opponents,
        default=(),
        help="torch, torch,onnxruntime, or the folder of another checkout",
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
    if args.apart:
        args.blocks = 1
    if "onnxruntime" in args.against and args.device != "cpu":
        parser.error("onnxruntime is measured on the CPU")
    result, measured_in = measure(args)
    print_result(result)
    print_environment(measured_in)
    if args.json:
        write_json(args.json, result, measured_in)


if __name__ == "__main__":
    main()
