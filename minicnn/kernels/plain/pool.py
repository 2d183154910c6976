"""Pooling: windows are reduced one tap (kh, kw) at a time, all windows together."""

import math
from collections.abc import Iterator

import numpy as np

from ...typing import Array
from ..geometry import Geometry, Pair, adaptive_windows
from .arrays import widen


@np.errstate(invalid="ignore")  # NaN is compared
def max_pool2d(
    x: Array, geometry: Geometry, with_argmax: bool = True
) -> tuple[Array, Array | None]:
    """x (N, C, H, W) -> maxima and argmax kh * KW + kw, both (N, C, OH, OW).

    The first of equal maxima wins, but NaN beats every number, and then the last NaN wins. Windows
    wholly in the padding give -inf and the argmax KH * KW, "no pixel".
    """
    no_pixel = math.prod(geometry.kernel_size)
    lowest = np.iinfo(x.dtype).min if x.dtype.kind in "iu" else -np.inf
    out = np.full((*x.shape[:2], *geometry.output_size), lowest, x.dtype)
    argmax = np.full(out.shape, no_pixel, np.uint8 if no_pixel < 256 else np.int32)
    inside = _taps(_pad(np.ones(x.shape, bool), geometry), geometry)
    for tap, values in enumerate(_taps(_pad(x, geometry), geometry)):
        wins = (values > out) | np.isnan(values) | (argmax == no_pixel)
        wins &= next(inside)  # padding never wins
        out[wins], argmax[wins] = values[wins], tap
    return out, argmax if with_argmax else None


@np.errstate(over="ignore", invalid="ignore")
def max_pool2d_scatter(grad: Array, argmax: Array, geometry: Geometry) -> Array:
    """grad (N, C, OH, OW) -> (N, C, H, W): each gradient goes to the maximum of its window."""
    padded = _padded_zeros(grad, geometry)
    for tap, pixels in enumerate(_taps(padded, geometry)):
        pixels += np.where(argmax == tap, grad, 0)
    return _unpad(padded, geometry).astype(grad.dtype)


def max_pool2d_gather(x: Array, argmax: Array, geometry: Geometry) -> Array:
    """x (N, C, H, W) -> (N, C, OH, OW): the pixel at the argmax; 0 for padding and "no pixel"."""
    out = np.zeros(argmax.shape, x.dtype)
    for tap, pixels in enumerate(_taps(_pad(x, geometry), geometry)):
        np.copyto(out, pixels, where=argmax == tap)
    return out


@np.errstate(over="ignore", invalid="ignore")  # infinity minus infinity is NaN
def avg_pool2d(x: Array, scale: Array, geometry: Geometry) -> Array:
    """x (N, C, H, W) -> (N, C, OH, OW): the sum of each window times ``scale`` (OH, OW)."""
    padded = _pad(widen(x), geometry)
    return (np.sum([*_taps(padded, geometry)], axis=0) * scale).astype(x.dtype)


@np.errstate(over="ignore", invalid="ignore")
def avg_pool2d_scatter(grad: Array, scale: Array, geometry: Geometry) -> Array:
    """grad (N, C, OH, OW) -> (N, C, H, W): grad * scale is added to all pixels of the window."""
    padded = _padded_zeros(grad, geometry)
    for pixels in _taps(padded, geometry):
        pixels += grad * scale
    return _unpad(padded, geometry).astype(grad.dtype)


def _taps(padded: Array, geometry: Geometry) -> Iterator[Array]:
    """For each tap (kh, kw), its pixel in all windows: a view (N, C, OH, OW) of padded images."""
    (KH, KW), (OH, OW) = geometry.kernel_size, geometry.output_size
    (SH, SW), (DH, DW) = geometry.stride, geometry.dilation
    for kh, kw in np.ndindex(KH, KW):
        top, left = kh * DH, kw * DW
        yield padded[:, :, top : top + OH * SH : SH, left : left + OW * SW : SW]


def _pad(x: Array, geometry: Geometry) -> Array:
    """x (N, C, H, W) with PH rows above and PW columns to the left, and room for all windows."""
    (PH, PW), (KH, KW), (OH, OW) = geometry.padding, geometry.kernel_size, geometry.output_size
    (SH, SW), (DH, DW) = geometry.stride, geometry.dilation
    return np.pad(x, [(0, 0), (0, 0), (PH, OH * SH + KH * DH), (PW, OW * SW + KW * DW)])


