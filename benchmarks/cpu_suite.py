"""Networks and batch sizes on the CPU against PyTorch: a table and a bar chart from one command.

    python benchmarks/cpu_suite.py

Each cell, a network at a batch size, is measured by ``train_step.py``: each framework in a process of
its own, taking turns in blocks of steps, or one after the other where a step is large. Stop other
programs first; the whole takes about half an hour on two cores and up to 12 GB of memory.

Written to ``--out`` are cpu_suite.json, cpu_suite.md and cpu_suite.png. A suite that was
interrupted goes on from cpu_suite.partial.json, which it keeps there until it is done.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common import markdown_table, print_environment, write_json
from cpu_chart import draw
from train_step import NUM_CLASSES, SPECIAL_NAMES, batch_of, model_names

from minicnn import models, nn

NETWORKS = ("alexnet", "alexnet_torchvision", "vgg16", "resnet34", "googlenet")
BATCHES = (1, 32, 128)
TITLES = (
    "network", "batch", "training, images/s", "PyTorch", "ratio", "inference, images/s", "PyTorch",
    "ratio", "peak memory, MiB", "PyTorch",
)  # fmt: skip
LARGE = 100e9  # multiply-adds of a forward pass: up to here, processes take turns
ROOT = Path(__file__).parents[1]

Cell = dict[str, Any]  # what train_step.py writes


def options_for(work: int) -> list[str]:
    """How ``train_step.py`` is to measure a cell of ``work`` multiply-adds forward."""
    return ["--apart", "--steps", "1", "--seconds", "10"] if work > LARGE else []


def multiply_adds(model: str) -> int:
    """Of a forward pass with one image."""
    images, _ = batch_of(model, 1)
    net = models.get_model(SPECIAL_NAMES.get(model, model), num_classes=NUM_CLASSES)
    return nn.summary(net, images.shape).multiply_adds


def measure(model: str, batch: int, options: Sequence[str]) -> Cell:
    """What ``train_step.py`` writes for one network at one batch size."""
    script = Path(__file__).with_name("train_step.py")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.json"
        command = [sys.executable, str(script), "--model", model, "--batch", str(batch)]
        command += ["--against", "torch", "--json", str(path), *options]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        cell = json.loads(path.read_text())
    del cell["command"]  # with a temporary file: what can be repeated is the suite
    return cell


def measure_all(networks: Sequence[str], batches: Sequence[int], partial: Path) -> list[Cell]:
    """All cells; those that ``partial`` has are taken from there, others are added to it."""
    cells: list[Cell] = json.loads(partial.read_text())["cells"] if partial.exists() else []
    known = {(cell["model"], cell["batch"]): cell for cell in cells}
    if known:
        print(f"{partial} has {len(known)} cells already; delete it to measure them again")
    print(*TITLES, sep="  ", flush=True)
    found = []
    for model in networks:
        work = multiply_adds(model)
        for batch in batches:
            if (model, batch) not in known:
                known[model, batch] = measure(model, batch, options_for(batch * work))
                cells = list(known.values())
                write_json(partial, {"cells": cells}, cells[-1]["environment"])
            found.append(known[model, batch])
            print(*row(found[-1]), sep="  ", flush=True)
    return found


def row(cell: Cell) -> list[str]:
    """A line of the table: PyTorch in the better of its layouts, by itself in each column."""
    ours, theirs, batch = cell["minicnn_seconds"], cell["torch_seconds"].values(), cell["batch"]
    line = [cell["model"], str(batch)]
    for name, ratio in (("step", "ratio"), ("inference", "inference_ratio")):
        best = min(seconds[name] for seconds in theirs if name in seconds)
        line += [f"{batch / ours[name]:.1f}", f"{batch / best:.1f}", f"{cell[ratio]:.2f}"]
    memory = min(cell["torch_peak_memory_mib"].values())
    return [*line, f"{cell['minicnn_peak_memory_mib']:.0f}", f"{memory:.0f}"]


def page(cells: Sequence[Cell]) -> str:
    """The table with the machine it was measured on, as Markdown."""
    environment, date = cells[-1]["environment"], cells[-1]["date"][:10]
    machine = f"{environment['cpu']}, {environment['threads']} threads, "
    machine += f"{', '.join(environment['blas'])}, NumPy {environment['numpy']}"
    return (
        f"# minicnn against PyTorch {environment['torch']} on the CPU\n\n"
        f"{machine}; {date}; float32. Each framework in a process of its own, taking turns in "
        f"blocks of steps, or one after the other where a step is large. A ratio above 1: minicnn "
        f"is faster.\n\n"
        f"![Ratios of all networks and batches](cpu_suite.png)\n\n"
        f"{markdown_table(TITLES, map(row, cells))}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--models", nargs="+", choices=model_names(), default=NETWORKS, metavar="NAME"
    )
    parser.add_argument("--batches", nargs="+", type=int, default=BATCHES, metavar="N")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "cpu")
    args = parser.parse_args()

    args.out.mkdir(parents=True, exist_ok=True)
    partial = args.out / "cpu_suite.partial.json"
    cells = measure_all(args.models, args.batches, partial)
    write_json(args.out / "cpu_suite.json", {"cells": cells}, cells[-1]["environment"])
    (args.out / "cpu_suite.md").write_text(page(cells))
    draw(cells, args.out / "cpu_suite.png")
    partial.unlink()
    print()
    print_environment(cells[-1]["environment"])


if __name__ == "__main__":
    main()
