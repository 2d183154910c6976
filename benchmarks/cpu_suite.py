"""Networks and batch sizes on the CPU against others: tables and a bar chart from one command.

    python benchmarks/cpu_suite.py --against torch,onnxruntime

Each cell, a network at a batch size, is measured by ``train_step.py``: each contender in a process of
its own, taking turns in blocks of steps, or one after the other where a step is very large. Stop
other programs first; the whole takes about half an hour on two cores and up to 12 GB of memory.

Written to ``--out`` are cpu_suite.json, cpu_suite.md and cpu_suite.png. A suite that was
interrupted goes on from cpu_suite.partial.json, which it keeps there until it is done.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from common import LAYOUTS, markdown_table, print_environment, write_json
from cpu_chart import draw
from network_calls import MOBILENET, batch_of, minicnn_network, model_names
from train_step import opponents

from minicnn import nn

NETWORKS = ("alexnet", "alexnet_torchvision", "vgg16", "googlenet", "resnet34", MOBILENET)
BATCHES = (1, 4, 32)
ROOT = Path(__file__).parents[1]

TITLES = {
    "minicnn": "minicnn",
    "minicnn compiled": "`mc.compile`",
    "torch": "PyTorch",
    "onnxruntime": "ONNX Runtime",
}
EAGER, BOTH_WAYS = ("minicnn",), ("minicnn compiled", "minicnn")

Cell = dict[str, Any]  # what train_step.py writes

# how large a forward pass is, in multiply-adds, and how it is measured
MEDIUM, LARGE, HUGE = 10e9, 100e9, 1e12
SMALL_OPTIONS = ("--blocks", "5", "--steps", "1", "--seconds", "0.5")
MEDIUM_OPTIONS = ("--blocks", "3", "--steps", "1", "--seconds", "0.5")
LARGE_OPTIONS = ("--blocks", "1", "--steps", "1", "--seconds", "0.5")
HUGE_OPTIONS = ("--apart", "--steps", "1", "--seconds", "10")


def options_for(work: float) -> Sequence[str]:
    """How ``train_step.py`` is to measure a cell of ``work`` multiply-adds forward."""
    if work < MEDIUM:
        return SMALL_OPTIONS
    if work < LARGE:
        return MEDIUM_OPTIONS
    return LARGE_OPTIONS if work < HUGE else HUGE_OPTIONS


def multiply_adds(model: str) -> int:
    """Of a forward pass with one image."""
    images, _ = batch_of(model, 1)
    return nn.summary(minicnn_network(model), images.shape).multiply_adds


def measure(model: str, batch: int, against: Sequence[str], options: Sequence[str]) -> Cell:
    """What ``train_step.py`` writes for one network at one batch size."""
    script = Path(__file__).with_name("train_step.py")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.json"
        command = [sys.executable, str(script), "--model", model, "--batch", str(batch)]
        command += ["--against", ",".join(against), "--json", str(path), *options]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        cell = json.loads(path.read_text())
    del cell["command"]  # with a temporary file: what can be repeated is the suite
    return cell


def measure_all(
    networks: Sequence[str], batches: Sequence[int], against: Sequence[str], partial: Path
) -> list[Cell]:
    """All cells; those that ``partial`` has are taken from there, others are added to it."""
    cells: list[Cell] = json.loads(partial.read_text())["cells"] if partial.exists() else []
    known = {(c["model"], c["batch"]): c for c in cells if set(against) <= set(c["ratios"])}
    if known:
        print(f"{partial} has {len(known)} cells already; delete it to measure them again")
    found = []
    for model in networks:
        work = multiply_adds(model)
        for batch in batches:
            if (model, batch) not in known:
                known[model, batch] = measure(model, batch, against, options_for(batch * work))
                cells = list(known.values())
                write_json(partial, {"cells": cells}, cells[-1]["environment"])
            found.append(known[model, batch])
            print(line(found[-1]), flush=True)
    return found


def line(cell: Cell) -> str:
    """The ratios of a cell, to follow how the suite goes on."""
    ratios = [
        f"{rival} / minicnn, {case}: {found['ratio']:.2f}"
        for rival, cases in cell["ratios"].items()
        for case, found in cases.items()
    ]
    return f"{cell['model']}, batch {cell['batch']}: {'; '.join(ratios)}"


def page(cells: Sequence[Cell]) -> str:
    """The tables with the machine they were measured on, as Markdown."""
    environment, date = cells[-1]["environment"], cells[-1]["date"][:10]
    machine = f"{environment['cpu']}, {environment['threads']} threads, "
    machine += f"{', '.join(environment['blas'])}, NumPy {environment['numpy']}"
    rivals = tuple(cells[-1]["ratios"])
    names = " and ".join(f"{TITLES[rival]} {environment[rival]}" for rival in rivals)
    return f"""# minicnn against {names} on the CPU

