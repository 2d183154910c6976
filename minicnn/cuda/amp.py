"""``autocast`` and ``GradScaler`` for CUDA under torch's old names; see :mod:`minicnn.amp`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import amp
from ..dtypes import float16
from ..typing import DTypeLike

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd"]


class autocast(amp.autocast):
    """``amp.autocast("cuda")``, with float16 as its default. As ``torch.cuda.amp.autocast``."""

    def __init__(
        self, enabled: bool = True, dtype: DTypeLike = float16, cache_enabled: bool = True
    ) -> None:
        super().__init__("cuda", dtype, enabled, cache_enabled)


class GradScaler(amp.GradScaler):
    """``amp.GradScaler("cuda")``. As ``torch.cuda.amp.GradScaler``."""

    def __init__(
        self,
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        super().__init__(
            "cuda", init_scale, growth_factor, backoff_factor, growth_interval, enabled
        )


def custom_fwd(fwd: Any = None, *, cast_inputs: DTypeLike | None = None) -> Callable[..., Any]:
    """See :func:`minicnn.amp.custom_fwd`."""
    return amp.custom_fwd(fwd, device_type="cuda", cast_inputs=cast_inputs)


def custom_bwd(bwd: Any = None) -> Callable[..., Any]:
    """See :func:`minicnn.amp.custom_bwd`."""
    return amp.custom_bwd(bwd, device_type="cuda")
