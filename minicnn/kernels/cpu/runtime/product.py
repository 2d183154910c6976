"""Matrix products, each shared by our threads."""

from __future__ import annotations

import numpy as np

from .threads import for_each_slice, one_blas_thread

__all__ = ["multiply"]

# Multiplications, 0.1 ms of one core. With fewer, waking a thread costs more than it saves.
_MIN_SPLIT = 10_000_000


def multiply(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    """Write ``a @ b`` (..., M, N) to ``out``; threads share it, unless one of them calls this.

    A BLAS with threads of its own is hardly faster. These spin for a while after each product, which
    slows other threads down, and wait for each other in every product, which takes several times as
    long as soon as another program needs a core.
    """
    M, N = out.shape[-2:]

    def some_rows(start: int, stop: int) -> None:
        np.matmul(a[..., start:stop, :], b, out=out[..., start:stop, :])

    # For few rows BLAS takes up to a fifth less, if it need not transpose the large matrix.
    transposed = 4 * M <= N and b.strides[-2] < b.strides[-1]

    def some_columns(start: int, stop: int) -> None:
        part, target = b[..., start:stop], out[..., start:stop]
        if transposed:
            target[...] = np.matmul(part.swapaxes(-1, -2), a.swapaxes(-1, -2)).swapaxes(-1, -2)
        else:
            np.matmul(a, part, out=target)

    if a.size * N < _MIN_SPLIT:
        with one_blas_thread():
            some_rows(0, M)
    elif M < N:
        for_each_slice(N, some_columns, per_thread=1)
    else:
        for_each_slice(M, some_rows, per_thread=1)
