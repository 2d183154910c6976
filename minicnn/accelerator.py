"""The accelerator, whatever kind it is: here an NVIDIA GPU or none. As ``torch.accelerator``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import cuda
from .cuda import (
    Stream,
    device_count,
    get_device_capability,
    is_available,
    max_memory_allocated,
    max_memory_reserved,
    memory_allocated,
    memory_reserved,
    memory_stats,
    reset_peak_memory_stats,
    synchronize,
)
from .devices import Device

if TYPE_CHECKING:
    from .typing import DeviceLike

__all__ = [
    "current_accelerator",
    "current_device_index",
    "current_stream",
    "device_count",
    "device_index",
    "empty_cache",
    "get_device_capability",
    "is_available",
    "max_memory_allocated",
    "max_memory_reserved",
    "memory_allocated",
    "memory_reserved",
    "memory_stats",
    "reset_peak_memory_stats",
    "set_device_index",
    "synchronize",
]

device_index = cuda.device


def current_accelerator(check_available: bool = False) -> Device | None:
    """``device("cuda")``, or None without a GPU."""
    return Device("cuda") if is_available() else None


def current_device_index() -> int:
    """The number of the current GPU; a RuntimeError without one."""
    return cuda.current_device()


def set_device_index(device: DeviceLike | int) -> None:
    """Makes a GPU the current one."""
    cuda.set_device(device)


def current_stream(device: Any = None) -> Stream:
    """The stream that gets the GPU's work at present."""
    return cuda.current_stream()


def empty_cache() -> None:
    """Returns unused GPU memory to the system; a RuntimeError without a GPU."""
    cuda.init()
    cuda.empty_cache()
