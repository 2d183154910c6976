"""What a script asks of the CPU, beside :mod:`minicnn.cuda`: to give memory back."""

from __future__ import annotations

from .memory import empty_cache

__all__ = ["empty_cache"]
