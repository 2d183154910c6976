"""Gradient clipping, by norm or by value."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from ...devices import current_device_of, on_own_device, xp_of
from ...no_tensor import takes_tensors
from ...tensor import Tensor
from ...typing import Array
from ...warn import warn

__all__ = [
    "clip_grad_norm",
    "clip_grad_norm_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "get_total_norm",
]


def _listed(tensors: Tensor | Iterable[Tensor]) -> list[Tensor]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def _gradients(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    return [p.grad for p in _listed(parameters) if p.grad is not None]


@takes_tensors
def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients so that their norm, taken together, is at most ``max_norm``.

    Args:
        parameters: one tensor or several; tensors without a gradient are skipped.
        max_norm: the largest norm after clipping.
        norm_type: p of the p-norm, or infinity for the maximum.
        error_if_nonfinite: whether a NaN or infinite norm is an error.
        foreach: accepted because PyTorch scripts pass it; it has no effect.

    Returns:
        The norm before clipping, a scalar.

    Raises:
        RuntimeError: for a norm that is not finite, if ``error_if_nonfinite``.
    """
    grads = _gradients(parameters)
    total = get_total_norm(grads, norm_type, error_if_nonfinite)
    _scale_down(grads, max_norm, total)
    return total


def clip_grad_norm(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """:func:`clip_grad_norm_` under its older name."""
    warn("clip_grad_norm is deprecated: use clip_grad_norm_", FutureWarning)
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite)


@takes_tensors
def get_total_norm(
    tensors: Tensor | Iterable[Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The norm of several tensors taken together, a scalar; arguments as in :func:`clip_grad_norm_`."""
    tensors = _listed(tensors)
    if not tensors:
        return Tensor.of(np.zeros((), np.float32))
    with current_device_of(tensor.array for tensor in tensors):
        return Tensor.of(_total_norm(tensors, norm_type, error_if_nonfinite))


@np.errstate(all="ignore")  # gradients may be infinite
def _total_norm(tensors: list[Tensor], norm_type: float, error_if_nonfinite: bool) -> Array:
    xp = xp_of(tensors[0].array)
    total = xp.linalg.norm(xp.stack([_norm(t, norm_type) for t in tensors]), norm_type)
    if error_if_nonfinite and not math.isfinite(total):
        raise RuntimeError(f"the norm of the gradients must be finite, got {float(total)}")
    return xp.asarray(total).astype(tensors[0].dtype)


@on_own_device
def _norm(grad: Tensor, norm_type: float) -> Array:
    """The p-norm of one gradient, a 0-dimensional float64 array."""
    xp = xp_of(grad.array)
    flat = grad.array.ravel(order="K")
    if norm_type != 2.0 or grad.dtype.itemsize < 4:
        return xp.asarray(xp.linalg.norm(flat.astype(np.float64), norm_type))
    # BLAS sums rows of 4,096 in the gradient's precision, and their sums are added in float64. This
    # is as fast as one dot product, which has a rounding error of 1e-4 on AlexNet's largest layer.
    whole = flat.size // 4096 * 4096
    rows, rest = flat[:whole].reshape(-1, 1, 4096), flat[whole:]
    squares = (rows @ rows.transpose(0, 2, 1)).sum(dtype=np.float64)
    return xp.sqrt(squares + xp.dot(rest, rest).astype(np.float64))


def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    total_norm: Tensor,
    foreach: bool | None = None,
) -> None:
    """Scale all gradients by ``max_norm / total_norm`` if that is below 1.

    Args:
        parameters: one tensor or several; tensors without a gradient are skipped.
        max_norm: the largest norm after clipping.
        total_norm: the norm of the gradients, which :func:`get_total_norm` gives.
        foreach: accepted because PyTorch scripts pass it; it has no effect.
    """
    _scale_down(_gradients(parameters), max_norm, total_norm)


@np.errstate(all="ignore")  # gradients may be infinite
def _scale_down(grads: list[Tensor], max_norm: float, total_norm: Tensor) -> None:
    if not grads:
        return
    with current_device_of(grad.array for grad in grads):
        total = total_norm.array.astype(np.float64)
        # Applied even where it is 1: to decide that, the CPU would have to wait for the GPU.
        scale = xp_of(total).minimum(float(max_norm) / (total + 1e-6), 1.0)
        for grad in grads:
            grad.array *= scale.astype(grad.dtype)
            grad.bump_version()


@takes_tensors
def clip_grad_value_(
    parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None
) -> None:
    """Clamp every element of every gradient to [-clip_value, clip_value]."""
    for grad in _gradients(parameters):
        xp_of(grad.array).clip(grad.array, -clip_value, clip_value, out=grad.array)
        grad.bump_version()
