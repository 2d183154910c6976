"""Resizing of images. ``scale`` is (vertical, horizontal): input pixels per output pixel."""

import itertools

import numpy as np

from ...typing import Array
from ..geometry import Pair
from .arrays import widen

Scale = tuple[float, float]


def resize_nearest(x: Array, output_size: Pair, scale: Scale) -> Array:
    """x (N, C, H, W) -> (N, C, OH, OW): output pixel i shows input pixel floor(i * scale)."""
    return x[_nearest(x.shape[2:], output_size, scale)]


def resize_nearest_backward(grad: Array, input_size: Pair, scale: Scale) -> Array:
    """grad (N, C, OH, OW) -> (N, C, H, W)."""
    values = widen(grad)
    out = np.zeros((*grad.shape[:2], *input_size), values.dtype)
    np.add.at(out, _nearest(input_size, grad.shape[2:], scale), values)
    return out.astype(grad.dtype)


def resize_bilinear(x: Array, output_size: Pair, scale: Scale, align_corners: bool) -> Array:
    """x (N, C, H, W) -> (N, C, OH, OW): a weighted sum of the four nearest pixels.

    Output pixel i lies at (i + 0.5) * scale - 0.5 in the input; with ``align_corners``, where the
    corner pixels of both images coincide, at i * scale. Along an axis whose size stays, where scale
    is 1, pixels are copied: nothing is read of their neighbours.
    """
    images, sizes = widen(x), (x.shape[2:], output_size)
    out = np.zeros((*x.shape[:2], *output_size), images.dtype)
    for pixels, weights in _bilinear(*sizes, scale, align_corners, images.dtype):
        out += images[pixels] * weights
    return out.astype(x.dtype)


def resize_bilinear_backward(
    grad: Array, input_size: Pair, scale: Scale, align_corners: bool
) -> Array:
    """grad (N, C, OH, OW) -> (N, C, H, W)."""
    values, sizes = widen(grad), (input_size, grad.shape[2:])
    out = np.zeros((*grad.shape[:2], *input_size), values.dtype)
    for pixels, weights in _bilinear(*sizes, scale, align_corners, values.dtype):
        np.add.at(out, pixels, values * weights)
    return out.astype(grad.dtype)


def _nearest(input_size, output_size, scale):
    """Index of the input pixels that the output shows: ..., rows (OH, 1), columns (OW,)."""
    rows, columns = (  # in float32 whatever the image, as in torch
        np.minimum(np.arange(O, dtype=np.float32) * np.float32(s), I - 1).astype(int)
        for I, O, s in zip(input_size, output_size, scale)
    )
    return ..., rows[:, None], columns


def _bilinear(input_size, output_size, scale, align_corners, dtype):
    """Yields such an index, and weights (OH, OW), for each of the four pixels that are blended."""
    axes = []
    for I, O, s in zip(input_size, output_size, scale):
        i, step = np.arange(O), np.float64(dtype.type(s))  # so that positions are rounded once
        position = i * step if align_corners else np.maximum((i + 0.5) * step - 0.5, 0)
        position = position.astype(dtype)
        low = np.minimum(position.astype(int), I - 1)
        fraction = position - low.astype(dtype)
        high = low if O == I else np.minimum(low + 1, I - 1)
        axes.append([(low, 1 - fraction), (high, fraction)])
    for (rows, row_weights), (columns, column_weights) in itertools.product(*axes):
        yield (..., rows[:, None], columns), row_weights[:, None] * column_weights
