"""The scale of a loss whose gradients are float16, on the CPU: undoing it, and choosing the next."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .runtime.layout import flatten, for_each_block, unflatten
from .runtime.precision import compute_type

__all__ = ["unscale_step", "update_scale_step"]

_BLOCK = 1 << 17  # elements


def unscale_step(
    grads: Sequence[np.ndarray], inverse_scale: np.ndarray | None, found_inf: np.ndarray
) -> None:
    """Multiplies gradients by ``inverse_scale`` and notes whether any is infinite or NaN.

    Args:
        grads: written in place.
        inverse_scale: scalar of float32; None leaves the gradients as they are.
        found_inf: scalar of float32; becomes 1 if a number is not finite, else stays.
    """
    for grad in grads:
        (flat,) = flatten(grad)
        infinite: list[int] = []  # the blocks that are, one by one

        def work(
            start: int, stop: int, flat: np.ndarray = flat, infinite: list[int] = infinite
        ) -> None:
            block = flat[start:stop].astype(compute_type(flat), copy=False)
            if not np.isfinite(block).all():
                infinite.append(start)
            if inverse_scale is not None:
                flat[start:stop] = block * block.dtype.type(inverse_scale)

        for_each_block(flat.size, work, _BLOCK)
        if infinite:
            found_inf[...] = 1
        if inverse_scale is not None and not np.may_share_memory(flat, grad):
            grad[...] = unflatten(flat, grad)


def update_scale_step(
    scale: np.ndarray,
    inverse_scale: np.ndarray,
    growth_tracker: np.ndarray,
    found_inf: np.ndarray,
    growth_factor: float,
    backoff_factor: float,
    growth_interval: int,
) -> None:
    """Chooses the scale of the next loss, as ``torch.amp.GradScaler`` does.

    Args:
        scale, inverse_scale: scalars of float32, written in place.
        growth_tracker: scalar of int32, written in place: steps without overflow since the scale
            changed last.
        found_inf: scalar of float32; if not 0, gradients overflowed.
        growth_factor: of the scale after ``growth_interval`` steps without overflow.
        backoff_factor: of the scale after an overflow.
        growth_interval: number of steps.
    """
    if found_inf:
        scale *= np.float32(backoff_factor)
        growth_tracker[...] = 0
    else:
        growth_tracker += 1
        if growth_tracker == growth_interval:
            with np.errstate(over="ignore"):
                grown = scale * np.float32(growth_factor)
            scale[...] = grown if np.isfinite(grown) else scale
            growth_tracker[...] = 0
    inverse_scale[...] = np.float32(1) / scale
