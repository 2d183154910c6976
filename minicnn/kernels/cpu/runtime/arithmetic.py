"""Arithmetic of two large arrays, in blocks on all threads, with memory from the pool."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ....memory import empty
from .layout import flatten, for_each_block, unflatten
from .threads import for_each_slice
from .windows import nchw, nhwc

__all__ = ["LARGE", "large"]

LARGE = 1 << 21  # elements; with fewer, waking threads costs more than they save

_BLOCK = 1 << 16  # elements
_UFUNCS = {
    operator.add: np.add,
    operator.sub: np.subtract,
    operator.mul: np.multiply,
    operator.truediv: np.divide,
}


def large(function: Callable[[Any, Any], Any], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """``function(x, y)``, an operator, of two arrays of one dtype, at least one of them large.

    Fast for floating-point arrays of one shape and layout, and for channels-last images with a factor
    or summand (N, C, 1, 1) or (1, C, 1, 1), as squeeze-and-excitation has.
    """
    ufunc = _UFUNCS.get(function)
    if ufunc is not None and x.dtype.kind == "f" and x.dtype is y.dtype:
        if x.shape == y.shape:
            if x.strides == y.strides:
                return _of_one_layout(ufunc, x, y)
        elif x.ndim == y.ndim == 4:
            if _is_by_channel(y, x):
                return _by_channel(ufunc, x, y, swapped=False)
            if _is_by_channel(x, y):
                return _by_channel(ufunc, y, x, swapped=True)
    return function(x, y)


def _of_one_layout(ufunc: np.ufunc, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    a, b = flatten(x, y)
    out = empty(a.shape, a.dtype)

    def work(start: int, stop: int) -> None:
        ufunc(a[start:stop], b[start:stop], out=out[start:stop])

    for_each_block(a.size, work, _BLOCK)
    return unflatten(out, x)


def _is_by_channel(values: np.ndarray, images: np.ndarray) -> bool:
    """Whether ``values`` has one number for each channel of channels-last ``images``."""
    N, C = images.shape[:2]
    return values.shape in ((N, C, 1, 1), (1, C, 1, 1)) and nhwc(images).flags.c_contiguous


def _by_channel(
    ufunc: np.ufunc, images: np.ndarray, values: np.ndarray, swapped: bool
) -> np.ndarray:
    """``ufunc(images, values)``, or with both swapped: row by row, as NumPy is slow in short loops."""
    N, C, H, W = images.shape
    rows = nhwc(images).reshape(N, H, W * C)
    out = empty(rows.shape, images.dtype)
    by_image = np.broadcast_to(values.reshape(-1, 1, C), (N, W, C))

    def work(start: int, stop: int) -> None:
        for n in range(start, stop):
            repeated = by_image[n].reshape(W * C)
            operands = (repeated, rows[n]) if swapped else (rows[n], repeated)
            ufunc(*operands, out=out[n])

    for_each_slice(N, work)
    return nchw(out.reshape(N, H, W, C))
