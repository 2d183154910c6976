"""Device memory: pieces with a fence behind them, and the pools they are taken from."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import ClassVar

import numpy as np
from cuda_emulator import fenced


class Allocation:
    """A piece of device memory; its bytes are NaN in every float format until written."""

    live: ClassVar[weakref.WeakSet[Allocation]] = weakref.WeakSet()

    def __init__(self, nbytes: int, pool: MemoryPool) -> None:
        self.raw: np.ndarray = fenced(nbytes)
        self.address = self.ptr = int(self.raw.ctypes.data)
        self.nbytes = self.size = nbytes
        self.pool = weakref.ref(pool)
        pool._used += nbytes
        weakref.finalize(self, _give_back, self.pool, nbytes)
        Allocation.live.add(self)


def _give_back(pool: weakref.ref[MemoryPool], nbytes: int) -> None:
    owner = pool()
    if owner is not None:
        owner._used -= nbytes


class MemoryPointer:
    """An address in device memory, as ``array.data``."""

    def __init__(self, mem: Allocation, ptr: int) -> None:
        self.mem = mem
        self.ptr = ptr

    def __add__(self, offset: int) -> MemoryPointer:
        return MemoryPointer(self.mem, self.ptr + offset)


class MemoryPool:
    """Counts the bytes in use; unlike CuPy's, it gives freed memory back at once."""

    def __init__(self, allocator: None = None) -> None:
        self._used = 0

    def malloc(self, size: int) -> MemoryPointer:
        """``size`` bytes."""
        allocation = Allocation(size, self)
        return MemoryPointer(allocation, allocation.address)

    def used_bytes(self) -> int:
        """The bytes that arrays hold."""
        return self._used

    def total_bytes(self) -> int:
        """The same, as nothing is kept back."""
        return self._used

    def free_all_blocks(self, stream: None = None) -> None:
        """Nothing is kept back that could be freed."""


Allocator = Callable[[int], MemoryPointer]

default_pool = MemoryPool()
_local = threading.local()


def allocate(nbytes: int) -> Allocation:
    """Memory from the pool of the innermost ``using_allocator``, or from the default pool."""
    allocator = getattr(_local, "allocator", None) or default_pool.malloc
    return allocator(nbytes).mem


@contextlib.contextmanager
def using_allocator(allocator: Allocator | None = None) -> Iterator[None]:
    """Takes the memory of this thread's new arrays from another pool."""
    previous = getattr(_local, "allocator", None)
    _local.allocator = allocator
    try:
        yield
    finally:
        _local.allocator = previous
