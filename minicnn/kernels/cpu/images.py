"""Pictures on the CPU: from bytes to normalised floats."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import as_strided

from .runtime.layout import channels_last_empty
from .runtime.rows import as_rows, for_each_row_block, tile_channels
from .runtime.threads import scratch

__all__ = ["normalize_crops", "normalize_images"]

_FLOAT = np.dtype(np.float32)
_LINES = 16  # of pixels in a row of the matrix, at most


def normalize_images(
    images: np.ndarray, mean: Sequence[float], std: Sequence[float], dtype: np.dtype
) -> np.ndarray:
    """(images / 255 - mean) / std by channel, computed in float32.

    Args:
        images: (N, C, H, W) of uint8.
        mean, std: C numbers each.
        dtype: of the result.

    Returns:
        (N, C, H, W), channels-last in memory.
    """
    out = channels_last_empty(images.shape, dtype)
    rows, normalized = _long_rows(images), _long_rows(out)  # views, if images are channels-last
    wide_mean, wide_std = (tile_channels(np.array(each), rows, _FLOAT) for each in (mean, std))

    def work(at: slice) -> None:
        result = normalized[at]
        floats = result if dtype == _FLOAT else scratch("normalize_images", result.shape, _FLOAT)
        np.copyto(floats, rows[at])
        floats /= _FLOAT.type(255)
        floats -= wide_mean
        np.divide(floats, wide_std, out=result, casting="same_kind")

    for_each_row_block(normalized, work)
    return out


def normalize_crops(
    pixels: np.ndarray,
    crops: np.ndarray,
    size: tuple[int, int],
    mean: Sequence[float],
    std: Sequence[float],
    dtype: np.dtype,
) -> np.ndarray:
    """:func:`normalize_images` for parts of pictures, some of them mirrored.

    Args:
        pixels: uint8, all pictures one after the other, each (H, W, C).
        crops: (N, 3) of int64: the first byte of a crop, the bytes from one line of its picture to
            the next, and whether it is mirrored.
        size: height and width of the crops.
        mean, std: C numbers each.
        dtype: of the result.

    Returns:
        (N, C, height, width), channels-last in memory.

    Raises:
        IndexError: for a crop that is not in ``pixels``.
    """
    (height, width), C = size, len(mean)
    images = np.empty((len(crops), height, width, C), np.uint8)
    for image, (first, line, mirrored) in zip(images, crops.tolist(), strict=True):
        end = first + (height - 1) * line + width * C
        if not 0 <= first <= end <= pixels.size:
            raise IndexError(f"a crop must lie in the {pixels.size} bytes, got {first} to {end}")
        crop = as_strided(pixels[first:end], image.shape, (line, C, 1))
        image[...] = crop[:, ::-1] if mirrored else crop
    return normalize_images(images.transpose(0, 3, 1, 2), mean, std, dtype)


def _long_rows(images: np.ndarray) -> np.ndarray:
    """(N, C, H, W) as a matrix: a row has several lines of pixels if their number permits.

    NumPy takes rows one by one to broadcast over them, which costs as much as 100 elements.
    """
    rows = as_rows(images)
    return rows.reshape(-1, rows.shape[1] * math.gcd(len(rows), _LINES))
