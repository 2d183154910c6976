"""What an operation costs besides its arithmetic: microseconds a call on tensors of a few numbers.

python benchmarks/overhead.py --against torch
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common import print_environment, write_json

import minicnn
import minicnn.nn.functional as F
from minicnn.kernels.cpu.runtime.threads import for_each_slice

Calls = dict[str, Callable[[], object]]


def operations(library: Any, functional: Any) -> Calls:
    """Calls by name, the same for minicnn and torch."""
    x, y = library.ones(4), library.ones(4)
    recorded = library.ones(4).requires_grad_()
    row, weight, bias = library.ones(1, 8), library.ones(8, 8), library.ones(8)
    recorded_weight = library.ones(8, 8).requires_grad_()
    image = library.ones(1, 4, 6, 6)

    def without_grad() -> object:
        with library.no_grad():
            return recorded + y

    def train() -> None:
        recorded.grad = None
        (recorded * y).sum().backward()

    return {
        "x + y": lambda: x + y,
        "x + y, recorded": lambda: recorded + y,
        "x + y in no_grad()": without_grad,
        "x * y": lambda: x * y,
        "x * y, recorded": lambda: recorded * y,
        "x * 2.0": lambda: x * 2.0,
        "exp": lambda: library.exp(x),
        "relu": lambda: functional.relu(x),
        "sum": lambda: x.sum(),
        "mean": lambda: x.mean(),
        "x[1:]": lambda: x[1:],
        "x[0].item()": lambda: x[0].item(),
        "reshape": lambda: x.reshape(2, 2),
        "shape": lambda: x.shape,
        "matmul": lambda: weight @ weight,
        "linear": lambda: functional.linear(row, weight, bias),
        "linear, recorded": lambda: functional.linear(row, recorded_weight, bias),
        "softmax": lambda: functional.softmax(row, 1),
        "max_pool2d": lambda: functional.max_pool2d(image, 2),
        "(x * y).sum().backward()": train,
    }


def microseconds(runs: Calls, repeats: int) -> dict[str, float]:
    """The median duration of a call of each of ``runs``, which take turns of a few milliseconds."""
    found: dict[str, list[float]] = {name: [] for name in runs}
    for repeat in range(repeats + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            for _ in range(200):
                run()
            if repeat:
                found[name].append((time.perf_counter() - start) / 200 * 1e6)
    return {name: statistics.median(values) for name, values in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=15, help="timed turns (default 15)")
    parser.add_argument("--against", choices=["torch"], help="also time PyTorch")
    parser.add_argument("--json", type=Path, help="also write the result to this file")
    args = parser.parse_args()

    ours, theirs = operations(minicnn, F), {}
    if args.against:
        import torch

        theirs = operations(torch, torch.nn.functional)
    titles = ["minicnn", "torch", "minicnn/torch"] if theirs else ["minicnn"]
    print(f"{'microseconds a call':26}", *(f"{title:>13}" for title in titles))
    table = {}
    for name, run in ours.items():
        runs = {"minicnn": run} | ({"torch": theirs[name]} if theirs else {})
        found = table[name] = microseconds(runs, args.repeats)
        columns = [f"{value:13.2f}" for value in found.values()]
        if theirs:
            columns.append(f"{found['minicnn'] / found['torch']:13.2f}")
        print(f"{name:26}", *columns)
    split = microseconds({"split": lambda: for_each_slice(2, lambda start, stop: None)}, 5)["split"]
    print(f"{'work split over threads':26} {split:13.2f}\n")
    print_environment()
    if args.json:
        write_json(args.json, {"microseconds": table})


if __name__ == "__main__":
    main()