def _padded_zeros(grad: Array, geometry: Geometry) -> Array:
    """Zeros in the shape of padded images, to add gradients to."""
    dtype = np.promote_types(grad.dtype, np.float32)  # sums of half precision are rounded once
    return _pad(np.zeros((*grad.shape[:2], *geometry.input_size), dtype), geometry)


def _unpad(padded: Array, geometry: Geometry) -> Array:
    """Padded images without their padding: (N, C, H, W)."""
    (H, W), (PH, PW) = geometry.input_size, geometry.padding
    return padded[:, :, PH : PH + H, PW : PW + W]


def adaptive_max_pool2d(x: Array, output_size: Pair) -> tuple[Array, Array]:
    """x (N, C, H, W) -> maxima and their indices h * W + w, both (N, C, OH, OW).

    Window i of OH takes the rows floor(i * H / OH) up to ceil((i + 1) * H / OH), columns likewise.
    Of equal maxima the first counts, but of several NaNs the last.
    """
    (N, C, H, W), (OH, OW) = x.shape, output_size
    indices = np.empty((N, C, OH, OW), np.int64)
    rows, columns = adaptive_windows(H, OH), adaptive_windows(W, OW)
    for oh, ow in np.ndindex(OH, OW):
        (top, bottom), (left, right) = rows[oh], columns[ow]
        window = x[:, :, top:bottom, left:right].reshape(N, C, (bottom - top) * (right - left))
        last_nan = window.shape[2] - 1 - np.isnan(window)[..., ::-1].argmax(axis=2)
        argmax = np.where(np.isnan(window).any(axis=2), last_nan, window.argmax(axis=2))
        h, w = np.divmod(argmax, right - left)  # (N, C) each
        indices[:, :, oh, ow] = (top + h) * W + left + w
    return plane_gather(x, indices), indices


@np.errstate(over="ignore", invalid="ignore")
def adaptive_avg_pool2d(x: Array, output_size: Pair) -> Array:
    """x (N, C, H, W) -> (N, C, OH, OW): the mean of each window of adaptive pooling."""
    out = np.empty((*x.shape[:2], *output_size), x.dtype)
    rows, columns = map(adaptive_windows, x.shape[2:], output_size)
    for oh, ow in np.ndindex(*output_size):
        window = widen(x)[:, :, slice(*rows[oh]), slice(*columns[ow])]
        out[:, :, oh, ow] = window.mean(axis=(2, 3))
    return out


@np.errstate(over="ignore", invalid="ignore")
def adaptive_avg_pool2d_scatter(grad: Array, input_size: Pair) -> Array:
    """grad (N, C, OH, OW) -> (N, C, H, W): each gradient is shared out among its window's pixels."""
    out = np.zeros((*grad.shape[:2], *input_size), np.promote_types(grad.dtype, np.float32))
    rows, columns = map(adaptive_windows, input_size, grad.shape[2:])
    for oh, ow in np.ndindex(*grad.shape[2:]):
        window = out[:, :, slice(*rows[oh]), slice(*columns[ow])]
        window += widen(grad)[:, :, oh, ow, None, None] / math.prod(window.shape[2:])
    return out.astype(grad.dtype)


@np.errstate(over="ignore", invalid="ignore")
def plane_scatter(grad: Array, indices: Array, input_size: Pair) -> Array:
    """grad (N, C, OH, OW) -> (N, C, H, W): adds at the indices h * W + w, of the shape of grad."""
    N, C = grad.shape[:2]
    planes = np.arange(N * C).reshape(N, C, 1, 1)
    out = np.zeros((N * C, math.prod(input_size)), np.promote_types(grad.dtype, np.float32))
    np.add.at(out, (planes, indices), grad.astype(out.dtype))
    return out.reshape(N, C, *input_size).astype(grad.dtype)


def plane_gather(x: Array, indices: Array) -> Array:
    """x (N, C, H, W) -> (N, C, OH, OW): its values at the indices h * W + w."""
    N, C, H, W = x.shape
    planes = np.arange(N * C).reshape(N, C, 1, 1)
    return x.reshape(N * C, H * W)[planes, indices]
