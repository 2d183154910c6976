"""The best that the card reaches: cuBLAS's matrix products in bf16 and TF32, and copying memory.

    python benchmarks/gpu_ceilings.py --json ceilings.json

The other GPU benchmarks are compared with these numbers, not with the data sheet, because a card
under a power limit does not reach what its data sheet says.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from common import print_environment, write_json
from gpu import allow_tf32, gpu_seconds, require_gpu

MATRIX_SIZES = (4096, 8192)
COPY_BYTES = 1 << 30  # many times the L2 cache


def matmul_tflops(dtype: Any, size: int) -> float:
    """TFLOP/s of a product of two random size x size matrices (zeros would draw less power)."""
    import torch

    a, b = (torch.randn(size, size, device="cuda").to(dtype) for _ in range(2))
    return 2 * size**3 / seconds_of(lambda: a @ b) / 1e12


def copy_gbs() -> float:
    """GB/s of a copy within the card's memory, counting bytes read and bytes written."""
    import torch

    source = torch.empty(COPY_BYTES, dtype=torch.uint8, device="cuda").random_()
    target = torch.empty_like(source)
    return 2 * COPY_BYTES / seconds_of(lambda: target.copy_(source)) / 1e9


def seconds_of(run: Callable[[], object]) -> float:
    return gpu_seconds({"run": run})["run"]


def measure() -> Iterator[tuple[str, float]]:
    """Each ceiling by name, as it is known."""
    import torch

    yield "copy_gbs", copy_gbs()
    for precision, dtype in (("bf16", torch.bfloat16), ("tf32", torch.float32)):
        yield f"{precision}_tflops", max(matmul_tflops(dtype, size) for size in MATRIX_SIZES)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    args = parser.parse_args()
    require_gpu()
    allow_tf32()
    ceilings: dict[str, float] = {}
    for name, value in measure():
        ceilings[name] = value
        print(f"{name:14}{value:10.1f}", flush=True)
        if args.json:
            write_json(args.json, ceilings)
    print()
    print_environment()


if __name__ == "__main__":
    main()
