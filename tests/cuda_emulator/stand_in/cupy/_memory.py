"""Device memory: pieces with a fence behind them, and the pools they are taken from."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import ClassVar

import numpy as np
from cuda_emulator import fenced

from . import emulation
from ._errors import MEMORY_ALLOCATION, CUDARuntimeError, OutOfMemoryError


class Allocation:
    """A piece of device memory; its bytes are NaN in every float format until written."""

    live: ClassVar[weakref.WeakSet[Allocation]] = weakref.WeakSet()

    def __init__(self, size: int) -> None:
        if size > free_bytes():
            raise CUDARuntimeError(MEMORY_ALLOCATION)
        self.raw: np.ndarray = fenced(size)
        self.address = self.ptr = int(self.raw.ctypes.data)
        self.nbytes = self.size = size
        self.pool: Callable[[], MemoryPool | None] = lambda: None
        Allocation.live.add(self)


def free_bytes() -> int:
    """What is left of the pretended GPU's memory."""
    return emulation.memory - sum(piece.nbytes for piece in list(Allocation.live))


class MemoryPointer:
    """An address in device memory, as ``array.data``."""

    def __init__(self, mem: Allocation, offset: int) -> None:
        self.mem = mem
        self.ptr = mem.ptr + offset

    def __add__(self, offset: int) -> MemoryPointer:
        return MemoryPointer(self.mem, self.ptr - self.mem.ptr + offset)


def from_gpu(size: int) -> MemoryPointer:
    """Memory that no pool counts."""
    return MemoryPointer(Allocation(size), 0)


def _give_back(pool: weakref.ref[MemoryPool], nbytes: int) -> None:
    owner = pool()
    if owner is not None:
        owner._used -= nbytes


Allocator = Callable[[int], MemoryPointer]


class MemoryPool:
    """Counts the bytes in use; unlike CuPy's, it gives freed memory back at once."""

    def __init__(self, allocator: Allocator = from_gpu) -> None:
        self._allocator = allocator
        self._used = self._limit = 0

    def malloc(self, size: int) -> MemoryPointer:
        """``size`` bytes."""
        if self._limit and self._used + size > self._limit:
            raise OutOfMemoryError(size, self._used, self._limit)
        try:
            pointer = self._allocator(size)
        except CUDARuntimeError:
            raise OutOfMemoryError(size, self._used, self._limit) from None
        self._used += size
        pointer.mem.pool = weakref.ref(self)
        weakref.finalize(pointer.mem, _give_back, pointer.mem.pool, size)
        return pointer

    def set_limit(self, size: int | None = None) -> None:
        """The most bytes that the pool gives out; 0 for no limit."""
        self._limit = size or 0

    def used_bytes(self) -> int:
        """The bytes that arrays hold."""
        return self._used

    def total_bytes(self) -> int:
        """The same, as nothing is kept back."""
        return self._used

    def free_bytes(self) -> int:
        """What is kept back."""
        return 0

    def free_all_blocks(self, stream: None = None) -> None:
        """Nothing is kept back that could be freed."""


default_pool = MemoryPool()
_allocator: Allocator = default_pool.malloc
_local = threading.local()


def get_allocator() -> Allocator:
    """That of the innermost ``using_allocator``, or else of ``set_allocator``."""
    return getattr(_local, "allocator", None) or _allocator


def set_allocator(allocator: Allocator | None = None) -> None:
    """Takes the memory of new arrays from there."""
    global _allocator
    _allocator = allocator or from_gpu


def allocate(nbytes: int) -> Allocation:
    """Memory for an array."""
    return get_allocator()(nbytes).mem


@contextlib.contextmanager
def using_allocator(allocator: Allocator | None = None) -> Iterator[None]:
    """Takes the memory of this thread's new arrays from another pool."""
    previous = getattr(_local, "allocator", None)
    _local.allocator = allocator
    try:
        yield
    finally:
        _local.allocator = previous
