"""The ladder of a matrix product on the GPU: naive, shared memory, tensor cores, cuBLAS.

    python benchmarks/gpu_matmul.py --json matmul.json

The first two rungs are the kernels of ``kernels/cuda/plain/matmul.cu``. The third is the product
that minicnn's linear layers use (``kernels/cuda/gemm``); in float32 without TF32 it runs on the
ordinary cores, as the first two always do. cuBLAS is called through PyTorch, and each result is
compared with its result.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common import print_environment, write_json
from gpu import allow_tf32, gpu_seconds, require_gpu
from gpu_conv2d import TOLERANCE, difference

from minicnn.devices import cupy

SIZES = (1024, 2048, 4096)
DTYPES = {"float32": "float32", "tf32": "float32", "bf16": "bfloat16"}  # by precision
TOLERANCES = {"float32": 1e-4, **TOLERANCE}
CUBLAS = "cuBLAS"


def own_rungs(a: Any, b: Any, precision: str) -> dict[str, Callable[[], Any]]:
    """minicnn's products of two matrices, arrays on the GPU, from the simplest to the fastest."""
    from minicnn.kernels import cuda
    from minicnn.kernels.cuda.plain.matmul import matmul_naive, matmul_shared

    weight = cupy().ascontiguousarray(b.T)
    fast = "linear layer" if precision == "float32" else "tensor cores"
    rungs: dict[str, Callable[[], Any]] = {fast: lambda: cuda.linear(a, weight, None)}
    if precision == "tf32":  # the plain kernels know no TF32
        return rungs
    plain = {"naive": lambda: matmul_naive(a, b), "shared memory": lambda: matmul_shared(a, b)}
    return plain | rungs


def operands(size: int, precision: str) -> list[Any]:
    """Two random size x size matrices, tensors of PyTorch on the GPU."""
    import torch

    dtype = getattr(torch, DTYPES[precision])
    return [torch.randn(size, size, device="cuda").to(dtype) for _ in range(2)]


def measure(size: int, precision: str) -> list[dict[str, Any]]:
    """A row for each rung of one size."""
    allow_tf32(precision == "tf32")
    a, b = operands(size, precision)
    runs = own_rungs(cupy().from_dlpack(a), cupy().from_dlpack(b), precision)
    differences = {name: difference(run(), a @ b) for name, run in runs.items()}
    seconds = gpu_seconds({**runs, CUBLAS: lambda: a @ b})
    return [
        {
            "size": size,
            "precision": precision,
            "rung": name,
            "seconds": seconds[name],
            "gflops": 2 * size**3 / seconds[name] / 1e9,
            "of_cublas": seconds[CUBLAS] / seconds[name],
            "agrees": differences.get(name, 0.0) <= TOLERANCES[precision],
        }
        for name in seconds
    ]


def print_row(row: dict[str, Any]) -> None:
    print(
        f"{row['size']:6} {row['precision']:8} {row['rung']:14}",
        f"{row['seconds'] * 1e3:10.3f}{row['gflops']:12.0f}{row['of_cublas']:12.1%}",
        "" if row["agrees"] else "  differs from cuBLAS",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="rows and columns")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    args = parser.parse_args()
    require_gpu()
    rows: list[dict[str, Any]] = []
    print(f"{'size':>6} {'':23}{'ms':>10}{'GFLOP/s':>12}{'of cuBLAS':>12}")
    for size in args.sizes:
        for precision in DTYPES:
            rows += (ladder := measure(size, precision))
            for row in ladder:
                print_row(row)
            if args.json:
                write_json(args.json, {"rows": rows})
    print()
    print_environment()


if __name__ == "__main__":
    main()
