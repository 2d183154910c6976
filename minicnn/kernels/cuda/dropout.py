"""Dropout on the GPU, with random bits from Philox4x32-10 that are the same on the CPU."""

from __future__ import annotations

import math

import cupy
import numpy as np

from .module import FLOATS, CudaFile, channels_first, channels_last

__all__ = ["dropout"]

cuda_file = CudaFile("dropout.cu")
_dropout = cuda_file.kernel("dropout", FLOATS)


def dropout(x: cupy.ndarray, p: float, seed: int, offset: int) -> cupy.ndarray:
    """Zero with probability ``p``, else x / (1 - p), element by element.

    Args:
        x: any shape.
        p: probability of zero, 0 to 1.
        seed: key of the generator, 64 bits.
        offset: upper half of its counter, 64 bits; the lower is the index of an element in C
            order, divided by 4.

    Returns:
        an array of the shape of ``x``; images (4-D) are channels-last in memory.
    """
    is_image = x.ndim == 4
    values = channels_last(x) if is_image else cupy.ascontiguousarray(x)
    C, pixels = (x.shape[1], math.prod(x.shape[2:])) if is_image else (1, 1)
    out = cupy.empty_like(values)
    _dropout[x.dtype](
        out.size,
        values,
        out,
        C,
        pixels,
        np.uint64(round(p * 2**32)),
        np.uint64(seed),
        np.uint64(offset),
        1 / (1 - p) if p < 1 else 0.0,
    )
    return channels_first(out) if is_image else out.reshape(x.shape)
