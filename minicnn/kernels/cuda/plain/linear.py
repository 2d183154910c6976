"""Linear layers on the GPU: a matrix product in shared memory, and a bias."""

from __future__ import annotations

from typing import Any

import cupy
import numpy as np

from .matmul import matmul_shared

__all__ = ["linear", "linear_input_grad", "linear_weight_grad"]


def linear(x: cupy.ndarray, weight: cupy.ndarray, bias: cupy.ndarray | None) -> cupy.ndarray:
    """x times the transpose of ``weight``, plus ``bias``, as ``torch.nn.functional.linear``.

    Args:
        x: (M, K).
        weight: (N, K).
        bias: (N,) or None, of the dtype of ``x`` or float32.

    Returns:
        (M, N).
    """
    out = matmul_shared(x, weight.T)
    if bias is not None:
        out += bias.astype(out.dtype, copy=False)
    return out.astype(x.dtype, copy=False)


def linear_input_grad(grad: cupy.ndarray, weight: cupy.ndarray) -> cupy.ndarray:
    """The gradient of :func:`linear` by its input: (M, N) times (N, K) -> (M, K)."""
    return matmul_shared(grad, weight).astype(grad.dtype, copy=False)


def linear_weight_grad(
    grad: cupy.ndarray, x: cupy.ndarray, dtype: np.dtype[Any] | None = None
) -> cupy.ndarray:
    """The gradient of :func:`linear` by its weight: (M, N) and (M, K) -> (N, K).

    The result has ``dtype``, by default the dtype of ``x``.
    """
    return matmul_shared(grad.T, x).astype(dtype or x.dtype, copy=False)
