"""First light: the largest tiles of the tensor cores, and one training step as a CUDA graph.

    python benchmarks/gpu_smoke.py --json smoke.json

If one of them is wrong, no other number of the suite means much.
"""

from __future__ import annotations

import argparse
import functools
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from common import print_environment, write_json
from gpu import require_gpu

import minicnn as mc
from minicnn import nn, optim

if TYPE_CHECKING:
    from minicnn.kernels.cuda.gemm import tiles

TILES = "256x128", "wgmma 128x256"  # the largest of each instruction; only Hopper has wgmma
BFLOAT16_ROUNDING = 8e-3  # of a result, as a share of the largest


def checks() -> dict[str, Callable[[], bool]]:
    """What this GPU is asked for, by its name in the results."""
    from minicnn.kernels.cuda import conv
    from minicnn.kernels.cuda.gemm import tiles

    products = {
        f"a product with the {tile.name} tile": functools.partial(product, tile)
        for tile in tiles.available("bfloat16", conv.current_gpu())
        if tile.name in TILES
    }
    return {**products, "a training step as a graph": graph}


def product(tile: tiles.Tile) -> bool:
    """Whether a product in bf16 of several tiles is that of the same numbers in float64."""
    from minicnn.kernels import cuda
    from minicnn.kernels.cuda import conv
    from minicnn.kernels.cuda.gemm import tiles

    x, weight = (mc.randn(rows, 96, device="cuda").to(dtype=mc.bfloat16) for rows in (300, 264))
    with conv.planned_by(lambda problem, gpu: tiles.Plan(tile, splits=1)):
        out = mc.Tensor.of(cuda.linear(x.array, weight.array, None))
    ours, exact = to_numpy(out), to_numpy(x) @ to_numpy(weight).T
    return bool(np.abs(ours - exact).max() <= BFLOAT16_ROUNDING * np.abs(exact).max())


def to_numpy(tensor: mc.Tensor) -> np.ndarray:
    return tensor.cpu().numpy().astype(np.float64)


def graph() -> bool:
    """Whether a captured training step, replayed, has the losses of the same steps call by call."""
    eager, captured = (losses(wrap) for wrap in (lambda step: step, mc.cuda.graph))
    return eager == captured and eager[0] > eager[-1]


def losses(wrap: Callable[[Any], Any]) -> list[float]:
    """Of a few steps of a small network on one batch."""
    mc.manual_seed(0)
    net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4)).to("cuda")
    criterion, sgd = nn.CrossEntropyLoss(), optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    images, labels = mc.randn(4, 8, device="cuda"), mc.tensor([0, 1, 2, 3], device="cuda")

    def step(images: mc.Tensor, labels: mc.Tensor) -> mc.Tensor:
        sgd.zero_grad()
        loss = criterion(net(images), labels)
        loss.backward()
        sgd.step()
        return loss.detach()

    run = wrap(step)
    return [run(images, labels).item() for _ in range(6)]


def check(run: Callable[[], bool]) -> str:
    """What came of a check, in words."""
    try:
        return "right" if run() else "wrong"
    except Exception as error:  # noqa: BLE001  the other checks are made all the same
        return f"{type(error).__name__}: {error}".partition("\n")[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", type=Path, help="also write the results to this file")
    args = parser.parse_args()
    require_gpu()
    rows: list[dict[str, Any]] = []
    for name, run in checks().items():
        began = time.perf_counter()
        result = check(run)
        rows.append({"check": name, "result": result, "seconds": time.perf_counter() - began})
        print(f"{name}: {result}, {rows[-1]['seconds']:.1f} s", flush=True)
        if args.json:
            write_json(args.json, {"rows": rows})
    print_environment()
    if any(row["result"] != "right" for row in rows):
        sys.exit("not all is right")


if __name__ == "__main__":
    main()
