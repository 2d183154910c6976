"""Automatic mixed precision: matrix products in half precision, sums and losses in float32."""

from __future__ import annotations

from .lowered import lowered, lowered_copy, mark_lowered_current

__all__ = ["lowered", "lowered_copy", "mark_lowered_current"]
