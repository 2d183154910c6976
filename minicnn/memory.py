"""Memory of large arrays, kept for the next ones: fresh pages take longer to touch than to fill.

A kernel's result is made by :func:`empty` or :func:`zeros`. From 1 MiB on its memory comes from a
pool, and goes back there when the last array that looks at it is gone. The pool cuts it from large
segments, first fit: in three steps of training the seven networks measured touch no more than 5 %
above the most memory in use at a time, and from the second step on no fresh page.
"""

from __future__ import annotations

import math
import os
import threading
from bisect import bisect_left
from collections import deque
from typing import Any

import numpy as np

__all__ = ["empty", "empty_cache", "is_pooled", "zeros"]

_MIN_BYTES = 1 << 20  # smaller arrays are made by NumPy
_SEGMENT_BYTES = 1 << 26  # unless one array needs more
_ALIGNMENT = 64  # bytes, a line of the cache


def empty(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An uninitialised array in C order, as ``numpy.empty``."""
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    if size < _MIN_BYTES:
        return np.empty(shape, dtype)
    return np.asarray(_pool.take(size)).view(dtype).reshape(shape)


def zeros(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An array of zeros in C order, as ``numpy.zeros``."""
    array = empty(shape, dtype)
    array.fill(0)
    return array


def empty_cache() -> None:
    """Gives memory that no array uses back to the system.

    As ``torch.cuda.empty_cache``: a segment is given back if nothing in it is in use.
    """
    _pool.drop_unused()


def is_pooled(array: Any) -> bool:
    """Whether ``array`` is the one that stands for a block of the pool; others are views of it."""
    return type(array.base) is _Block


class _Block:
    """A part of a segment that is in use. Arrays on it keep it alive; it returns with the last.

    ``numpy.asarray`` makes the first of them, of ``size`` bytes; all others are views of that.
    """

    __slots__ = ("__array_interface__", "place", "returned")

    def __init__(self, segment: _Segment, start: int, size: int, returned: deque[Any]) -> None:
        self.place = segment, start, size
        self.returned = returned
        self.__array_interface__ = {
            "shape": (size,),
            "typestr": "|u1",
            "data": (segment.address + start, False),
            "version": 3,
        }

    def __del__(self) -> None:
        self.returned.append(self.place)


class _Segment:
    """Memory from the system, and the gaps (start, stop) in it that no block uses, in order."""

    __slots__ = ("address", "gaps", "memory", "size")

    def __init__(self, size: int) -> None:
        self.memory = np.empty(size + _ALIGNMENT, np.uint8)
        self.address = _aligned(self.memory.ctypes.data)
        self.size = size
        self.gaps = [(0, size)]

    def take(self, size: int) -> int | None:
        """The start of a block of ``size`` bytes in the first gap that holds it, or None."""
        for i, (start, stop) in enumerate(self.gaps):
            if stop - start >= size:
                rest = start + size, stop
                self.gaps[i : i + 1] = [rest] if rest[0] < stop else []
                return start
        return None

    def give_back(self, start: int, stop: int) -> None:
        """Makes a gap of a block, and one gap of those that touch it."""
        i = j = bisect_left(self.gaps, (start, stop))
        if i > 0 and self.gaps[i - 1][1] == start:
            i, start = i - 1, self.gaps[i - 1][0]
        if j < len(self.gaps) and self.gaps[j][0] == stop:
            j, stop = j + 1, self.gaps[j][1]
        self.gaps[i:j] = [(start, stop)]

    def is_unused(self) -> bool:
        return self.gaps == [(0, self.size)]


class _Pool:
    """Segments, the oldest first.

    ``returned`` is where finalisers leave blocks: they may run in any thread and at any point, also
    inside the pool's own methods, so that they must not wait for its lock.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.segments: list[_Segment] = []
        self.returned: deque[tuple[_Segment, int, int]] = deque()

    def take(self, size: int) -> _Block:
        """A block of ``size`` bytes; a new segment replaces those that are unused but too small."""
        with self.lock:
            self._collect()
            segment, start = self._find(_aligned(size))
        return _Block(segment, start, size, self.returned)

    def drop_unused(self) -> None:
        with self.lock:
            self._collect()
            self._drop_unused()

    def _find(self, size: int) -> tuple[_Segment, int]:
        for segment in self.segments:
            start = segment.take(size)
            if start is not None:
                return segment, start
        self._drop_unused()
        segment = _Segment(max(size, _SEGMENT_BYTES))
        self.segments.append(segment)
        return segment, segment.take(size) or 0

    def _collect(self) -> None:
        while self.returned:
            segment, start, size = self.returned.popleft()
            segment.give_back(start, start + _aligned(size))

    def _drop_unused(self) -> None:
        self.segments = [segment for segment in self.segments if not segment.is_unused()]

    def forget(self) -> None:
        """In a forked child the lock may be held by a thread that is not there, and the memory is
        its parent's: writing to it would copy it."""
        self.lock = threading.Lock()
        self.segments = []


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


_pool = _Pool()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: _pool.forget())
