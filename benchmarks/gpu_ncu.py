"""Nsight Compute's figures of four kernels, at AlexNet's second convolution in bf16.

    python benchmarks/gpu_ncu.py --json ncu.json

``ncu`` runs this program again with ``--launch`` and watches what it launches between two marks. The
clocks stay as they are, so times are those of the other benchmarks.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from common import print_environment, write_json
from gpu import require_gpu

from minicnn.devices import cupy

BATCH = 512
CHANNELS, PIXELS = (96, 256), 27  # in and out; height and width
SECTIONS = ("SpeedOfLight", "LaunchStats", "Occupancy", "MemoryWorkloadAnalysis", "WarpStateStats")
PRINTED = ("Duration", "Compute (SM) Throughput", "Memory Throughput", "Achieved Occupancy")


def launch(batch: int) -> None:
    """Run each kernel once to compile it, then once between the marks."""
    calls = [*convolution(batch), *pool(batch)]
    for call in calls:
        call()
    cupy().cuda.Device().synchronize()
    cupy().cuda.runtime.profilerStart()
    for call in calls:
        call()
    cupy().cuda.Device().synchronize()
    cupy().cuda.runtime.profilerStop()


def convolution(batch: int) -> list[Any]:
    """The three passes of the convolution, 5 x 5."""
    from conv2d import minicnn_passes

    from minicnn.kernels import Geometry

    (C, O), size = CHANNELS, (PIXELS, PIXELS)
    geometry = Geometry(size, size, (5, 5), padding=(2, 2))
    shapes = (batch, C, *size), (O, C, 5, 5), (batch, O, *size)
    x, weight, grad = map(random, shapes)
    return list(minicnn_passes(x, weight, None, grad, geometry).values())


def pool(batch: int) -> list[Any]:
    """The max-pooling and ReLU after it, 3 x 3 with a stride of 2."""
    from minicnn import kernels
    from minicnn.kernels import Geometry

    x = random((batch, CHANNELS[1], PIXELS, PIXELS))
    out = (PIXELS - 3) // 2 + 1
    geometry = Geometry((PIXELS, PIXELS), (out, out), (3, 3), (2, 2))
    return [lambda: kernels.of(x).max_pool2d_relu(x, geometry)]


def random(shape: tuple[int, ...]) -> Any:
    """An array in bf16, channels-last in memory."""
    import minicnn as mc

    N, C, H, W = shape
    return mc.randn(N, H, W, C, device="cuda").array.astype(mc.bfloat16).transpose(0, 3, 1, 2)


def profile() -> str:
    """What ncu prints about the launches, as CSV."""
    command = ["ncu", "--profile-from-start", "off", "--clock-control", "none", "--csv"]
    command += [option for section in SECTIONS for option in ("--section", section)]
    command += [sys.executable, __file__, "--launch"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"ncu ended with status {done.returncode}: {done.stdout.strip()[-500:]}")
    return done.stdout


def rows_of(printed: str) -> Iterator[dict[str, Any]]:
    """A row for each launch in ncu's CSV: the kernel, and its metrics with their units."""
    lines = [line for line in printed.splitlines() if line.startswith('"')]
    launches: dict[str, dict[str, Any]] = {}
    for line in csv.DictReader(lines):
        launch = launches.setdefault(line["ID"], {"kernel": line["Kernel Name"], "metrics": {}})
        name, metrics = line.get("Metric Name"), launch["metrics"]
        if name in metrics:  # of an earlier section
            name = f"{name}, {line.get('Section Name')}"
        if name:
            metrics[name] = f"{line['Metric Value']} {line['Metric Unit']}".strip()
    yield from launches.values()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--launch", action="store_true", help="launch the kernels, without ncu")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    args = parser.parse_args()
    require_gpu()
    if args.launch:
        launch(BATCH)
        return
    rows = list(rows_of(profile()))
    for row in rows:
        print(row["kernel"], *(f"{name} {row['metrics'].get(name)}" for name in PRINTED), sep=", ")
    if args.json:
        write_json(args.json, {"batch": BATCH, "rows": rows})
    print_environment()
    if not rows:
        sys.exit("ncu reported no kernel")


if __name__ == "__main__":
    main()
