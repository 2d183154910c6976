"""Automatic mixed precision: matrix products in half precision, sums and losses in float32."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..later import read_later
from .autocast import autocast, get_autocast_dtype, is_autocast_available, is_autocast_enabled

if TYPE_CHECKING:
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

__getattr__, __dir__ = read_later(
    __name__, {"custom": "custom_bwd custom_fwd", "grad_scaler": "GradScaler"}
)
