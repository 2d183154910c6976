"""The linear layer on the CPU: BLAS products, with bias and ReLU in place while they are cached."""

from __future__ import annotations

import numpy as np

from .masking import clip_negative
from .precision import compute_type
from .rows import for_each_row_block

__all__ = ["linear", "linear_input_grad", "linear_weight_grad"]


def linear(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, relu: bool = False
) -> np.ndarray:
    """``x`` times the transpose of ``weight``, plus bias, as ``torch.nn.functional.linear``.

    Args:
        x: (M, K).
        weight: (N, K), of the dtype of ``x``.
        bias: (N,), float32 or of the dtype of ``x``, or None.
        relu: whether negative results become 0.

    Returns:
        (M, N).
    """
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
    """(M, K): the gradient of :func:`linear` by ``x``, from ``grad`` (M, N)."""
    return _product(grad, weight).astype(grad.dtype, copy=False)


def linear_weight_grad(
    grad: np.ndarray, x: np.ndarray, dtype: np.dtype | None = None
) -> np.ndarray:
    """(N, K): the gradient of :func:`linear` by ``weight``, in ``dtype`` or that of ``x``."""
    return _product(grad.T, x).astype(dtype or x.dtype, copy=False)


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    dtype = compute_type(a)
    return np.matmul(a.astype(dtype, copy=False), b.astype(dtype, copy=False))
