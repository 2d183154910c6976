"""Pooling: windows are reduced one tap (kh, kw) at a time, all windows together."""

import math

import numpy as np

from ..geometry import Geometry, Pair
from .arrays import Array, widen
from .windows import taps


def max_pool2d(
    x: Array, geometry: Geometry, with_argmax: bool = True
) -> tuple[Array, Array | None]:
    """x (N, C, H, W) -> maxima and argmax kh * KW + kw, both (N, C, OH, OW).

    The first of equal maxima wins, but NaN beats every number, and then the last NaN wins. Windows
    wholly in the padding give -inf and the argmax KH * KW, "no pixel".
    """
    KH, KW = geometry.kernel_size
    lowest = np.iinfo(x.dtype).min if x.dtype.kind in "iu" else -np.inf
    out = np.full((*x.shape[:2], *geometry.output_size), lowest, x.dtype)
    argmax = np.full(out.shape, KH * KW, np.uint8 if KH * KW < 256 else np.int32)
    for kh, kw, windows, pixels in taps(geometry):
        values, best, best_tap = x[pixels], out[windows], argmax[windows]  # views of one shape
        wins = (values > best) | np.isnan(values) | (best_tap == KH * KW)
        best[wins] = values[wins]
        best_tap[wins] = kh * KW + kw
    return out, argmax if with_argmax else None


def max_pool2d_scatter(grad: Array, argmax: Array, geometry: Geometry) -> Array:
    """grad (N, C, OH, OW) -> (N, C, H, W): each gradient goes to the maximum of its window."""
    grads, KW = widen(grad), geometry.kernel_size[1]
    out = np.zeros((*grad.shape[:2], *geometry.input_size), grads.dtype)
    for kh, kw, windows, pixels in taps(geometry):
        out[pixels] += np.where(argmax[windows] == kh * KW + kw, grads[windows], 0)
    return out.astype(grad.dtype)


def max_pool2d_gather(x: Array, argmax: Array, geometry: Geometry) -> Array:
    """x (N, C, H, W) -> (N, C, OH, OW): the pixel at the argmax, 0 for "no pixel"."""
    out, KW = np.zeros(argmax.shape, x.dtype), geometry.kernel_size[1]
    for kh, kw, windows, pixels in taps(geometry):
        np.copyto(out[windows], x[pixels], where=argmax[windows] == kh * KW + kw)
    return out


def avg_pool2d(x: Array, scale: Array, geometry: Geometry) -> Array:
    """x (N, C, H, W) -> (N, C, OH, OW): the sum of each window times ``scale`` (OH, OW)."""
    images = widen(x)
    sums = np.zeros((*x.shape[:2], *geometry.output_size), images.dtype)
    for _, _, windows, pixels in taps(geometry):
        sums[windows] += images[pixels]
    return (sums * scale).astype(x.dtype)


def avg_pool2d_scatter(grad: Array, scale: Array, geometry: Geometry) -> Array:
    """grad (N, C, OH, OW) -> (N, C, H, W): grad * scale is added to all pixels of the window."""
    grads = widen(grad) * scale
    out = np.zeros((*grad.shape[:2], *geometry.input_size), grads.dtype)
    for _, _, windows, pixels in taps(geometry):
        out[pixels] += grads[windows]
    return out.astype(grad.dtype)


def adaptive_max_pool2d(x: Array, output_size: Pair) -> tuple[Array, Array]:
    """x (N, C, H, W) -> maxima and their indices h * W + w, both (N, C, OH, OW).

    Window i of OH has the rows floor(i * H / OH) up to ceil((i + 1) * H / OH), columns likewise.
    The first of equal maxima wins, but NaN beats every number, and then the first NaN wins.
    """
    (N, C, H, W), (OH, OW) = x.shape, output_size
    indices = np.empty((N, C, OH, OW), np.int64)
    for oh, ow in np.ndindex(OH, OW):
        top, bottom = oh * H // OH, math.ceil((oh + 1) * H / OH)
        left, right = ow * W // OW, math.ceil((ow + 1) * W / OW)
        window = x[:, :, top:bottom, left:right].reshape(N, C, (bottom - top) * (right - left))
        h, w = np.divmod(window.argmax(axis=2), right - left)  # (N, C) each
        indices[:, :, oh, ow] = (top + h) * W + left + w
    return plane_gather(x, indices), indices


def plane_scatter(grad: Array, indices: Array, input_size: Pair) -> Array:
    """grad (N, C, OH, OW) -> (N, C, H, W): adds at the indices h * W + w, of the shape of grad."""
    (N, C), values = grad.shape[:2], widen(grad)
    planes = np.arange(N * C).reshape(N, C, 1, 1)
    out = np.zeros((N * C, math.prod(input_size)), values.dtype)
    np.add.at(out, (planes, indices), values)
    return out.reshape(N, C, *input_size).astype(grad.dtype)


def plane_gather(x: Array, indices: Array) -> Array:
    """x (N, C, H, W) -> (N, C, OH, OW): its values at the indices h * W + w."""
    N, C, H, W = x.shape
    planes = np.arange(N * C).reshape(N, C, 1, 1)
    return x.reshape(N * C, H * W)[planes, indices]
