"""Copies of float32 weights in half precision, for the kernels of mixed precision.

Under autocast a layer keeps its weights in float32, the "master" weights that the optimizer
changes by amounts too small for half precision, while its kernels read a copy in float16 or
bfloat16. The copy is made when a layer first asks for it and stays with the tensor: evaluation and
repeated use cast once, and the optimizer's kernel, which has the new weights in registers anyway,
can write the copy for the next step without another pass over memory.

The tensor's version, which every operation in place increments, tells whether the copy is out of
date. As for ``backward``, writing to ``tensor.array`` directly goes unnoticed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..autograd import Function
from ..tensor import Tensor
from ..typing import Array


class HalfCopy(Function):
    """Weights in half precision; their gradient comes back in float32, without a rounding."""

    takes_float32 = True

    def forward(self, weight: Array, *, copy: Array) -> Array:
        return copy

    def backward(self, grad: Tensor) -> Tensor:
        return grad


def in_half(weight: Tensor, dtype: np.dtype) -> Tensor:
    """A tensor of float32 in ``dtype``, float16 or bfloat16, that gradients pass through."""
    out = HalfCopy.apply(weight, copy=half_copy(weight, dtype))
    out.version = weight.version  # writing to the weights makes what was saved of them outdated
    return out


class _Copy(NamedTuple):
    array: Array  # the copy
    source: Array  # the array it was made of, as param.array may be replaced
    writes: int  # the version of the tensor then


def half_copy(tensor: Tensor, dtype: np.dtype) -> Array:
    """The numbers of a tensor in ``dtype``: its own array if it has it, else a copy that is kept.

    Args:
        tensor: float32 weights.
        dtype: float16 or bfloat16.

    Returns:
        An array in the memory layout of ``tensor``, to be read only.
    """
    if tensor.array.dtype == dtype:
        return tensor.array
    copy = kept_half_copy(tensor)
    if copy is None or copy.dtype != dtype:
        copy = tensor.array.astype(dtype, order="K")
        _keep(tensor, copy)
    return copy


def kept_half_copy(tensor: Tensor) -> Array | None:
    """The copy that :func:`half_copy` keeps of a tensor, or None if there is none up to date."""
    kept: _Copy | None = getattr(tensor, "_half_copy", None)
    if kept is None or kept.source is not tensor.array or kept.writes != tensor.version.writes:
        return None
    return kept.array


def mark_half_copy_current(tensor: Tensor, copy: Array | None) -> None:
    """Notes that the copy has been rewritten together with the tensor.

    Args:
        tensor: one that has been written to, and whose version was incremented.
        copy: what :func:`kept_half_copy` gave before; None does nothing.
    """
    if copy is not None:
        _keep(tensor, copy)


def _keep(tensor: Tensor, copy: Array) -> None:
    # in the tensor's __dict__: few tensors have a copy, and a slot would cost them all
    tensor._half_copy = _Copy(copy, tensor.array, tensor.version.writes)  # type: ignore[attr-defined]
