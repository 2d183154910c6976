"""What a script asks of the GPU: whether there is one, its name, its memory, to wait for it, to
repeat a step as a graph.
"""

from __future__ import annotations

from .cuda_graph import graph
from .devices import cuda_is_available, cupy

__all__ = [
    "device_count",
    "empty_cache",
    "get_device_name",
    "graph",
    "is_available",
    "memory_allocated",
    "synchronize",
]


def is_available() -> bool:
    """Whether CuPy is installed and finds a GPU."""
    return cuda_is_available()


def device_count() -> int:
    """The number of GPUs."""
    return cupy().cuda.runtime.getDeviceCount() if is_available() else 0


def get_device_name(device: int = 0) -> str:
    """The name of a GPU."""
    return cupy().cuda.runtime.getDeviceProperties(device)["name"].decode()


def synchronize() -> None:
    """Waits until the GPU has done all it was given."""
    cupy().cuda.get_current_stream().synchronize()


def memory_allocated() -> int:
    """Bytes of GPU memory in use by arrays, without what graphs keep for themselves."""
    return cupy().get_default_memory_pool().used_bytes()


def empty_cache() -> None:
    """Gives GPU memory that no array uses back to the system."""
    cupy().get_default_memory_pool().free_all_blocks()
