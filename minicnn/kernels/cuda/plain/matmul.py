"""Two matrix products of our own: by the definition, and with tiles in shared memory.

Both return their sums as they are, before they are rounded to the dtype of the operands: float32,
or float64 for float64.
"""

from __future__ import annotations

import cupy

from ..runtime.layout import dense_operands
from ..runtime.module import FLOATS, HALVES, CudaFile, accumulator

__all__ = ["matmul_naive", "matmul_shared"]

_TILE = 32  # rows and columns; a block has so many threads squared

cuda_file = CudaFile("plain/matmul.cu")
_matmul_naive = cuda_file.kernel("matmul_naive", HALVES + FLOATS)
_matmul_shared = cuda_file.kernel("matmul_shared", HALVES + FLOATS, (_TILE,))


def matmul_naive(a: cupy.ndarray, b: cupy.ndarray) -> cupy.ndarray:
    """(M, K) times (K, N) -> (M, N): one thread sums one element, from global memory."""
    a, b = dense_operands(a, b)
    (M, K), N = a.shape, b.shape[1]
    out = cupy.empty((M, N), accumulator(a.dtype))
    _matmul_naive[a.dtype](out.size, a, b, out, N, K)
    return out


def matmul_shared(a: cupy.ndarray, b: cupy.ndarray) -> cupy.ndarray:
    """(M, K) times (K, N) -> (M, N): a block of threads shares what it reads of both."""
    a, b = dense_operands(a, b)
    (M, K), N = a.shape, b.shape[1]
    out = cupy.empty((M, N), accumulator(a.dtype))
    if out.size:
        # rows go along x: a grid may have 2**31 - 1 blocks in x, but only 65,535 in y
        grid = -(-M // _TILE), -(-N // _TILE)
        _matmul_shared[a.dtype, _TILE].launch(grid, (_TILE, _TILE), a, b, out, M, N, K)
    return out
