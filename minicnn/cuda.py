"""The GPU as scripts see it: its name and memory, waiting for it, steps as CUDA graphs."""

from __future__ import annotations

from .cuda_graph import graph
from .cuda_random import (
    get_rng_state,
    get_rng_state_all,
    initial_seed,
    manual_seed,
    manual_seed_all,
    seed,
    seed_all,
    set_rng_state,
    set_rng_state_all,
)  # fmt: skip
from .devices import cuda_is_available, cupy

__all__ = [
    "device_count",
    "empty_cache",
    "get_device_name",
    "get_rng_state",
    "get_rng_state_all",
    "graph",
    "initial_seed",
    "is_available",
    "manual_seed",
    "manual_seed_all",
    "memory_allocated",
    "seed",
    "seed_all",
    "set_rng_state",
    "set_rng_state_all",
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
    """Waits until the GPU has finished its work."""
    cupy().cuda.get_current_stream().synchronize()


def memory_allocated() -> int:
    """Bytes of GPU memory in use by arrays, without the private memory of graphs."""
    return cupy().get_default_memory_pool().used_bytes()


def empty_cache() -> None:
    """Returns unused GPU memory to the system."""
    cupy().get_default_memory_pool().free_all_blocks()
