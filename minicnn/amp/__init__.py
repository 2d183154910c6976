"""Automatic mixed precision: matrix products in half precision, sums and losses in float32."""

from __future__ import annotations

from .autocast import autocast, get_autocast_dtype, is_autocast_enabled
from .grad_scaler import GradScaler

__all__ = [
    "GradScaler",
    "autocast",
    "get_autocast_dtype",
    "is_autocast_enabled",
]
