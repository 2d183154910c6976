"""Hyperparameters that kernels read from device memory, because they may change between two steps.

A scalar argument of a kernel is copied when the kernel is launched. If the launch becomes part of a
CUDA graph, the scalar is frozen: every replay would use the learning rate, the step number and the
random seed of the capture. So these values go to device memory instead. Outside a graph they are
computed and sent at once. While a graph is captured, memory is reserved for them; before each
replay all of them are computed again and sent in one copy.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import cupy
import numpy as np

__all__ = ["ReplayedValues", "before_replays", "device_values"]

Compute = Callable[[], Sequence[Any] | np.ndarray]

_CAPACITY = 1 << 20  # bytes for the values of one graph
_ALIGNMENT = 16


def device_values(compute: Compute, count: int, dtype: Any) -> cupy.ndarray:
    """What ``compute`` returns, in device memory.

    Args:
        compute: called once now, or, while a graph is captured, once before each replay.
        count: how many values it returns.
        dtype: the type to store them as.

    Returns:
        (count,) values of ``dtype``.
    """
    if _capturing is not None:
        return _capturing.reserve(compute, count, np.dtype(dtype))
    # asarray copies into page-locked memory of its own and reuses it only after it has been sent, so
    # neither CPU nor GPU waits.
    return cupy.asarray(np.asarray(compute(), dtype))


def before_replays(owner: object, function: Callable[[], None]) -> None:
    """Calls a function before each replay of the graph that is being captured, if one is.

    It gets one function of each ``owner``.
    """
    if _capturing is not None:
        _capturing.calls.setdefault(id(owner), function)


class ReplayedValues:
    """The values of one captured graph, together in device memory."""

    def __init__(self) -> None:
        self._device = cupy.empty(_CAPACITY, np.uint8)
        self._used = 0
        self.calls: dict[int, Callable[[], None]] = {}
        self._reserved: list[tuple[slice, np.dtype[Any], Compute]] = []
        # One can be filled before the GPU has read the other.
        self._hosts = [_pinned(_CAPACITY) for _ in range(2)]

    @contextlib.contextmanager
    def capturing(self) -> Iterator[None]:
        """Inside, :func:`device_values` gives values of this graph."""
        global _capturing
        _capturing = self
        try:
            yield
        finally:
            _capturing = None

    def reserve(self, compute: Compute, count: int, dtype: np.dtype[Any]) -> cupy.ndarray:
        """Device memory for what ``compute`` will return before each replay."""
        where = slice(self._used, self._used + count * dtype.itemsize)
        if where.stop > _CAPACITY:
            raise RuntimeError(
                f"the hyperparameters of a CUDA graph may take {_CAPACITY} bytes, "
                f"got {where.stop}: too many parameters for one graph"
            )
        self._used = -(-where.stop // _ALIGNMENT) * _ALIGNMENT
        self._reserved.append((where, dtype, compute))
        return self._device[where].view(dtype)

    def refresh(self, turn: int, stream: cupy.cuda.Stream) -> None:
        """Makes the calls, computes all values, in the order of their requests, and sends them.

        Args:
            turn: 0 or 1, which of two host buffers to use. The caller makes sure that the last copy
                from it is over.
            stream: for the copy, and then for the graph.
        """
        for call in self.calls.values():
            call()
        host = self._hosts[turn]
        for where, dtype, compute in self._reserved:
            host[where].view(dtype)[:] = compute()
        if self._used:
            self._device[: self._used].set(host[: self._used], stream)


_capturing: ReplayedValues | None = None


def _pinned(size: int) -> np.ndarray:
    """Bytes of page-locked host memory, which the GPU can copy from asynchronously."""
    return np.frombuffer(cupy.cuda.alloc_pinned_memory(size), np.uint8, size)
