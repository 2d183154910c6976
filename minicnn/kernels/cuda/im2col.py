"""Convolution by im2col and col2im kernels around the matrix products of cuBLAS.

``conv.py`` is faster, but has no float64; this file serves float64, and checks the other.

Beside the usual names: G groups, Cg = C / G, Og = O / G, K = KH * KW * Cg values under a window,
and P windows in a few images. A row of the (P, K) matrix holds them in (KH, KW, Cg) order. All
products are of 2-D arrays, since CuPy's ``matmul`` copies arrays of more dimensions or is slow.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import cupy
import numpy as np

from ..geometry import Geometry
from .runtime.layout import channels_first, channels_last
from .runtime.module import FLOATS, HALVES, CudaFile, accumulator, geometry_argument

__all__ = [
    "col2im",
    "conv2d_by_im2col",
    "conv2d_input_grad_by_im2col",
    "conv2d_weight_grad_by_im2col",
    "im2col",
]

_MATRIX_BYTES = 256 << 20  # of im2col rows in memory at a time; one image may take more

cuda_file = CudaFile("im2col.cu")
_im2col = cuda_file.kernel("im2col", (*HALVES, *FLOATS, "uint8"))
_col2im = cuda_file.kernel("col2im", (*HALVES, *FLOATS))
_add_bias = cuda_file.kernel("add_bias", (*HALVES, *FLOATS))


def conv2d_by_im2col(
    x: cupy.ndarray, weight: cupy.ndarray, bias: cupy.ndarray | None, geometry: Geometry
) -> cupy.ndarray:
    """``conv2d`` of ``conv.py``, with the same arguments and result."""
    images, filters = channels_last(x), _filter_matrix(weight)
    N, O, Cg = len(x), weight.shape[0], weight.shape[1]
    out = cupy.empty((N, *geometry.output_size, O), x.dtype)
    for n in _chunks(N, Cg, x.dtype.itemsize, geometry):
        pixels = out[n].reshape(-1, O)  # (P, O)
        for group, outputs in _groups(O, geometry):
            rows = _rows(images[n], group * Cg, Cg, geometry)
            cupy.matmul(rows, filters[outputs].T, out=pixels[:, outputs])
    if bias is not None:
        _add_bias[x.dtype](out.size, out, cupy.ascontiguousarray(bias, x.dtype), O)
    return channels_first(out)


def conv2d_input_grad_by_im2col(
    grad: cupy.ndarray, weight: cupy.ndarray, geometry: Geometry
) -> cupy.ndarray:
    """``conv2d_input_grad`` of ``conv.py``, with the same arguments and result."""
    grads, filters = channels_last(grad), _filter_matrix(weight)
    N, O, Cg = len(grad), weight.shape[0], weight.shape[1]
    x = cupy.empty((N, *geometry.input_size, Cg * geometry.groups), grad.dtype)
    for n in _chunks(N, Cg, grad.dtype.itemsize, geometry):
        pixels = grads[n].reshape(-1, O)  # (P, O)
        for group, outputs in _groups(O, geometry):
            rows = cupy.matmul(pixels[:, outputs], filters[outputs])
            _add_windows(rows, x[n], group * Cg, Cg, geometry)
    return channels_first(x)


def conv2d_weight_grad_by_im2col(
    grad: cupy.ndarray, x: cupy.ndarray, geometry: Geometry, dtype: np.dtype[Any]
) -> cupy.ndarray:
    """``conv2d_weight_grad`` of ``conv.py``, with the same arguments and result."""
    grads, images = channels_last(grad), channels_last(x)
    N, O, Cg = len(x), grad.shape[1], x.shape[1] // geometry.groups
    KH, KW = geometry.kernel_size
    filters = cupy.zeros((O, KH * KW * Cg), accumulator(x.dtype))
    for n in _chunks(N, Cg, x.dtype.itemsize, geometry):
        pixels = grads[n].reshape(-1, O)  # (P, O)
        for group, outputs in _groups(O, geometry):
            rows = _rows(images[n], group * Cg, Cg, geometry)
            filters[outputs] += cupy.matmul(pixels[:, outputs].T, rows)
    return channels_first(filters.reshape(O, KH, KW, Cg).astype(dtype, copy=False))


def im2col(x: cupy.ndarray, geometry: Geometry) -> cupy.ndarray:
    """The windows of images as columns, as ``torch.nn.functional.unfold``.

    Args:
        x: (N, C, H, W).
        geometry: where the windows lie; its groups are ignored.

    Returns:
        (N, C * KH * KW, OH * OW).
    """
    if x.dtype == bool:
        return im2col(x.view(np.uint8), geometry).view(bool)
    N, C = x.shape[:2]
    KK, L = math.prod(geometry.kernel_size), math.prod(geometry.output_size)
    rows = _rows(channels_last(x), 0, C, geometry).reshape(N, L, KK, C)
    return cupy.ascontiguousarray(rows.transpose(0, 3, 2, 1)).reshape(N, C * KK, L)


def col2im(columns: cupy.ndarray, geometry: Geometry) -> cupy.ndarray:
    """Images from columns, as ``torch.nn.functional.fold``: pixels in several windows are summed.

    Args:
        columns: (N, C * KH * KW, OH * OW).
        geometry: where the windows lie; its groups are ignored.

    Returns:
        (N, C, H, W), channels-last in memory.
    """
    KK, L = math.prod(geometry.kernel_size), math.prod(geometry.output_size)
    N, C = len(columns), columns.shape[1] // KK
    rows = cupy.ascontiguousarray(columns.reshape(N, C, KK, L).transpose(0, 3, 2, 1))
    x = cupy.empty((N, *geometry.input_size, C), columns.dtype)
    _add_windows(rows, x, 0, C, geometry)
    return channels_first(x)


def _rows(images: cupy.ndarray, channel: int, Cg: int, geometry: Geometry) -> cupy.ndarray:
    """(n, H, W, C) -> (P, K) of the Cg channels from ``channel`` on; padding gives zeros."""
    n, C = len(images), images.shape[-1]
    P, K = n * math.prod(geometry.output_size), math.prod(geometry.kernel_size) * Cg
    rows = cupy.empty((P, K), images.dtype)
    struct = geometry_argument(geometry)
    _im2col[images.dtype](rows.size, images, rows, C, channel, Cg, struct)
    return rows


def _add_windows(
    rows: cupy.ndarray, images: cupy.ndarray, channel: int, Cg: int, geometry: Geometry
) -> None:
    """(P, K) -> channels ``channel`` ... ``channel + Cg - 1`` of (n, H, W, C), overwritten."""
    n, H, W, C = images.shape
    struct = geometry_argument(geometry)
    _col2im[rows.dtype](n * H * W * Cg, rows, images, C, channel, Cg, struct)


def _filter_matrix(weight: cupy.ndarray) -> cupy.ndarray:
    """(O, Cg, KH, KW) -> (O, K)."""
    return channels_last(weight).reshape(len(weight), -1)


def _groups(O: int, geometry: Geometry) -> Iterator[tuple[int, slice]]:
    """Each group and its slice of the O output channels."""
    Og = O // geometry.groups
    for group in range(geometry.groups):
        yield group, slice(group * Og, (group + 1) * Og)


def _chunks(N: int, Cg: int, itemsize: int, geometry: Geometry) -> Iterator[slice]:
    """Slices of the images, such that the im2col rows of a slice fit into ``_MATRIX_BYTES``."""
    values = math.prod(geometry.output_size) * math.prod(geometry.kernel_size) * Cg
    step = max(1, _MATRIX_BYTES // max(1, values * itemsize))
    for start in range(0, N, step):
        yield slice(start, min(start + step, N))
