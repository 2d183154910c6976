"""How minicnn and PyTorch share two cores with other processes.

    python benchmarks/neighbours.py

A training step and inference are timed alone, beside a process that keeps one core busy, and in two
processes side by side, each with the threads that it takes by default. A busy core slows threads that
wait for each other; a second process also slows threads that spin while they wait. The table shows
how many times as long a step takes beside the busy process, and how much two processes get done
together, as a share of what one does alone. PyTorch runs in the memory layout channels_last,
the faster one with many images. It takes about five minutes; stop other programs first.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from common import environment_of, print_environment, write_json
from network_calls import model_names
from train_step import CALLS, Contender, contenders, inference_block, train_block
from turns import Worker, start

NETWORKS = ("alexnet", "resnet34")
LAYOUT = "channels_last"
WHOLE = {"training": "step", "inference": "inference"}  # what counts of a block

Row = dict[str, Any]


@contextlib.contextmanager
def busy_core() -> Iterator[None]:
    """Another process that computes all the time, on one core."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            yield
        finally:
            process.kill()


def measure(contender: Contender, phase: str, args: argparse.Namespace) -> Row:
    """Seconds of a step alone, beside a busy core, and in two processes; and what follows."""

    def seconds(worker: Worker) -> float:
        block = train_block if phase == "training" else inference_block
        return block(worker, args)[WHOLE[phase]]

    alone, beside, together = [], [], []
    with start(CALLS, dict.fromkeys(("first", "second"), contender.checkout)) as workers:
        for worker in workers.values():
            worker.make(contender.function, *contender.arguments)
        for _ in range(args.blocks):
            alone.append(seconds(workers["first"]))
            with busy_core():
                beside.append(seconds(workers["first"]))
            with ThreadPoolExecutor() as pool:  # each thread waits for a process
                together.append(list(pool.map(seconds, workers.values())))
        environment = workers["first"].environment()
    usual = statistics.median(alone)
    shares = [sum(usual / each for each in pair) for pair in together]
    return {
        "alone": usual,
        "beside_a_busy_core": statistics.median(beside),
        "together": together,
        "slowdown": statistics.median(beside) / usual,
        "throughput_of_two": statistics.median(shares),
        "environment": environment,
    }


def rows_of(network: str, args: argparse.Namespace) -> Iterator[Row]:
    """What is measured of a network, one contender after the other."""
    case = argparse.Namespace(
        **{**vars(args), "model": network, "device": "cpu", "apart": False, "against": ("torch",)}
    )
    for phase in WHOLE:
        for name, contender in contenders(case, phase, (LAYOUT,)).items():
            title = f"torch {name}" if name == LAYOUT else name
            found = measure(contender, phase, case)
            yield {"network": network, "phase": phase, "contender": title, **found}


def print_row(row: Mapping[str, Any]) -> None:
    print(
        f"{row['network']:12}{row['phase']:11}{row['contender']:26}{row['alone'] * 1e3:10.0f}",
        f"{row['slowdown']:18.2f}{row['throughput_of_two']:19.2f}",
        flush=True,
    )


def measure_all(networks: Sequence[str], args: argparse.Namespace) -> list[Row]:
    """All rows, printed when they are known."""
    print(f"batch {args.batch}, float32, medians of {args.blocks} blocks")
    print(f"{'':49}{'alone, ms':>10}{'beside busy core':>19}{'two, throughput':>19}")
    rows = []
    for network in networks:
        for row in rows_of(network, args):
            print_row(row)
            rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--models", nargs="+", choices=model_names(), default=NETWORKS, metavar="NAME"
    )
    parser.add_argument("--batch", type=int, default=32, help="images per step (default 32)")
    parser.add_argument("--blocks", type=int, default=2, help="of each kind (default 2)")
    parser.add_argument("--steps", type=int, default=1, help="timed in a block (default 1) ...")
    parser.add_argument(
        "--seconds", type=float, default=1, help="... and more until these are over (default 1)"
    )
    parser.add_argument("--json", type=Path, help="also write the result to this file")
    args = parser.parse_args()
    rows = measure_all(args.models, args)
    measured_in = environment_of(row.pop("environment") for row in rows)
    print()
    print_environment(measured_in)
    if args.json:
        write_json(args.json, {"batch": args.batch, "rows": rows}, measured_in)


if __name__ == "__main__":
    main()
