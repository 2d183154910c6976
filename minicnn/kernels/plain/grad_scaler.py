"""Loss scaling for float16: undoing the scale in the gradients, and choosing the next scale."""

from collections.abc import Sequence

import numpy as np

from ...typing import Array
from .arrays import widen


def unscale_step(grads: Sequence[Array], inverse_scale: Array | None, found_inf: Array) -> None:
    """Multiplies grads by ``inverse_scale``, if given; ``found_inf`` becomes 1 for inf or NaN."""
    for grad in grads:
        if not np.isfinite(grad).all():
            found_inf[...] = 1
        if inverse_scale is not None:
            grad[...] = widen(grad) * inverse_scale


@np.errstate(over="ignore")
def update_scale_step(
    scale: Array, inverse_scale: Array, growth_tracker: Array, found_inf: Array,
    growth_factor: float, backoff_factor: float, growth_interval: int,
) -> None:  # fmt: skip
    """Shrinks the scale after an overflow; grows it after ``growth_interval`` steps without one."""
    growth_tracker[...] = 0 if found_inf else growth_tracker + 1
    if found_inf:
        scale *= np.float32(backoff_factor)
    elif growth_tracker == growth_interval:
        growth_tracker[...] = 0
        grown = scale * np.float32(growth_factor)
        scale[...] = grown if np.isfinite(grown) else scale
    inverse_scale[...] = 1 / scale
