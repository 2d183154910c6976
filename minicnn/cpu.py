"""The CPU, as :mod:`minicnn.cuda` is the GPU."""

from __future__ import annotations

from .memory import empty_cache

__all__ = ["current_device", "device_count", "empty_cache", "is_available", "synchronize"]


def is_available() -> bool:
    """True."""
    return True


def device_count() -> int:
    """1: the processor and its memory count as one device."""
    return 1


def current_device() -> str:
    """``"cpu"``."""
    return "cpu"


def synchronize(device: object = None) -> None:
    """Does nothing: operations on the CPU are done when they return."""
