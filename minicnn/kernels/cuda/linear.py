"""Linear layers on the GPU: convolutions of images of one pixel.

``conv.py`` has the kernels, and says how exact their sums are.
"""

from __future__ import annotations

from typing import Any

import cupy
import numpy as np

from ...dtypes import bfloat16
from ..geometry import Geometry
from .activation import relu
from .conv import forward, input_grad, uses_cublas, weight_grad

__all__ = ["linear", "linear_input_grad", "linear_relu", "linear_weight_grad", "matrix_product"]

_ONE_PIXEL = Geometry(input_size=(1, 1), output_size=(1, 1), kernel_size=(1, 1))


def linear(x: cupy.ndarray, weight: cupy.ndarray, bias: cupy.ndarray | None) -> cupy.ndarray:
    """x times the transpose of ``weight``, plus ``bias``.

    Args:
        x: (M, K).
        weight: (N, K).
        bias: (N,) or None, of the dtype of ``x`` or float32.

    Returns:
        (M, N).
    """
    if _by_cupy(weight):
        out = cupy.matmul(x, weight.T)
        return out if bias is None else out + bias.astype(out.dtype, copy=False)
    return _matrix(forward(_pixels(x), _pixels(weight), bias, _ONE_PIXEL, "linear"))


def linear_relu(x: cupy.ndarray, weight: cupy.ndarray, bias: cupy.ndarray | None) -> cupy.ndarray:
    """ReLU of :func:`linear`, applied before the result is written."""
    if _by_cupy(weight):
        return relu(linear(x, weight, bias))
    return _matrix(forward(_pixels(x), _pixels(weight), bias, _ONE_PIXEL, "linear", relu=True))


def linear_input_grad(grad: cupy.ndarray, weight: cupy.ndarray) -> cupy.ndarray:
    """The gradient of :func:`linear` by its input: (M, N) times (N, K) -> (M, K)."""
    if _by_cupy(weight):
        return cupy.matmul(grad, weight)
    return _matrix(input_grad(_pixels(grad), _pixels(weight), _ONE_PIXEL, "linear"))


def linear_weight_grad(
    grad: cupy.ndarray, x: cupy.ndarray, dtype: np.dtype[Any] | None = None
) -> cupy.ndarray:
    """The gradient of :func:`linear` by its weight: (M, N) and (M, K) -> (N, K).

    The result has ``dtype``, by default the dtype of ``x``.
    """
    dtype = np.dtype(x.dtype if dtype is None else dtype)
    if uses_cublas(x.dtype) or not (grad.shape[1] and x.shape[1]):
        return cupy.matmul(grad.T, x).astype(dtype, copy=False)
    return _matrix(weight_grad(_pixels(grad), _pixels(x), _ONE_PIXEL, dtype, "linear"))


def matrix_product(x: cupy.ndarray, y: cupy.ndarray) -> cupy.ndarray:
    """(..., M, K) times (..., K, N) -> (..., M, N), by cuBLAS; leading dimensions are broadcast."""
    if x.dtype == bfloat16 and max(x.ndim, y.ndim) > 2:  # of which CuPy multiplies no batches
        x, y = x.astype(np.float32), y.astype(np.float32)
        return cupy.matmul(x, y).astype(bfloat16)
    return cupy.matmul(x, y)


def _by_cupy(weight: cupy.ndarray) -> bool:
    """Whether CuPy multiplies: by cuBLAS, or because there are no features or no outputs."""
    return uses_cublas(weight.dtype) or weight.size == 0


def _pixels(x: cupy.ndarray) -> cupy.ndarray:
    """(M, K) -> (M, 1, 1, K): M images of one pixel."""
    return cupy.ascontiguousarray(x)[:, None, None, :]


def _matrix(x: cupy.ndarray) -> cupy.ndarray:
    """(M, 1, 1, K) -> (M, K)."""
    return x[:, 0, 0, :]
