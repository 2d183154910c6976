"""What is done when a GPU has no memory left, and what the error says then.

CuPy's pool keeps the memory that arrays return, and gives it back to the GPU before it gives up. It
knows nothing of other pools. Every CUDA graph has one of its own, since each replay writes to the
memory that was free again when the step was captured.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from types import ModuleType
from typing import Any, ClassVar

__all__ = ["GraphMemory", "OutOfMemoryError", "install"]

_MEMORY_ALLOCATION = 2  # CUDA's number of the error

Allocator = Callable[[int], Any]  # a number of bytes to CuPy's pointer


class OutOfMemoryError(RuntimeError):
    """A GPU has less memory left than an array needs. As ``torch.cuda.OutOfMemoryError``."""


def install(cupy: ModuleType) -> None:
    """Has the allocator of CuPy's arrays free all unused memory before it gives up."""
    cupy.cuda.set_allocator(_thorough(cupy, cupy.cuda.get_allocator()))


def _thorough(cupy: ModuleType, malloc: Allocator) -> Allocator:
    """``malloc``, but a second time if there was too little memory, after freeing what is unused.

    It raises an :class:`OutOfMemoryError` if that fails, too.
    """
    errors = cupy.cuda.memory.OutOfMemoryError, cupy.cuda.runtime.CUDARuntimeError

    def or_none(size: int) -> Any:
        try:
            return malloc(size)
        except errors as error:
            if getattr(error, "status", _MEMORY_ALLOCATION) != _MEMORY_ALLOCATION:
                raise
            return None

    def allocate(size: int) -> Any:
        memory = or_none(size)
        if memory is None:
            _free_unused(cupy)
            memory = or_none(size)
        if memory is None:
            raise OutOfMemoryError(_report(cupy, size))
        return memory

    return allocate


def _free_unused(cupy: ModuleType) -> None:
    """Gives the GPU back what no array and no captured graph needs."""
    gc.collect()
    cupy.get_default_memory_pool().free_all_blocks()
    for memory in list(GraphMemory.all):
        memory.free_unused()


def _report(cupy: ModuleType, size: int) -> str:
    """What was asked for, what is free, and who has the rest."""
    free, total = cupy.cuda.runtime.memGetInfo()
    pool = cupy.get_default_memory_pool()
    graphs = sum(memory.pool.total_bytes() for memory in list(GraphMemory.all))
    return (
        f"GPU {cupy.cuda.runtime.getDevice()} is out of memory: {_bytes(size)} were asked for, and "
        f"{_bytes(free)} of {_bytes(total)} are free. Arrays take {_bytes(pool.used_bytes())}, CUDA "
        f"graphs {_bytes(graphs)}, and {_bytes(pool.free_bytes())} are kept in parts of blocks that "
        "are in use; the rest belongs to CUDA and to other programs"
    )


def _bytes(number: int) -> str:
    units = {"GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10}
    unit = next((unit for unit, size in units.items() if number >= size), None)
    return f"{number / units[unit]:.2f} {unit}" if unit else f"{number} bytes"


class GraphMemory:
    """The pool of one CUDA graph.

    Args:
        cupy: CuPy's module.

    Attributes:
        all: those of all graphs that are alive.
        pool: CuPy's pool.
        captured: whether the graph is being captured, or was; what is free in the pool is then the
            graph's, and stays.
    """

    all: ClassVar[weakref.WeakSet[GraphMemory]] = weakref.WeakSet()

    def __init__(self, cupy: ModuleType) -> None:
        def from_gpu(size: int) -> Any:
            return cupy.cuda.MemoryPointer(cupy.cuda.Memory(size), 0)

        # What the pool asks the GPU itself: if that failed with CuPy's error, the pool would free
        # what a captured graph writes to.
        self.pool = cupy.cuda.MemoryPool(_thorough(cupy, from_gpu))
        self.captured = False
        GraphMemory.all.add(self)

    def free_unused(self) -> None:
        """Gives the GPU back what no array uses, unless the graph does."""
        if not self.captured:
            self.pool.free_all_blocks()
