"""Elementwise work on arrays in the order of their memory, in blocks that fit the cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ....devices import memory_order
from ....memory import empty
from .threads import for_each_slice

__all__ = [
    "channels_last_empty",
    "flatten",
    "for_each_block",
    "unflatten",
    "write_channels_last",
    "written",
]

_CHANNELS = 16  # of images in another layout, which are read together
_MIN_THREADED = 1 << 19  # elements; with fewer, waking threads costs more than they save


def channels_last_empty(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An uninitialised (N, C, H, W) array that is channels-last in memory."""
    N, C, H, W = shape
    return empty((N, H, W, C), dtype).transpose(0, 3, 1, 2)


def write_channels_last(images: np.ndarray, out: np.ndarray) -> None:
    """Copy images (n, ..., C), of any layout in memory, to dense ``out``.

    A few channels at a time, unless they are neighbours: then the cache lines that are being read,
    one for each channel, stay in the first-level cache. With 64 planes of 112 x 112 pixels that takes
    half as long.
    """
    C = images.shape[-1]
    step = C if images.strides[-1] == images.itemsize else _CHANNELS
    for first in range(0, C, step):
        channels = slice(first, first + step)
        out[..., channels] = images[..., channels]


def flatten(*arrays: np.ndarray) -> list[np.ndarray]:
    """Arrays of equal shape as 1-D arrays, all in the memory order of the first.

    They are views if their memory is dense and has this order, else copies.
    """
    if arrays[0].flags.c_contiguous:
        return [array.reshape(-1) for array in arrays]
    order = memory_order(arrays[0])
    return [array.transpose(order).reshape(-1) for array in arrays]


def unflatten(flat: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """A view of ``flat`` with the shape and memory order of ``reference``: undoes :func:`flatten`."""
    plain = flat.reshape(reference.shape)
    if plain.strides == reference.strides:
        return plain
    order = memory_order(reference)
    shape = [reference.shape[axis] for axis in order]
    return flat.reshape(shape).transpose([order.index(axis) for axis in range(len(order))])


def written(flat: np.ndarray, out: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """``out``, which holds the numbers of ``flat``: they are copied there if ``flat`` is a copy."""
    if not np.may_share_memory(flat, out):
        out[...] = unflatten(flat, reference)
    return out


def for_each_block(count: int, work: Callable[[int, int], Any], block: int = 1 << 16) -> None:
    """Call ``work(start, stop)`` for blocks that cover ``range(count)``, on all threads if it pays.

    Args:
        count: number of elements.
        work: called for at most ``block`` elements at a time.
        block: small enough for all operands to stay in the cache from one pass to the next.
    """

    def run(start: int, stop: int) -> None:
        for begin in range(start, stop, block):
            work(begin, min(begin + block, stop))

    if count < _MIN_THREADED:
        run(0, count)
    else:
        for_each_slice(count, run)
