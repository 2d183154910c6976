"""Convolution: windows become columns (im2col), and each pass is one matrix product of them.

N images, G groups, K = C / G * KH * KW values in a window, P = OH * OW windows in an image.
"""

import math

import numpy as np

from ...typing import Array
from ..geometry import Geometry


def conv2d(x: Array, weight: Array, bias: Array | None, geometry: Geometry) -> Array:
    """x (N, C, H, W), weight (O, C / G, KH, KW), bias (O,) -> (N, O, OH, OW)."""
    N, O, G, P = len(x), len(weight), geometry.groups, math.prod(geometry.output_size)
    dtype = np.promote_types(x.dtype, np.float32)  # sums of half precision are rounded once
    columns = im2col(x.astype(dtype), geometry).reshape(N, G, weight[0].size, P)  # (N, G, K, P)
    filters = weight.astype(dtype).reshape(G, O // G, weight[0].size)  # (G, O / G, K)
    out = (filters @ columns).reshape(N, O, *geometry.output_size)
    if bias is not None:
        out = out + bias.reshape(O, 1, 1)
    return out.astype(x.dtype)


def conv2d_input_grad(grad: Array, weight: Array, geometry: Geometry) -> Array:
    """grad (N, O, OH, OW) -> the gradient of x (N, C, H, W), which is a transposed convolution."""
    N, O, G, P = len(grad), len(weight), geometry.groups, math.prod(geometry.output_size)
    dtype = np.promote_types(grad.dtype, np.float32)
    grads = grad.astype(dtype).reshape(N, G, O // G, P)
    filters = weight.astype(dtype).reshape(G, O // G, weight[0].size)
    columns = filters.transpose(0, 2, 1) @ grads  # (N, G, K, P)
    return col2im(columns.reshape(N, G * weight[0].size, P), geometry).astype(grad.dtype)


def conv2d_weight_grad(
    grad: Array, x: Array, geometry: Geometry, dtype: np.dtype | None = None
) -> Array:
    """grad (N, O, OH, OW), x (N, C, H, W) -> the gradient of weight (O, C / G, KH, KW)."""
    (N, O), C = grad.shape[:2], x.shape[1]
    G, P = geometry.groups, math.prod(geometry.output_size)
    K, sum_dtype = C // G * math.prod(geometry.kernel_size), np.promote_types(x.dtype, np.float32)
    columns = im2col(x.astype(sum_dtype), geometry).reshape(N, G, K, P)
    grads = grad.astype(sum_dtype).reshape(N, G, O // G, P)
    filters = (grads @ columns.swapaxes(2, 3)).sum(axis=0)  # (G, O / G, K)
    return filters.reshape(O, C // G, *geometry.kernel_size).astype(dtype or x.dtype)


def im2col(x: Array, geometry: Geometry) -> Array:
    """x (N, C, H, W) -> (N, C * KH * KW, OH * OW): each window is a column, padding is 0."""
    (N, C, H, W), (PH, PW) = x.shape, geometry.padding
    (KH, KW), (OH, OW) = geometry.kernel_size, geometry.output_size
    (SH, SW), (DH, DW) = geometry.stride, geometry.dilation
    # Below and to the right there is room for every window, which may be more than PH and PW.
    padded = np.zeros((N, C, H + PH + OH * SH + KH * DH, W + PW + OW * SW + KW * DW), x.dtype)
    padded[:, :, PH : PH + H, PW : PW + W] = x
    columns = np.empty((N, C, KH, KW, OH, OW), x.dtype)
    for kh, kw in np.ndindex(KH, KW):
        top, left = kh * DH, kw * DW
        columns[:, :, kh, kw] = padded[:, :, top : top + OH * SH : SH, left : left + OW * SW : SW]
    return columns.reshape(N, C * KH * KW, OH * OW)


@np.errstate(over="ignore", invalid="ignore")
def col2im(columns: Array, geometry: Geometry) -> Array:
    """(N, C * KH * KW, OH * OW) -> (N, C, H, W): where windows overlap, their values are summed."""
    (H, W), (PH, PW) = geometry.input_size, geometry.padding
    (KH, KW), (OH, OW) = geometry.kernel_size, geometry.output_size
    (SH, SW), (DH, DW) = geometry.stride, geometry.dilation
    N, C = len(columns), columns.shape[1] // (KH * KW)
    values = columns.reshape(N, C, KH, KW, OH, OW)
    size = H + PH + OH * SH + KH * DH, W + PW + OW * SW + KW * DW
    padded = np.zeros((N, C, *size), np.promote_types(columns.dtype, np.float32))
    for kh, kw in np.ndindex(KH, KW):
        top, left = kh * DH, kw * DW
        padded[:, :, top : top + OH * SH : SH, left : left + OW * SW : SW] += values[:, :, kh, kw]
    return padded[:, :, PH : PH + H, PW : PW + W].astype(columns.dtype)
