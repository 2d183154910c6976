"""The linear layer, and other matrix products, on the CPU: by BLAS.

The weight of a large layer, 151 MB in AlexNet, meets a batch of few rows. The time of a product then
depends less on its arithmetic than on how often BLAS moves the large matrix. Milliseconds for a
weight of (4096, 9216) in float32, which takes 6 to read, on two Zen cores with OpenBLAS:

===============================================  ====  ====  ====  ====  ====
rows of the batch                                   1     4     8    32   128
===============================================  ====  ====  ====  ====  ====
``x @ weight.T``                                    5    28    30    42    74
``(weight @ x.T).T``                                4    13    16    25    61
gradient of the weight: ``grad.T @ x``             45    27    29    36    70
the same, 8 rows of the result at a time            7    10    12     —     —
===============================================  ====  ====  ====  ====  ====
"""

from __future__ import annotations

import numpy as np

from ...dtypes import HALVES
from ...memory import empty
from .runtime.masking import clip_negative
from .runtime.precision import compute_dtype
from .runtime.rows import for_each_row_block
from .runtime.threads import UNPACKED, for_each_slice, multiply

__all__ = ["linear", "linear_input_grad", "linear_relu", "linear_weight_grad", "matrix_product"]

_MIN_SHARED = 1 << 20  # multiplications; for fewer, BLAS wakes no thread either
_MIN_BLOCKED = 1 << 20  # elements; a smaller gradient of a weight fits the cache as a whole


def linear(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    """``x`` times the transpose of ``weight``, plus bias, as ``torch.nn.functional.linear``.

    Args:
        x: (M, K).
        weight: (N, K), of the dtype of ``x``.
        bias: (N,), float32 or the dtype of ``x``, or None.

    Returns:
        (M, N).
    """
    return _with_bias(x, weight, bias, relu=False)


def linear_relu(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    """:func:`linear`, then ReLU while the results are still in the cache."""
    return _with_bias(x, weight, bias, relu=True)


def _with_bias(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, relu: bool
) -> np.ndarray:
    out = _product(x, weight.T)

    def finish(at: slice) -> None:
        rows = out[at]
        if bias is not None:
            np.add(rows, bias, out=rows)
        if relu:
            clip_negative(rows, out=rows)

    if bias is not None or relu:
        for_each_row_block(out, finish)
    return out.astype(x.dtype, copy=False)


def linear_input_grad(grad: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(M, K): the gradient of ``x`` in :func:`linear`, from ``grad`` (M, N)."""
    return _product(grad, weight).astype(grad.dtype, copy=False)


def linear_weight_grad(
    grad: np.ndarray, x: np.ndarray, dtype: np.dtype | None = None
) -> np.ndarray:
    """(N, K): the gradient of ``weight`` in :func:`linear`, in ``dtype`` or the dtype of ``x``."""
    compute, dtype = compute_dtype(x.dtype), np.dtype(dtype or x.dtype)
    grad, x = grad.astype(compute, copy=False), x.astype(compute, copy=False)
    (M, N), K = grad.shape, x.shape[1]
    rows = _rows_at_a_time(M, N, K)
    if not rows:
        out = empty((N, K), compute)
        multiply(grad.T, x, out)
        return out.astype(dtype, copy=False)

    out = empty((N, K), dtype)
    product = np.multiply if M == 1 else np.matmul  # an outer product needs no BLAS

    def work(start: int, stop: int) -> None:
        for top in range(start * rows, stop * rows, rows):
            at = slice(top, top + rows)
            product(grad.T[at], x, out=out[at])

    for_each_slice(-(-N // rows), work)
    return out


def _rows_at_a_time(M: int, N: int, K: int) -> int:
    """How many rows of the weight's gradient (N, K) to compute at a time, or 0 for all at once.

    BLAS fills a result with zeros and then adds to it, which takes two more passes over memory. A few
    rows stay in the cache meanwhile. This is fast as long as BLAS does not pack ``x`` each time.
    """
    if M == 0 or M > 8 or N * K < _MIN_BLOCKED:
        return 0
    rows = min(8, UNPACKED // (M * K))
    return rows if rows >= 4 else 0


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a @ b, with the larger matrix first: BLAS then packs parts of it that stay in the L1 cache."""
    dtype = compute_dtype(a.dtype)
    a, b = a.astype(dtype, copy=False), b.astype(dtype, copy=False)
    M, N = len(a), b.shape[1]
    if 4 * M <= N:
        transposed = empty((N, M), dtype)
        multiply(b.T, a.T, transposed)
        return np.ascontiguousarray(transposed.T)
    out = empty((M, N), dtype)
    multiply(a, b, out)
    return out


def matrix_product(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """As ``numpy.matmul``, but on our threads: those of BLAS would spin and slow down what follows.

    Args:
        x: (..., M, K).
        y: (..., K, N), of the dtype of ``x``; leading dimensions are broadcast.

    Returns:
        (..., M, N).
    """
    if x.dtype in HALVES:
        return matrix_product(x.astype(np.float32), y.astype(np.float32)).astype(x.dtype)
    is_large = min(x.ndim, y.ndim) > 1 and x.size * y.shape[-1] >= _MIN_SHARED
    if not is_large or x.dtype != y.dtype or x.dtype not in (np.float32, np.float64):
        return np.matmul(x, y)
    M, N = x.shape[-2], y.shape[-1]
    batch = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    out = empty((*batch, M, N), x.dtype)
    if y.ndim == 2:  # one product of all rows
        multiply(x.reshape(-1, x.shape[-1]), y, out.reshape(-1, N))
        return out
    xs, ys = (np.broadcast_to(a, (*batch, *a.shape[-2:])) for a in (x, y))
    longest = batch.index(max(batch))
    xs, ys, outs = (np.moveaxis(a, longest, 0) for a in (xs, ys, out))
    if len(outs) == 1:
        multiply(xs, ys, outs)
    else:
        for_each_slice(
            len(outs),
            lambda start, stop: np.matmul(xs[start:stop], ys[start:stop], outs[start:stop]),
        )
    return out
