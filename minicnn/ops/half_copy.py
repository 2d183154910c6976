"""Copies of float32 weights in half precision, for the kernels of mixed precision.

Under autocast a layer keeps its weights in float32, because the optimizer changes them by amounts
too small for half precision. Its kernels read a copy in float16 or bfloat16. The copy is made when
a layer first needs it, and stays with the tensor: evaluation and repeated use cast only once, and
the optimizer's kernel, which has the new weights in registers anyway, can write the next copy
without another pass over memory.

Every operation in place increments the tensor's version, which tells whether the copy is out of
date. Direct writes to ``tensor.array`` are not noticed, as in ``backward``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..autograd import Function
from ..tensor import Tensor
from ..typing import Array


class HalfCopy(Function):
    """Weights in half precision; their gradient stays in float32, without rounding."""

    takes_float32 = True

    def forward(self, weight: Array, *, copy: Array) -> Array:
        return copy

    def backward(self, grad: Tensor) -> Tensor:
        return grad


def weight_in_half(weight: Tensor, dtype: np.dtype) -> Tensor:
    """A float32 tensor as float16 or bfloat16; gradients pass through."""
    out = HalfCopy.apply(weight, copy=half_copy(weight, dtype))
    out.version = weight.version  # a write to the weights outdates saved copies, too
    return out


class _Copy(NamedTuple):
    array: Array
    source: Array  # what was copied, as param.array may be replaced
    writes: int  # to the tensor until then


def half_copy(tensor: Tensor, dtype: np.dtype) -> Array:
    """The numbers of a tensor in ``dtype``: its own array if that fits, else a copy that is kept.

    Args:
        tensor: float32 weights.
        dtype: float16 or bfloat16.

    Returns:
        An array in the memory layout of ``tensor``; do not write to it.
    """
    if tensor.array.dtype == dtype:
        return tensor.array
    copy = kept_half_copy(tensor)
    if copy is None or copy.dtype != dtype:
        copy = tensor.array.astype(dtype, order="K")
        _keep(tensor, copy)
    return copy


def kept_half_copy(tensor: Tensor) -> Array | None:
    """The copy that :func:`half_copy` keeps of a tensor; None if missing or out of date."""
    kept: _Copy | None = getattr(tensor, "_half_copy", None)
    if kept is None or kept.source is not tensor.array or kept.writes != tensor.version.all_writes:
        return None
    return kept.array


def mark_half_copy_current(tensor: Tensor, copy: Array | None) -> None:
    """Marks the copy as up to date, after it was rewritten together with the tensor.

    Args:
        tensor: the tensor, after the write and the increment of its version.
        copy: what :func:`kept_half_copy` returned before; None does nothing.
    """
    if copy is not None:
        _keep(tensor, copy)


def _keep(tensor: Tensor, copy: Array) -> None:
    # in __dict__, not a slot: few tensors have a copy
    tensor.__dict__["_half_copy"] = _Copy(copy, tensor.array, tensor.version.all_writes)
