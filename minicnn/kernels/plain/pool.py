"""Pooling: windows are reduced one tap (kh, kw) at a time, all windows together."""

import math
from collections.abc import Iterator

import numpy as np

from ..geometry import Geometry, Pair

Array = np.ndarray


def max_pool2d(
    x: Array, geometry: Geometry, with_argmax: bool = True
) -> tuple[Array, Array | None]:
    """x (N, C, H, W) -> maxima and argmax kh * KW + kw, both (N, C, OH, OW).

    The first of equal maxima wins, but NaN beats every number, and then the last NaN wins. Windows
    wholly in the padding give -inf and the argmax KH * KW, "no pixel".
    """
    KH, KW = geometry.kernel_size
    lowest = np.iinfo(x.dtype).min if x.dtype.kind in "iu" else -np.inf
    padded, inside = _pad(x, geometry, lowest), _pad(np.ones(x.shape, bool), geometry, False)
    out = np.full((*x.shape[:2], *geometry.output_size), lowest, x.dtype)
    argmax = np.full(out.shape, KH * KW, np.uint8 if KH * KW < 256 else np.int32)
    for tap, windows in enumerate(_taps(geometry)):
        values = padded[windows]  # (N, C, OH, OW)
        wins = (values > out) | np.isnan(values) | (argmax == KH * KW)
        wins &= inside[windows]
        out[wins] = values[wins]
        argmax[wins] = tap
    return out, argmax if with_argmax else None


def max_pool2d_scatter(grad: Array, argmax: Array, geometry: Geometry) -> Array:
    """grad (N, C, OH, OW) -> (N, C, H, W): each gradient goes to the maximum of its window."""
    padded = _pad_zeros(grad, geometry)
    for tap, windows in enumerate(_taps(geometry)):
        padded[windows] += np.where(argmax == tap, grad, 0)
    return _unpad(padded, geometry).astype(grad.dtype)


def max_pool2d_gather(x: Array, argmax: Array, geometry: Geometry) -> Array:
    """x (N, C, H, W) -> (N, C, OH, OW): the pixel at the argmax; 0 for padding and "no pixel"."""
    padded, out = _pad(x, geometry, 0), np.zeros(argmax.shape, x.dtype)
    for tap, windows in enumerate(_taps(geometry)):
        np.copyto(out, padded[windows], where=argmax == tap)
    return out


def avg_pool2d(x: Array, scale: Array, geometry: Geometry) -> Array:
    """x (N, C, H, W) -> (N, C, OH, OW): the sum of each window times ``scale`` (OH, OW)."""
    padded, sums = _pad(x, geometry, 0), np.zeros((), np.promote_types(x.dtype, np.float32))
    for windows in _taps(geometry):
        sums = sums + padded[windows]
    return (sums * scale).astype(x.dtype)


def avg_pool2d_scatter(grad: Array, scale: Array, geometry: Geometry) -> Array:
    """grad (N, C, OH, OW) -> (N, C, H, W): grad * scale is added to all pixels of the window."""
    padded = _pad_zeros(grad, geometry)
    for windows in _taps(geometry):
        padded[windows] += grad * scale
    return _unpad(padded, geometry).astype(grad.dtype)


def _taps(geometry: Geometry) -> Iterator[tuple[slice, ...]]:
    """For each tap (kh, kw), its pixel in all windows: an index of padded images."""
    (KH, KW), (OH, OW) = geometry.kernel_size, geometry.output_size
    (SH, SW), (DH, DW) = geometry.stride, geometry.dilation
    for kh, kw in np.ndindex(KH, KW):
        rows = slice(kh * DH, kh * DH + OH * SH, SH)
        columns = slice(kw * DW, kw * DW + OW * SW, SW)
        yield slice(None), slice(None), rows, columns


def _pad(x: Array, geometry: Geometry, value: float) -> Array:
    """x (N, C, H, W) with PH rows above and PW columns to the left, and room for all windows."""
    sizes = zip(
        geometry.padding, geometry.output_size, geometry.stride, geometry.kernel_size,
        geometry.dilation, strict=True,
    )  # fmt: skip
    margins = [(0, 0), (0, 0), *((P, O * S + K * D) for P, O, S, K, D in sizes)]
    return np.pad(x, margins, constant_values=value)


def _pad_zeros(grad: Array, geometry: Geometry) -> Array:
    """Zeros of the shape of the padded images, to add gradients to."""
    dtype = np.promote_types(grad.dtype, np.float32)
    return _pad(np.zeros((*grad.shape[:2], *geometry.input_size), dtype), geometry, 0)


def _unpad(padded: Array, geometry: Geometry) -> Array:
    (H, W), (PH, PW) = geometry.input_size, geometry.padding
    return padded[:, :, PH : PH + H, PW : PW + W]


def adaptive_max_pool2d(x: Array, output_size: Pair) -> tuple[Array, Array]:
    """x (N, C, H, W) -> maxima and their indices h * W + w, both (N, C, OH, OW).

    Window i of OH takes the rows floor(i * H / OH) up to ceil((i + 1) * H / OH), columns likewise.
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
