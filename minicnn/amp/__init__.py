"""Automatic mixed precision: matrix products in half precision, sums and losses in float32."""

from __future__ import annotations

from .autocast import autocast, get_autocast_dtype, is_autocast_available, is_autocast_enabled
from .custom import custom_bwd, custom_fwd
from .grad_scaler import GradScaler

__all__ = [
    "GradScaler",
    "autocast",
    "custom_bwd",
    "custom_fwd",
    "get_autocast_dtype",
    "is_autocast_available",
    "is_autocast_enabled",
]
