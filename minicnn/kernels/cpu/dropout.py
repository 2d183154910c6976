"""Dropout on the CPU, with masks from the generator's stream of random words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ...devices import drawing_order
from ...memory import empty
from .runtime.layout import flatten, for_each_block, unflatten
from .runtime.masking import select

if TYPE_CHECKING:
    from ...random import Generator

__all__ = ["dropout", "dropout_backward"]

_BLOCK = 1 << 13  # words, which stay in the cache until they are compared


def dropout(x: np.ndarray, p: float, generator: Generator) -> tuple[np.ndarray, np.ndarray]:
    """Zero with probability ``p``, else x * (1 / (1 - p)), in the memory order of ``x``.

    Each element, in the order of drawing (see :func:`~minicnn.devices.drawing_order`), gets a number uniform in [0, 1) of 53 bits, and is kept if
    that is below 1 - p. The factor 1 / (1 - p) is rounded to the dtype of ``x``. All that is as in
    torch, but infinities and NaN that are dropped become 0.

    Args:
        x: of any shape and floating dtype.
        p: in [0, 1].
        generator: draws ``x.size`` words of 64 bits.

    Returns:
        The result and the mask: booleans of the shape of ``x``, True where an element was kept.
    """
    order = drawing_order(x)
    keep = _keep(x.size, 1 - p, generator).reshape([x.shape[axis] for axis in order])
    mask = keep.transpose([order.index(axis) for axis in range(x.ndim)])
    return _masked(x, mask, p), mask


def dropout_backward(grad: np.ndarray, mask: np.ndarray, p: float) -> np.ndarray:
    """The gradient of :func:`dropout`: grad * (1 / (1 - p)) where ``mask`` is True, else 0."""
    return _masked(grad, mask, p)


def _masked(x: np.ndarray, mask: np.ndarray, p: float) -> np.ndarray:
    """x * (1 / (1 - p)) where ``mask`` is True, else 0."""
    real = np.float64 if x.dtype == np.float64 else np.float32
    scale = real(1) / real(1 - p) if p < 1 else real(0)
    if x.itemsize == 2:
        scale = scale.astype(x.dtype).astype(real)
    flat, flat_mask = flatten(x, mask)
    out = empty(flat.shape, flat.dtype)

    def work(start: int, stop: int) -> None:
        at = slice(start, stop)
        select(flat[at], flat_mask[at], out=out[at])
        np.multiply(out[at], scale, out=out[at], dtype=real, casting="unsafe")

    for_each_block(flat.size, work)
    return unflatten(out, x)


def _keep(size: int, share: float, generator: Generator) -> np.ndarray:
    """(size,) booleans, each True with probability ``share``."""
    keep = empty((size,), bool)
    below = np.uint64(math.ceil(share * 2**53))
    for start in range(0, size, _BLOCK):
        block = keep[start : start + _BLOCK]
        words = generator.words64(block.size)
        words &= np.uint64(2**53 - 1)
        np.less(words, below, out=block)
    return keep
