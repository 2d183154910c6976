"""Running over arrays in the order of their memory, in blocks that fit a CPU's cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ....memory import empty
from .threads import for_each_slice

__all__ = ["channels_last_empty", "flatten", "for_each_block", "unflatten"]

_MIN_THREADED = 1 << 17  # elements: with fewer, starting threads costs more than they save


def channels_last_empty(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An uninitialised (N, C, H, W) array whose memory order is N, H, W, C."""
    N, C, H, W = shape
    return empty((N, H, W, C), dtype).transpose(0, 3, 1, 2)


def memory_order(array: np.ndarray) -> list[int]:
    """The axes of ``array`` from the largest stride to the smallest."""
    return sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))


def flatten(*arrays: np.ndarray) -> list[np.ndarray]:
    """1-D forms of ``arrays`` (of equal shape), all in the memory order of the first.

    They are views where the memory is dense in that order, else copies.
    """
    order = memory_order(arrays[0])
    return [array.transpose(order).reshape(-1) for array in arrays]


def unflatten(flat: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """The inverse of :func:`flatten`: a view of ``flat`` with shape and order of ``reference``."""
    order = memory_order(reference)
    shape = [reference.shape[axis] for axis in order]
    return flat.reshape(shape).transpose([order.index(axis) for axis in range(len(order))])


def for_each_block(count: int, work: Callable[[int, int], Any], block: int = 1 << 16) -> None:
    """Call ``work(start, stop)`` for blocks that cover ``range(count)``, threaded if it pays.

    Args:
        count: the number of elements.
        work: called with slices of at most ``block`` elements.
        block: so small that all operands of one block stay in cache from one pass to the next.
    """

    def run(start: int, stop: int) -> None:
        for begin in range(start, stop, block):
            work(begin, min(begin + block, stop))

    if count < _MIN_THREADED:
        run(0, count)
    else:
        for_each_slice(count, run)
