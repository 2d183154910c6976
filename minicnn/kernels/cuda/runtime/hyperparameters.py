"""Numbers that kernels read from device memory, because they may change between two runs.

A scalar argument of a kernel is copied when the kernel is launched. When a launch becomes part of a
CUDA graph, its scalars are therefore frozen: every replay would use the learning rate, the step
number and the random seed of the day it was captured. Such numbers are put into device memory
instead. Outside a graph they are computed and sent at once. While a graph is captured, they only
get a place, and before each replay all of them are computed anew and sent in one copy.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import cupy
import numpy as np

__all__ = ["ReplayedValues", "device_values"]

Compute = Callable[[], Sequence[Any] | np.ndarray]

_CAPACITY = 1 << 20  # bytes that the numbers of one graph may take
_ALIGNMENT = 16


def device_values(compute: Compute, count: int, dtype: Any) -> cupy.ndarray:
    """What ``compute`` returns, in device memory.

    Args:
        compute: called once now, or, while a graph is captured, once before each replay.
        count: how many numbers it returns.
        dtype: what they are stored as.

    Returns:
        (count,) numbers of ``dtype``.
    """
    if _capturing is not None:
        return _capturing.place(compute, count, np.dtype(dtype))
    # asarray copies into page-locked memory of its own, which it reuses only when it has been sent,
    # so that neither waits for the other.
    return cupy.asarray(np.asarray(compute(), dtype))


class ReplayedValues:
    """The numbers of one captured graph, all in one piece of device memory."""

    def __init__(self) -> None:
        self._device = cupy.empty(_CAPACITY, np.uint8)
        self._used = 0
        self._places: list[tuple[slice, np.dtype[Any], Compute]] = []
        # One can be filled while the GPU has yet to read the other.
        self._hosts = [_pinned(_CAPACITY) for _ in range(2)]

    @contextlib.contextmanager
    def capturing(self) -> Iterator[None]:
        """Within it, :func:`device_values` gives numbers of this graph."""
        global _capturing
        _capturing = self
        try:
            yield
        finally:
            _capturing = None

    def place(self, compute: Compute, count: int, dtype: np.dtype[Any]) -> cupy.ndarray:
        """Device memory for what ``compute`` will return before each replay."""
        place = slice(self._used, self._used + count * dtype.itemsize)
        if place.stop > _CAPACITY:
            raise RuntimeError(
                f"the changing numbers of a CUDA graph may take {_CAPACITY} bytes, "
                f"got {place.stop}: too many parameters for one graph"
            )
        self._used = -(-place.stop // _ALIGNMENT) * _ALIGNMENT
        self._places.append((place, dtype, compute))
        return self._device[place].view(dtype)

    def refresh(self, turn: int, stream: cupy.cuda.Stream) -> None:
        """Computes all numbers, in the order they were asked for, and sends them.

        Args:
            turn: 0 or 1, which of two host buffers to use. The caller sees to it that the copy
                of its last use is over.
            stream: where the copy, and then the graph, run.
        """
        host = self._hosts[turn]
        for place, dtype, compute in self._places:
            host[place].view(dtype)[:] = compute()
        if self._used:
            self._device[: self._used].set(host[: self._used], stream)


_capturing: ReplayedValues | None = None


def _pinned(size: int) -> np.ndarray:
    """Bytes of page-locked host memory, which the GPU reads by itself."""
    return np.frombuffer(cupy.cuda.alloc_pinned_memory(size), np.uint8, size)
