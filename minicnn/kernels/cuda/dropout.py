"""Dropout on the GPU, with random bits from Philox4x32-10.

The mask is not stored: the backward pass draws the same bits again from the same Philox state.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cupy
import numpy as np

from .runtime.hyperparameters import device_values
from .runtime.layout import channels_first, channels_last
from .runtime.module import FLOATS, HALVES, CudaFile

if TYPE_CHECKING:
    from ...random import Generator

__all__ = ["dropout", "dropout_backward"]

cuda_file = CudaFile("dropout.cu")
_dropout = cuda_file.kernel("dropout", FLOATS + HALVES)
_dropout_images = cuda_file.kernel("dropout_images", FLOATS + HALVES)


def dropout(x: cupy.ndarray, p: float, generator: Generator) -> tuple[cupy.ndarray, cupy.ndarray]:
    """Zero with probability ``p``, else x / (1 - p), element by element.

    Args:
        x: any shape.
        p: probability of zero, 0 to 1.
        generator: its :meth:`~minicnn.random.Generator.philox` is called now, or before each replay
            of a graph. The seed is the key of Philox, the offset the upper half of the counter; the
            lower half is the index of an element in C order, divided by 4.

    Returns:
        out, of the shape of ``x``, images (4-D) channels-last in memory; and the mask for
        :func:`dropout_backward`: (seed, offset), uint64 in device memory.
    """
    state = device_values(generator.philox, 2, np.uint64)
    return _drop(x, p, state), state


def dropout_backward(grad: cupy.ndarray, mask: cupy.ndarray, p: float) -> cupy.ndarray:
    """The gradient of :func:`dropout` by its input: grad / (1 - p) where x was kept, else 0.

    Args:
        grad: of the shape of the input.
        mask: as returned by :func:`dropout`.
        p: as given to :func:`dropout`.
    """
    return _drop(grad, p, mask)


def _drop(x: cupy.ndarray, p: float, state: cupy.ndarray) -> cupy.ndarray:
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
    """``x``, or a copy if it does not start at a multiple of four elements, as a slice may not."""
    return x if x.data.ptr % (4 * x.itemsize) == 0 else x.copy()
