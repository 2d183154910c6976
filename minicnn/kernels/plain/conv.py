"""Convolution: windows become columns (im2col), and each pass is one matrix product of them.

N images, G groups, K = C / G * KH * KW values in a window, P = OH * OW windows in an image.
"""

import math

import numpy as np

from ..geometry import Geometry
from .arrays import Array, widen
from .windows import taps


def conv2d(x: Array, weight: Array, bias: Array | None, geometry: Geometry) -> Array:
    """x (N, C, H, W), weight (O, C / G, KH, KW), bias (O,) -> (N, O, OH, OW)."""
    columns = _by_group(im2col(x, geometry), geometry.groups)  # (N, G, K, P)
    out = _filters(weight, geometry.groups) @ columns  # (N, G, O / G, P)
    out = out.reshape(len(x), len(weight), *geometry.output_size)
    if bias is not None:
        out = out + bias.reshape(-1, 1, 1)
    return out.astype(x.dtype)


def conv2d_input_grad(grad: Array, weight: Array, geometry: Geometry) -> Array:
    """grad (N, O, OH, OW) -> the gradient of x (N, C, H, W), which is a transposed convolution."""
    grads = _by_group(grad, geometry.groups)  # (N, G, O / G, P)
    columns = _filters(weight, geometry.groups).transpose(0, 2, 1) @ grads  # (N, G, K, P)
    N, G, K, P = columns.shape
    return col2im(columns.reshape(N, G * K, P), geometry).astype(grad.dtype)


def conv2d_weight_grad(
    grad: Array, x: Array, geometry: Geometry, dtype: np.dtype | None = None
) -> Array:
    """grad (N, O, OH, OW), x (N, C, H, W) -> the gradient of weight (O, C / G, KH, KW)."""
    columns = _by_group(im2col(x, geometry), geometry.groups)  # (N, G, K, P)
    grads = _by_group(grad, geometry.groups)  # (N, G, O / G, P)
    filters = (grads @ columns.transpose(0, 1, 3, 2)).sum(axis=0)  # (G, O / G, K)
    shape = grad.shape[1], x.shape[1] // geometry.groups, *geometry.kernel_size
    return filters.reshape(shape).astype(dtype or x.dtype)


def im2col(x: Array, geometry: Geometry) -> Array:
    """x (N, C, H, W) -> (N, C * KH * KW, OH * OW): each window is a column, padding is 0."""
    columns = np.zeros((*x.shape[:2], *geometry.kernel_size, *geometry.output_size), x.dtype)
    for kh, kw, windows, pixels in taps(geometry):
        columns[:, :, kh, kw][windows] = x[pixels]
    N, C, KH, KW, OH, OW = columns.shape
    return columns.reshape(N, C * KH * KW, OH * OW)


def col2im(columns: Array, geometry: Geometry) -> Array:
    """(N, C * KH * KW, OH * OW) -> (N, C, H, W): where windows overlap, their values are summed."""
    N, C = len(columns), columns.shape[1] // math.prod(geometry.kernel_size)
    values = widen(columns).reshape(N, C, *geometry.kernel_size, *geometry.output_size)
    x = np.zeros((N, C, *geometry.input_size), values.dtype)
    for kh, kw, windows, pixels in taps(geometry):
        x[pixels] += values[:, :, kh, kw][windows]
    return x.astype(columns.dtype)


def _filters(weight: Array, G: int) -> Array:
    """(O, C / G, KH, KW) -> (G, O / G, K)"""
    return widen(weight).reshape(G, len(weight) // G, -1)


def _by_group(x: Array, G: int) -> Array:
    """(N, G * rows, ...) -> (N, G, rows, P)"""
    return widen(x).reshape(len(x), G, x.shape[1] // G, math.prod(x.shape[2:]))
