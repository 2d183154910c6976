"""Convolution on the GPU by its definition: one thread for each element of the result."""

from __future__ import annotations

from typing import Any

import cupy
import numpy as np

from ...geometry import Geometry
from ..im2col import col2im, im2col
from ..runtime.layout import dense_operands
from ..runtime.module import FLOATS, HALVES, CudaFile, accumulator, geometry_argument

__all__ = ["col2im", "conv2d", "conv2d_input_grad", "conv2d_weight_grad", "im2col"]

cuda_file = CudaFile("plain/conv.cu")
_conv2d = cuda_file.kernel("conv2d", HALVES + FLOATS)
_conv2d_input_grad = cuda_file.kernel("conv2d_input_grad", HALVES + FLOATS)
_conv2d_weight_grad = cuda_file.kernel("conv2d_weight_grad", HALVES + FLOATS)


def conv2d(
    x: cupy.ndarray, weight: cupy.ndarray, bias: cupy.ndarray | None, geometry: Geometry
) -> cupy.ndarray:
    """Convolution, as ``torch.nn.functional.conv2d``.

    Args:
        x: (N, C, H, W).
        weight: (O, C / groups, KH, KW).
        bias: (O,) or None, of the dtype of ``x`` or float32.
        geometry: where the windows lie.

    Returns:
        (N, O, OH, OW).
    """
    x, weight = dense_operands(x, weight)
    if bias is not None:
        bias = cupy.ascontiguousarray(bias, accumulator(x.dtype))
    (N, C), O = x.shape[:2], len(weight)
    out = cupy.empty((N, O, *geometry.output_size), x.dtype)
    _conv2d[x.dtype](
        out.size, x, weight, bias, out, C, O, geometry.groups, geometry_argument(geometry)
    )
    return out


def conv2d_input_grad(grad: cupy.ndarray, weight: cupy.ndarray, geometry: Geometry) -> cupy.ndarray:
    """The gradient of :func:`conv2d` by its input; also the transposed convolution.

    Args:
        grad: (N, O, OH, OW).
        weight: (O, C / groups, KH, KW).
        geometry: of the convolution.

    Returns:
        (N, C, H, W).
    """
    grad, weight = dense_operands(grad, weight)
    N, O, C = len(grad), len(weight), weight.shape[1] * geometry.groups
    grad_x = cupy.empty((N, C, *geometry.input_size), grad.dtype)
    _conv2d_input_grad[grad.dtype](
        grad_x.size, grad, weight, grad_x, C, O, geometry.groups, geometry_argument(geometry)
    )
    return grad_x


def conv2d_weight_grad(
    grad: cupy.ndarray,
    x: cupy.ndarray,
    geometry: Geometry,
    dtype: np.dtype[Any] | None = None,
) -> cupy.ndarray:
    """The gradient of :func:`conv2d` by its weight.

    Args:
        grad: (N, O, OH, OW).
        x: (N, C, H, W), the input.
        geometry: of the convolution.
        dtype: of the result, by default the dtype of ``x``.

    Returns:
        (O, C / groups, KH, KW).
    """
    grad, x = dense_operands(grad, x)
    (N, C), O, groups = x.shape[:2], grad.shape[1], geometry.groups
    grad_weight = cupy.empty((O, C // groups, *geometry.kernel_size), accumulator(x.dtype))
    _conv2d_weight_grad[x.dtype](
        grad_weight.size, grad, x, grad_weight, N, C, O, groups, geometry_argument(geometry)
    )
    return grad_weight.astype(dtype or x.dtype, copy=False)