{machine}; {date}; float32. Each contender in a process of its own, taking turns in blocks of steps, or
one after the other where a step is very large. PyTorch runs eagerly, in the better of its memory layouts;
`torch.compile`, which needs a C++ compiler, is not measured. A ratio above 1: minicnn is faster.

![Ratios of all networks and batches](cpu_suite.png)

## Training, images a second

Forward, backward and a step of SGD with momentum.

{speed_table(cells, "training", "step", EAGER, ("torch",))}
## Inference, images a second

Without `mc.compile` it is the network itself, in `eval()` under `no_grad()`. The ratios are those of
`mc.compile`.

{speed_table(cells, "inference", "inference", BOTH_WAYS, rivals)}
## Peak memory, MiB

The highest resident memory of a process that does only this, less that after its imports.

### Training

{memory_table(cells, "training", EAGER, ("torch",))}
### Inference

{memory_table(cells, "inference", BOTH_WAYS, rivals)}"""


def speed_table(
    cells: Iterable[Cell], case: str, phase: str, ours: Sequence[str], rivals: Sequence[str]
) -> str:
    """Images a second in ``phase``, and the ratios of ``case``."""
    titles = [TITLES[name] for name in (*ours, *rivals)]
    ratios = ["ratio"] if len(rivals) == 1 else [f"ratio to {TITLES[name]}" for name in rivals]
    rows = []
    for cell in cells:
        against = [cell["ratios"][rival][case] for rival in rivals]
        names = [*ours, *(found["rival"] for found in against)]
        rates = [f"{cell['batch'] / cell[case][name][phase]:.1f}" for name in names]
        rows.append([*label(cell), *rates, *(f"{found['ratio']:.2f}" for found in against)])
    return markdown_table(["network", "batch", *titles, *ratios], rows)


def memory_table(
    cells: Iterable[Cell], case: str, ours: Sequence[str], rivals: Sequence[str]
) -> str:
    """Peak memory; of PyTorch's layouts the one that takes less counts."""
    rows = []
    for cell in cells:
        groups = [LAYOUTS if name == "torch" else (name,) for name in (*ours, *rivals)]
        found = cell[case]
        peaks = [
            min(found[name]["peak_memory_mib"] for name in group if name in found)
            for group in groups
        ]
        rows.append([*label(cell), *(f"{peak:.0f}" for peak in peaks)])
    return markdown_table(["network", "batch", *(TITLES[name] for name in (*ours, *rivals))], rows)


def label(cell: Cell) -> tuple[str, str]:
    return cell["model"], str(cell["batch"])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--models", nargs="+", choices=model_names(), default=NETWORKS, metavar="NAME"
    )
    parser.add_argument("--batches", nargs="+", type=int, default=BATCHES, metavar="N")
    parser.add_argument(
        "--against",
        type=opponents,
        default=("torch",),
        help="torch (the default) or torch,onnxruntime",
    )
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "cpu")
    args = parser.parse_args()
    if "torch" not in args.against:
        parser.error(f"--against takes torch or torch,onnxruntime, got {','.join(args.against)}")

    args.out.mkdir(parents=True, exist_ok=True)
    partial = args.out / "cpu_suite.partial.json"
    cells = measure_all(args.models, args.batches, args.against, partial)
    write_json(args.out / "cpu_suite.json", {"cells": cells}, cells[-1]["environment"])
    (args.out / "cpu_suite.md").write_text(page(cells))
    draw(cells, args.out / "cpu_suite.png")
    partial.unlink()
    print()
    print_environment(cells[-1]["environment"])


if __name__ == "__main__":
    main()
