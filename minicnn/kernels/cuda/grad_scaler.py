"""Loss scaling for float16 gradients on the GPU: undoing a scale, and choosing the next one."""

from __future__ import annotations

from collections.abc import Sequence

import cupy

from .runtime.layout import flatten, unflatten
from .runtime.module import FLOATS, HALVES, THREADS_PER_BLOCK, CudaFile
from .runtime.table import address, table

__all__ = ["unscale_step", "update_scale_step"]

cuda_file = CudaFile("grad_scaler.cu")
_unscale = cuda_file.kernel("unscale", FLOATS + HALVES)
_update_scale = cuda_file.kernel("update_scale", ("float32",))


def unscale_step(
    grads: Sequence[cupy.ndarray], inverse_scale: cupy.ndarray | None, found_inf: cupy.ndarray
) -> None:
    """Multiplies gradients by ``inverse_scale`` and notes whether any is infinite or NaN.

    Args:
        grads: written in place.
        inverse_scale: scalar of float32; None leaves the gradients as they are.
        found_inf: scalar of float32; becomes 1 if a number is not finite, else stays.
    """
    flats = [flatten(grad)[0] for grad in grads]
    # as addresses, because the launcher refuses float32 arrays together with float64 gradients
    scalars = address(inverse_scale), address(found_inf)
    for dtype in dict.fromkeys(grad.dtype for grad in grads):
        rows = [[flat] for flat in flats if flat.dtype == dtype and flat.size]
        if rows:
            addresses, blocks = table(rows)
            _unscale[dtype].launch((blocks,), (THREADS_PER_BLOCK,), addresses, len(rows), *scalars)
    for grad, flat in zip(grads, flats):
        if inverse_scale is not None and flat.data.ptr != grad.data.ptr:
            grad[...] = unflatten(flat, grad)


def update_scale_step(
    scale: cupy.ndarray,
    inverse_scale: cupy.ndarray,
    growth_tracker: cupy.ndarray,
    found_inf: cupy.ndarray,
    growth_factor: float,
    backoff_factor: float,
    growth_interval: int,
) -> None:
    """Chooses the scale of the next loss, as ``torch.amp.GradScaler`` does.

    Args:
        scale, inverse_scale: scalars of float32, written in place.
        growth_tracker: scalar of int32, written in place: steps without overflow since the last
            change of the scale.
        found_inf: scalar of float32; if not 0, gradients overflowed.
        growth_factor: of the scale after ``growth_interval`` steps without overflow.
        backoff_factor: of the scale after an overflow.
        growth_interval: number of steps.
    """
    arrays = scale, inverse_scale, growth_tracker, found_inf
    options = float(growth_factor), float(backoff_factor), int(growth_interval)
    _update_scale[scale.dtype].launch((1,), (1,), *arrays, *options)
