"""What an operation costs besides its arithmetic: microseconds a call on tensors of a few numbers.

    python benchmarks/overhead.py --against torch
    python benchmarks/overhead.py --against ../before

The second compares two checkouts of minicnn. Each framework or checkout has a process of its own,
and they take turns in blocks of calls, the others asleep.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from common import (
    checkout_or_torch,
    contenders,
    environment_of,
    print_environment,
    write_json,
)
from turns import Worker, medians, processes, start, take_turns

ROUNDS, REPEATS = 3, 200  # in a block each operation is timed so often, over so many calls
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


def minicnn_calls() -> Calls:
    import minicnn
    import minicnn.nn.functional as F

    return operations(minicnn, F)


def torch_calls() -> Calls:
    import torch

    return operations(torch, torch.nn.functional)


def microseconds(workers: Mapping[str, Worker], blocks: int) -> dict[str, dict[str, float]]:
    """For each operation the median duration of a call, over the blocks of each worker."""
    for name, worker in workers.items():
        names = worker.make("torch_calls" if name == "torch" else "minicnn_calls")

    def turn(worker: Worker) -> dict[str, float]:
        return medians(worker.block(names, ROUNDS, repeats=REPEATS))

    found = {name: medians(turns) for name, turns in take_turns(workers, turn, blocks).items()}
    return {
        operation: {name: 1e6 * found[name][operation] for name in workers} for operation in names
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--blocks", type=int, default=9, help="turns of each (default 9)")
    parser.add_argument(
        "--against", type=checkout_or_torch, help="torch, or the folder of another checkout"
    )
    parser.add_argument("--json", type=Path, help="also write the result to this file")
    args = parser.parse_args()

    with start(__file__, contenders(args.against)) as workers:
        table = microseconds(workers, args.blocks)
        measured_in = environment_of(worker.environment() for worker in workers.values())
    titles = list(workers)
    titles += [f"minicnn/{titles[-1]}"] if args.against else []
    print(f"{'microseconds a call':26}", *(f"{title:>13}" for title in titles))
    for operation, found in table.items():
        ours, *theirs = found.values()
        columns = [ours, *theirs, *(ours / other for other in theirs)]
        print(f"{operation:26}", *(f"{value:13.2f}" for value in columns))
    print()
    print_environment(measured_in)
    if args.json:
        how = {"processes": processes(args.blocks, ROUNDS * REPEATS)}
        write_json(args.json, {"microseconds": table, **how}, measured_in)


if __name__ == "__main__":
    main()
