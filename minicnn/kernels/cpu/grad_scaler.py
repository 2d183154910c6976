"""Loss scaling for float16 gradients on the CPU: undoing the scale, and choosing the next one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .runtime.layout import flatten, for_each_block, unflatten
from .runtime.precision import compute_dtype

__all__ = ["unscale_step", "update_scale_step"]

_BLOCK = 1 << 17  # elements


def unscale_step(
    grads: Sequence[np.ndarray], inverse_scale: np.ndarray | None, found_inf: np.ndarray
) -> None:
    """Multiply gradients by ``inverse_scale``, and note whether any is infinite or NaN.

    Args:
        grads: written in place.
        inverse_scale: float32 scalar; None leaves the gradients as they are.
        found_inf: float32 scalar; set to 1 if a value is infinite or NaN, else left as it is.
    """
    for grad in grads:
        (flat,) = flatten(grad)
        infinite: list[int] = []  # the starts of blocks with an infinity or NaN

        def work(
            start: int, stop: int, flat: np.ndarray = flat, infinite: list[int] = infinite
        ) -> None:
            block = flat[start:stop].astype(compute_dtype(flat.dtype), copy=False)
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
    """Choose the scale of the next loss, as ``torch.amp.GradScaler``.

    Args:
        scale, inverse_scale: float32 scalars, written in place.
        growth_tracker: int32 scalar, written in place: steps without overflow since the last change
            of the scale.
        found_inf: float32 scalar; not 0 if gradients overflowed.
        growth_factor: multiplies the scale after ``growth_interval`` steps without overflow.
        backoff_factor: multiplies the scale after an overflow.
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
