"""``custom_fwd`` and ``custom_bwd``: how a ``Function`` of one's own behaves under autocast."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.grad_mode import mode, set_mode
from ..dtypes import is_floating
from ..tensor import Tensor
from ..typing import DTypeLike
from .autocast import check_device_type

__all__ = ["custom_bwd", "custom_fwd"]


def custom_fwd(
    fwd: Callable[..., Any] | None = None,
    *,
    device_type: str = "cuda",
    cast_inputs: DTypeLike | None = None,
) -> Callable[..., Any]:
    """Decorates the ``forward`` of a ``Function``, which then knows for its ``backward`` whether
    autocast was on.

    Args:
        fwd: the method; without it the call returns the decorator.
        device_type: accepted because PyTorch scripts pass it, without effect.
        cast_inputs: under autocast, floating-point inputs are cast to this dtype, and the method
            runs without autocast.

    As ``torch.amp.custom_fwd``.
    """
    check_device_type(device_type)
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def forward(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        ctx.autocast = mode.autocast
        if cast_inputs is None or mode.autocast is None:
            return fwd(ctx, *args, **kwargs)
        ctx.autocast = None
        with set_mode("autocast", None):
            return fwd(ctx, *(_cast(arg, np.dtype(cast_inputs)) for arg in args), **kwargs)

    return forward


def custom_bwd(
    bwd: Callable[..., Any] | None = None, *, device_type: str = "cuda"
) -> Callable[..., Any]:
    """Decorates the ``backward`` of a ``Function``: autocast is on if it was in ``forward``.

    Args and deviations as in :func:`custom_fwd`. As ``torch.amp.custom_bwd``.
    """
    check_device_type(device_type)
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def backward(ctx: Any, *grads: Any) -> Any:
        with set_mode("autocast", ctx.autocast):
            return bwd(ctx, *grads)

    return backward


def _cast(value: Any, dtype: np.dtype) -> Any:
    if isinstance(value, Tensor):
        return value.to(dtype) if is_floating(value.array.dtype) else value
    if hasattr(value, "astype") and is_floating(value.dtype):
        return value.astype(dtype, copy=False)
    return value
