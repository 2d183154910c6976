"""The part of ``cupy.cuda`` that is needed: one GPU, memory, streams and graphs."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from .. import emulation
from .._memory import Allocation as Memory
from .._memory import MemoryPointer, MemoryPool, get_allocator, set_allocator, using_allocator
from .._stream import Event, Graph, Stream, get_current_stream, get_elapsed_time, refuse
from . import driver, memory, nccl, runtime

if TYPE_CHECKING:
    from typing import Self

__all__ = [
    "Device",
    "Event",
    "Graph",
    "Memory",
    "MemoryPointer",
    "MemoryPool",
    "Stream",
    "alloc_pinned_memory",
    "driver",
    "get_allocator",
    "get_current_stream",
    "get_elapsed_time",
    "memory",
    "nccl",
    "runtime",
    "set_allocator",
    "using_allocator",
]


class Device:
    """A GPU; there is only number 0."""

    def __init__(self, device: int | None = None) -> None:
        if device not in (None, 0):
            raise runtime.CUDARuntimeError(f"cudaErrorInvalidDevice: no GPU of number {device}")
        self.id = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass

    def use(self) -> None:
        """Makes this the current GPU, which it is."""

    def synchronize(self) -> None:
        """Waits for all streams."""
        refuse("Device.synchronize")

    @property
    def compute_capability(self) -> str:
        """Such as "80"."""
        return emulation.arch

    @property
    def attributes(self) -> dict[str, int]:
        """A few numbers about the GPU."""
        return {
            "MaxSharedMemoryPerBlockOptin": runtime.MAX_SHARED_MEMORY[emulation.arch],
            "MultiProcessorCount": 4,
        }


def alloc_pinned_memory(size: int) -> bytearray:
    """Host memory."""
    return bytearray(size)
