"""Every network's training step and inference on the CPU, against PyTorch, as one table.

    python benchmarks/models.py --json models.json --table models.md

Each network is measured by ``train_step.py`` in a process of its own, which says how. Stop other
programs first; all networks take about a quarter of an hour.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from common import write_json
from train_step import MODELS

TITLES = (
    "network", "training, images/s", "PyTorch", "ratio", "inference, images/s", "PyTorch", "ratio",
    "peak memory, MiB", "PyTorch",
)  # fmt: skip


def measure(model: str, args: argparse.Namespace) -> dict[str, Any]:
    """What ``train_step.py`` writes for one network."""
    script = Path(__file__).with_name("train_step.py")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.json"
        command = [sys.executable, str(script), "--model", model, "--batch", str(args.batch)]
        command += ["--steps", str(args.steps), "--against", "torch", "--json", str(path)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return json.loads(path.read_text())


def row(result: dict[str, Any]) -> list[str]:
    """A line of the table: PyTorch in the better of its layouts, by itself in each column."""
    ours, theirs = result["minicnn_seconds"], result["torch_seconds"].values()
    batch = result["batch"]
    cells = [result["model"]]
    for name, ratio in (("step", "ratio"), ("inference", "inference_ratio")):
        best = min(seconds[name] for seconds in theirs)
        cells += [f"{batch / ours[name]:.1f}", f"{batch / best:.1f}", f"{result[ratio]:.2f}"]
    memory = min(result["torch_peak_memory_mib"].values())
    return [*cells, f"{result['minicnn_peak_memory_mib']:.0f}", f"{memory:.0f}"]


def markdown(rows: list[list[str]]) -> str:
    """The table in Markdown."""
    lines = [TITLES, ["---", *["---:"] * (len(TITLES) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS), metavar="NAME")
    parser.add_argument("--batch", type=int, default=4, help="images per step (default 4)")
    parser.add_argument("--steps", type=int, default=3, help="timed steps of each (default 3)")
    parser.add_argument("--json", type=Path, help="also write everything to this file")
    parser.add_argument("--table", type=Path, help="also write the table to this file")
    args = parser.parse_args()

    results = []
    for model in args.models:
        results.append(measure(model, args))
        print(*row(results[-1]), sep="  ", flush=True)
    table = markdown([row(result) for result in results])
    print(f"\n{table}")
    if args.table:
        args.table.write_text(table)
    if args.json:
        write_json(args.json, {"batch": args.batch, "results": results})


if __name__ == "__main__":
    main()
