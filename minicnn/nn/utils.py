"""Helpers for whole networks: gradient clipping, all weights as one vector, folded batch norms."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np

from ..autograd import no_grad
from ..devices import current_device_of, on_own_device, xp_of
from ..ops.shape import cat
from ..tensor import Tensor
from ..typing import Array
from .folding import fuse_conv_bn, fuse_conv_bn_eval

__all__ = [
    "clip_grad_norm_",
    "clip_grad_value_",
    "fuse_conv_bn",
    "fuse_conv_bn_eval",
    "parameters_to_vector",
    "vector_to_parameters",
]


def _gradients(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    tensors = [parameters] if isinstance(parameters, Tensor) else parameters
    return [p.grad for p in tensors if p.grad is not None]


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> Tensor:
    """Scale all gradients so that their norm, taken together, is at most ``max_norm``.

    Args:
        parameters: one tensor or several; tensors without a gradient are skipped.
        max_norm: the largest norm after clipping.
        norm_type: p of the p-norm, or infinity for the maximum.
        error_if_nonfinite: whether a NaN or infinite norm is an error.

    Returns:
        The norm before clipping, a scalar.

    Raises:
        RuntimeError: for a norm that is not finite, if ``error_if_nonfinite``.
    """
    grads = _gradients(parameters)
    if not grads:
        return Tensor.of(np.zeros((), np.float32))
    with current_device_of(grad.array for grad in grads):
        return Tensor.of(_clip(grads, max_norm, norm_type, error_if_nonfinite))


@np.errstate(all="ignore")  # gradients may be infinite
def _clip(
    grads: list[Tensor], max_norm: float, norm_type: float, error_if_nonfinite: bool
) -> Array:
    """Scales the gradients; returns their norm before."""
    xp = xp_of(grads[0].array)
    norms = xp.stack([_norm(g, norm_type) for g in grads])
    total = xp.linalg.norm(norms, norm_type)
    if error_if_nonfinite and not math.isfinite(total):
        raise RuntimeError(f"the norm of the gradients must be finite, got {float(total)}")
    # Applied even where it is 1: to decide that, the CPU would have to wait for the GPU.
    scale = xp.minimum(max_norm / (total + 1e-6), 1.0)
    for grad in grads:
        grad.array *= scale.astype(grad.dtype)
        grad.bump_version()
    return total.astype(grads[0].dtype)


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


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Clamp every element of every gradient to [-clip_value, clip_value]."""
    for grad in _gradients(parameters):
        xp_of(grad.array).clip(grad.array, -clip_value, clip_value, out=grad.array)
        grad.bump_version()


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All parameters in one vector, each flattened in C order; differentiable."""
    return cat([p.reshape(-1) for p in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Write a vector from :func:`parameters_to_vector` back into the parameters.

    Raises:
        ValueError: if it does not have exactly as many elements as the parameters.
    """
    tensors = list(parameters)
    total = sum(p.numel() for p in tensors)
    if vec.shape != (total,):
        raise ValueError(
            f"the parameters need a vector of shape ({total},), got {tuple(vec.shape)}"
        )
    with no_grad():
        for param, piece in zip(tensors, _pieces(vec, tensors), strict=True):
            param.copy_(piece.reshape(param.shape))


def _pieces(vec: Tensor, tensors: list[Tensor]) -> Iterator[Tensor]:
    start = 0
    for tensor in tensors:
        yield vec[start : start + tensor.numel()]
        start += tensor.numel()
