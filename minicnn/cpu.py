"""Memory on the CPU, as :mod:`minicnn.cuda` has it for the GPU."""

from __future__ import annotations

from .memory import empty_cache

__all__ = ["empty_cache"]
