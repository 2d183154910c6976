"""Images on the GPU: from bytes to normalised numbers, and in half precision.

A byte has only 256 values, and the kernels look each up in a table. So their results are those of the
definition, in any dtype, bit for bit.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import cupy
import numpy as np

from ..plain.images import normalize_images as normalize_by_definition
from .runtime.layout import channels_first, first_channels, vector_width
from .runtime.module import FLOATS, HALVES, SINGLES, VECTORS, CudaFile

__all__ = ["cast_images", "normalize_crops", "normalize_images"]

cuda_file = CudaFile("images.cu")
_normalize_images = cuda_file.kernel("normalize_images", VECTORS + SINGLES)
_normalize_crops = cuda_file.kernel("normalize_crops", HALVES + FLOATS)
_cast_images = cuda_file.kernel("cast_images", HALVES)
_CHANNELS = 4  # that the last two write


def normalize_images(
    images: cupy.ndarray, mean: Sequence[float], std: Sequence[float], dtype: np.dtype[Any]
) -> cupy.ndarray:
    """(images / 255 - mean) / std by channel, channels-last in memory.

    Args:
        images: (N, C, H, W) of uint8, channels-first or channels-last in memory.
        mean, std: C numbers each.
        dtype: of the result.
    """
    N, C, H, W = images.shape
    pixels, *strides = _dense(images)
    out = cupy.empty((N, H, W, C), dtype)
    table = _table(mean, std, out.dtype, images.device.id)
    width = vector_width(out.size, out)
    _normalize_images[out.dtype, width](out.size // width, pixels, table, out, C, H * W, *strides)
    return channels_first(out)


def _dense(images: cupy.ndarray) -> tuple[cupy.ndarray, int, int]:
    """Images without gaps in memory, and the distances from channel to channel and pixel to pixel."""
    _, C, H, W = images.shape
    pixels = images.transpose(0, 2, 3, 1)
    if pixels.flags.c_contiguous:
        return pixels, 1, C
    return cupy.ascontiguousarray(images), H * W, 1


def normalize_crops(
    pixels: cupy.ndarray,
    crops: cupy.ndarray,
    size: tuple[int, int],
    mean: Sequence[float],
    std: Sequence[float],
    dtype: np.dtype[Any],
) -> cupy.ndarray:
    """:func:`normalize_images` for parts of pictures, some of them mirrored.

    Args:
        pixels: uint8, all pictures one after the other, each (H, W, C) with up to 4 channels.
        crops: (N, 3) of int64: the first byte of a crop, the bytes from one line of its picture to
            the next, and whether it is mirrored.
        size: height and width of the crops.
        mean, std: C numbers each.
        dtype: of the result.

    Returns:
        (N, C, height, width), the first channels of pixels of 4, as convolution reads them.

    Raises:
        ValueError: for more than 4 channels.
    """
    (height, width), N, C = size, len(crops), len(mean)
    if C > _CHANNELS:
        raise ValueError(f"crops on CUDA have up to {_CHANNELS} channels, got {C}")
    out = cupy.empty((N, height, width, _CHANNELS), dtype)
    table = _table(mean, std, out.dtype, pixels.device.id)
    _normalize_crops[out.dtype](
        N * height * width, pixels, cupy.ascontiguousarray(crops), table, out, C, height, width
    )
    return first_channels(out, C)


def _table(
    mean: Sequence[float], std: Sequence[float], dtype: np.dtype[Any], device: int
) -> cupy.ndarray:
    """What each byte of each channel becomes, (C, 256) on the current device."""
    return _kept_table(tuple(map(float, mean)), tuple(map(float, std)), dtype, device)


@functools.lru_cache(maxsize=64)
def _kept_table(
    mean: tuple[float, ...], std: tuple[float, ...], dtype: np.dtype[Any], device: int
) -> cupy.ndarray:
    """:func:`_table`, made once.

    Copying to the GPU takes longer than some launches, and is not allowed while a graph is captured.
    """
    every_byte = np.broadcast_to(np.arange(256, dtype=np.uint8), (1, len(mean), 1, 256))
    return cupy.asarray(normalize_by_definition(every_byte, mean, std, dtype).reshape(-1, 256))


def cast_images(images: cupy.ndarray, dtype: np.dtype[Any]) -> cupy.ndarray:
    """Images in another dtype, laid out for a convolution.

    Args:
        images: (N, C, H, W).
        dtype: of the result.

    Returns:
        (N, C, H, W). Up to 3 channels of float32 in half precision are the first of pixels of 4, as
        convolution reads them; others lie in memory as before.
    """
    N, C, H, W = images.shape
    if C >= _CHANNELS or images.dtype != np.float32 or dtype.name not in HALVES:
        return images.astype(dtype, order="K")
    pixels, *strides = _dense(images)
    out = cupy.empty((N, H, W, _CHANNELS), dtype)
    _cast_images[out.dtype](N * H * W, pixels, out, C, H * W, *strides)
    return first_channels(out, C)
