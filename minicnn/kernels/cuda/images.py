"""Images on the GPU: from bytes to normalised numbers."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import cupy
import numpy as np

from .runtime.layout import channels_first, vector_width
from .runtime.module import SINGLES, VECTORS, CudaFile, accumulator

__all__ = ["normalize_images"]

cuda_file = CudaFile("images.cu")
_normalize_images = cuda_file.kernel("normalize_images", VECTORS + SINGLES)


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
    pixels = images.transpose(0, 2, 3, 1)
    channel_stride, pixel_stride = 1, C
    if not pixels.flags.c_contiguous:
        pixels = cupy.ascontiguousarray(images)
        channel_stride, pixel_stride = H * W, 1
    out = cupy.empty((N, H, W, C), dtype)
    real = accumulator(out.dtype)
    scale, shift = _scale_and_shift(
        tuple(map(float, mean)), tuple(map(float, std)), real, images.device.id
    )
    width = vector_width(out.size, out)
    _normalize_images[out.dtype, width](
        out.size // width, pixels, scale, shift, out, C, H * W, channel_stride, pixel_stride
    )
    return channels_first(out)


@functools.lru_cache(maxsize=64)
def _scale_and_shift(
    mean: tuple[float, ...], std: tuple[float, ...], dtype: np.dtype[Any], device: int
) -> tuple[cupy.ndarray, cupy.ndarray]:
    """(C,) arrays on the current device, such that images * scale + shift is normalised.

    They are cached, because copying to the GPU takes longer than some launches, and is not allowed
    while a graph is captured.
    """
    deviations = np.array(std)
    scale, shift = 1 / (255 * deviations), -np.array(mean) / deviations
    return cupy.asarray(scale.astype(dtype)), cupy.asarray(shift.astype(dtype))
