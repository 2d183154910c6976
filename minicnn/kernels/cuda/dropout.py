"""Dropout on the GPU, with random bits from Philox4x32-10 that are the same on the CPU."""

from __future__ import annotations

import math
from collections.abc import Callable

import cupy
import numpy as np

from .runtime.hyperparameters import device_values
from .runtime.layout import channels_first, channels_last
from .runtime.module import FLOATS, HALVES, CudaFile

__all__ = ["dropout", "philox_state"]

cuda_file = CudaFile("dropout.cu")
_dropout = cuda_file.kernel("dropout", FLOATS + HALVES)
_dropout_images = cuda_file.kernel("dropout_images", FLOATS + HALVES)


def philox_state(draw: Callable[[], tuple[int, int]]) -> cupy.ndarray:
    """The state that determines a mask, (2,) of uint64 in device memory.

    Args:
        draw: returns (seed, offset); called now, or before each replay of a graph.
    """
    return device_values(draw, 2, np.uint64)


def dropout(x: cupy.ndarray, p: float, state: cupy.ndarray) -> cupy.ndarray:
    """Zero with probability ``p``, else x / (1 - p), element by element.

    Args:
        x: any shape.
        p: probability of zero, 0 to 1.
        state: of :func:`philox_state`: the key of the generator, and the upper half of its
            counter; the lower is the index of an element in C order, divided by 4.

    Returns:
        an array of the shape of ``x``; images (4-D) are channels-last in memory.
    """
    options = np.uint64(round(p * 2**32)), state, 1 / (1 - p) if p < 1 else 0.0
    pixels = math.prod(x.shape[2:])
    if x.ndim == 4 and pixels > 1:
        values = channels_last(x)
        out = cupy.empty_like(values)
        _dropout_images[x.dtype](out.size, values, out, x.shape[1], pixels, *options)
        return channels_first(out)
    values = _aligned(cupy.ascontiguousarray(x))
    out = cupy.empty_like(values)
    _dropout[x.dtype](-(-out.size // 4), values, out, np.int64(out.size), *options)
    return out.reshape(x.shape)


def _aligned(x: cupy.ndarray) -> cupy.ndarray:
    """``x``, or a copy of it if it begins in the middle of four numbers, as a slice may."""
    return x if x.data.ptr % (4 * x.itemsize) == 0 else x.copy()
