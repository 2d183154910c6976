"""Views of channels-last images (n, H, W, C) that steps share; C may be a slice of a wider buffer."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ...geometry import Geometry
from ..runtime.windows import overlap, padded_size, unpadded
from .step import Call, Scratch

__all__ = ["matrices", "matrix", "padded", "sliding"]


def matrix(images: np.ndarray) -> np.ndarray:
    """(n * H * W, C) view of images, or (n, H * W, C) or (n, H, W, C) if rows are apart in memory.

    All of these can be an operand of ``np.matmul``, and the fewer axes, the larger the products.
    """
    n, H, W, C = images.shape
    image, row, pixel, channel = images.strides
    if H > 1 and row != W * pixel:
        return images
    if n > 1 and image != H * W * pixel:
        return as_strided(images, (n, H * W, C), (image, pixel, channel))
    return as_strided(images, (n * H * W, C), (pixel, channel))


def matrices(images: np.ndarray, out: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Two arrays (n, H, W, ...) as pairs of matrices with a row for each pixel: as few as possible."""
    a, b = matrix(images), matrix(out)
    if a.ndim == b.ndim == 2:
        yield a, b
    elif len(images) > 1:
        for i in range(len(images)):
            yield from matrices(images[i : i + 1], out[i : i + 1])
    else:
        for h in range(images.shape[1]):
            yield images[0, h], out[0, h]


def padded(x: np.ndarray, geometry: Geometry, scratch: Scratch) -> tuple[np.ndarray, list[Call]]:
    """Images with their padding (n, HP, WP, C), and the calls that copy ``x`` there, if any.

    The border is written once, here. It is a view of ``x`` where no window reaches beyond it.
    """
    inside = unpadded(x, geometry)
    if inside is not None:
        return inside, []
    image_part, padded_part = overlap(geometry)
    shape = len(x), *padded_size(geometry), x.shape[3]
    images = scratch.zeroed(shape, str(padded_part))
    return images, [partial(np.copyto, images[padded_part], x[image_part])]


def sliding(array: np.ndarray, axis: int, count: int, size: int, step: int) -> np.ndarray:
    """A view with ``axis`` split in two: ``count`` windows, ``step`` apart, and their ``size`` items."""
    shape, strides = list(array.shape), list(array.strides)
    shape[axis : axis + 1] = [count, size]
    strides[axis : axis + 1] = [strides[axis] * step, strides[axis]]
    return as_strided(array, shape, strides)
