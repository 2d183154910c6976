"""What a step is: calls of NumPy functions with arrays that were fixed when it was built.

All views are made once. Running a step is one loop over a short list of ``functools.partial``
objects such as ``partial(np.matmul, columns, filters, out_rows)``, which allocates nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

__all__ = ["FLOAT", "Call", "Limits", "Part", "Scratch", "Step"]

FLOAT = np.dtype(np.float32)

Call = Callable[[], Any]
Limits = tuple[float, float]  # of results, the lower and the upper: ReLU is (0, inf), ReLU6 (0, 6)

# Values of a thread's scratch memory. The system gives a program pages when it first writes to them,
# so what is not used takes no memory.
_RESERVED = 1 << 24


class Part:
    """The calls that one thread makes in a step, one after the other."""

    __slots__ = ("calls",)

    def __init__(self, calls: Iterable[Call]) -> None:
        self.calls = tuple(calls)

    def __call__(self) -> None:
        for call in self.calls:
            call()


class Step:
    """One operation of a plan, bound to its arrays.

    Attributes:
        name: the algorithm, for tables.
        parts: one :class:`Part` for each thread. Parts write to different memory, so they may run
            side by side, or one after the other, which is what calling the step does.
    """

    __slots__ = ("name", "parts")

    def __init__(self, name: str, parts: Sequence[Part]) -> None:
        self.name = name
        self.parts = tuple(parts)

    def __call__(self) -> None:
        for part in self.parts:
            part()

    def __repr__(self) -> str:
        calls = ", ".join(str(len(part.calls)) for part in self.parts)
        return f"Step({self.name!r}, calls: {calls})"


class Scratch:
    """Memory that the steps of one thread share, because they run one after the other."""

    def __init__(self) -> None:
        self._buffer = np.empty(0, FLOAT)
        self._used = 0
        # as long as a step uses them
        self._zeroed: WeakValueDictionary[Hashable, np.ndarray] = WeakValueDictionary()

    def release(self) -> None:
        """Let the next step use the memory of :meth:`take` again."""
        self._used = 0

    def take(self, *shape: int) -> np.ndarray:
        """An uninitialised float32 array, which the next step overwrites."""
        size = -(-math.prod(shape) // 16) * 16  # whole cache lines
        if self._used + size > self._buffer.size:  # arrays of earlier steps keep the old buffer
            self._buffer = np.empty(max(size, _RESERVED), FLOAT)
            self._used = 0
        array = self._buffer[self._used : self._used + math.prod(shape)].reshape(shape)
        self._used += size
        return array

    def zeroed(self, shape: tuple[int, ...], written: Hashable) -> np.ndarray:
        """A float32 array of zeros, of which every step writes the same part, named ``written``."""
        key = shape, written
        array = self._zeroed.get(key)
        if array is None:
            array = self._zeroed[key] = np.zeros(shape, FLOAT)
        return array
