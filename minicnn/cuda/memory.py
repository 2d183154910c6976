"""How much memory of the GPU is in use; without a GPU none is.

CuPy's pool keeps the memory that arrays return, and remembers no peak. Its size is the peak since it
was last emptied, rounded up to the pool's blocks, and stands for it here.
"""

from __future__ import annotations

from typing import Any

from ..devices import Device, cuda_is_available, cupy


def _pool() -> Any:
    return cupy().get_default_memory_pool()


def memory_allocated(device: Any = None) -> int:
    """Bytes in use by arrays, without the private memory of graphs."""
    return _pool().used_bytes() if cuda_is_available() else 0


def memory_reserved(device: Any = None) -> int:
    """Bytes that the pool holds, in use or not."""
    return _pool().total_bytes() if cuda_is_available() else 0


def max_memory_allocated(device: Any = None) -> int:
    """The most bytes in use since the start, or since :func:`reset_peak_memory_stats`."""
    return memory_reserved()


max_memory_reserved = memory_cached = memory_reserved


def reset_peak_memory_stats(device: Any = None) -> None:
    """Starts to look for a new peak: returns unused memory to the system."""
    empty_cache()


reset_max_memory_allocated = reset_peak_memory_stats


def empty_cache() -> None:
    """Returns unused GPU memory to the system."""
    if cuda_is_available():
        _pool().free_all_blocks()


def ipc_collect() -> None:
    """Does nothing: no memory of the GPU is shared with other processes."""


def mem_get_info(device: Any = None) -> tuple[int, int]:
    """The free and the total bytes of the current GPU.

    Raises:
        RuntimeError: without a GPU.
    """
    Device("cuda").check_computes()
    return cupy().cuda.runtime.memGetInfo()


def memory_stats(device: Any = None) -> dict[str, int]:
    """Bytes in use and reserved, under torch's names; empty without a GPU."""
    if not cuda_is_available():
        return {}
    return {
        "allocated_bytes.all.current": memory_allocated(),
        "allocated_bytes.all.peak": max_memory_allocated(),
        "reserved_bytes.all.current": memory_reserved(),
        "reserved_bytes.all.peak": max_memory_reserved(),
    }


def memory_summary(device: Any = None, abbreviated: bool = False) -> str:
    """The bytes in use and reserved, as a text of a few lines."""
    numbers = memory_stats() or {"allocated_bytes.all.current": 0}
    return "\n".join(f"{name:<28} {number / 2**20:>10.1f} MiB" for name, number in numbers.items())
