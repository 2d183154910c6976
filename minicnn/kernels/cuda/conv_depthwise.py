"""Depthwise convolution on the GPU: every filter sees one channel, and a thread adds up its taps.

Most of a tile of a matrix product would be empty here. All sums are in float32, in float64 for
float64, and in a fixed order.
"""

from __future__ import annotations

import math
import os
from typing import Any

import cupy
import numpy as np

from ..geometry import Geometry
from .runtime.layout import channels_first, channels_last, vector_width
from .runtime.module import (
    FLOATS,
    HALVES,
    SINGLES,
    VECTORS,
    CudaFile,
    accumulator,
    geometry_argument,
)
from .runtime.reduce import Reduction

__all__ = ["conv2d", "conv2d_input_grad", "conv2d_weight_grad", "possible"]

cuda_file = CudaFile("conv_depthwise.cu")
_forward = cuda_file.kernel("depthwise_forward", VECTORS + SINGLES)
_input_grad = cuda_file.kernel("depthwise_input_grad", VECTORS + SINGLES)
_weight_grad = cuda_file.kernel("depthwise_weight_grad", VECTORS + SINGLES)
_weight_grad_total = cuda_file.kernel("depthwise_weight_grad_total", HALVES + FLOATS)


def possible(Cg: int, geometry: Geometry) -> bool:
    """Whether every filter sees one of several channels, and nobody asked for im2col."""
    return Cg == 1 < geometry.groups and os.environ.get("MINICNN_CUDA_CONV") != "im2col"


def conv2d(
    x: cupy.ndarray,
    weight: cupy.ndarray,
    bias: cupy.ndarray | None,
    geometry: Geometry,
    relu: bool = False,
) -> cupy.ndarray:
    """``conv2d`` of ``conv.py``, or ``conv2d_relu``, with the same arguments and result."""
    images, filters, M = channels_last(x), _filters(weight), _multiplier(weight, geometry)
    N, O, C = len(x), len(weight), geometry.groups
    out = cupy.empty((N, *geometry.output_size, O), x.dtype)
    if bias is not None:
        bias = cupy.ascontiguousarray(bias, accumulator(x.dtype))
    width = vector_width(C, images, filters) if M == 1 else 1
    _forward[x.dtype, width](
        out.size // width, images, filters, bias, out, C, M, relu, geometry_argument(geometry)
    )
    return channels_first(out)


def conv2d_input_grad(grad: cupy.ndarray, weight: cupy.ndarray, geometry: Geometry) -> cupy.ndarray:
    """``conv2d_input_grad`` of ``conv.py``, with the same arguments and result."""
    grads, filters, M = channels_last(grad), _filters(weight), _multiplier(weight, geometry)
    out = cupy.empty((len(grad), *geometry.input_size, geometry.groups), grad.dtype)
    width = vector_width(geometry.groups, grads, filters) if M == 1 else 1
    _input_grad[grad.dtype, width](
        out.size // width, grads, filters, out, geometry.groups, M, geometry_argument(geometry)
    )
    return channels_first(out)


def conv2d_weight_grad(
    grad: cupy.ndarray, x: cupy.ndarray, geometry: Geometry, dtype: np.dtype[Any]
) -> cupy.ndarray:
    """``conv2d_weight_grad`` of ``conv.py``, with the same arguments and result."""
    grads, images = channels_last(grad), channels_last(x)
    O, C, taps = grad.shape[1], geometry.groups, math.prod(geometry.kernel_size)
    shape = O, *geometry.kernel_size, 1
    if not grad.size:
        return channels_first(cupy.zeros(shape, dtype))
    width = vector_width(C, grads, images) if O == C else 1
    how = Reduction.of(grads, width)
    partial = cupy.empty((taps, how.splits, O), accumulator(x.dtype))
    _weight_grad[x.dtype, width].launch(
        (*how.grid, taps), how.block,
        grads, images, partial, how.M, C, O // C, geometry_argument(geometry),
    )  # fmt: skip
    # the kernel can convert float32 to 16 bits, but not float32 to float64 or back
    out = cupy.empty(shape, dtype if accumulator(dtype) == partial.dtype else partial.dtype)
    _weight_grad_total[out.dtype].launch(
        (*how.total_grid, taps), how.total_block, partial, out, O, how.splits
    )
    return channels_first(out.astype(dtype, copy=False))


def _filters(weight: cupy.ndarray) -> cupy.ndarray:
    """(O, 1, KH, KW) -> (KH, KW, O)."""
    return cupy.ascontiguousarray(weight[:, 0].transpose(1, 2, 0))


def _multiplier(weight: cupy.ndarray, geometry: Geometry) -> int:
    """Filters for each channel."""
    return len(weight) // geometry.groups
