"""Extrema that pass over NaN, and limits on one side."""

from __future__ import annotations

from ..autograd import Function
from ..devices import xp_of
from ..dtypes import bool_
from ..tensor import Tensor
from ..typing import Array
from .choice import clamp, where
from .promotion import Operand, promote, require_first, require_tensors


class FExtremum(Function):
    """The larger or smaller of two, which NaN is only beside another NaN."""

    def forward(self, x: Array, y: Array, largest: bool) -> Array:
        xp = xp_of(x)
        first = (x >= y if largest else x <= y) | xp.isnan(y)
        self.save_for_backward(first)
        return xp.where(first, x, y).astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        (first,) = self.saved_tensors
        need_x, need_y = self.needs_input_grad
        return (
            where(first, grad, 0.0) if need_x else None,
            where(first, 0.0, grad) if need_y else None,
        )


def fmax(input: Tensor, other: Tensor) -> Tensor:
    """The larger of two elements; where one is NaN, the other."""
    require_tensors("fmax", input, other)
    return FExtremum.apply(*promote("fmax", input, other), largest=True)


def fmin(input: Tensor, other: Tensor) -> Tensor:
    """The smaller of two elements; where one is NaN, the other."""
    require_tensors("fmin", input, other)
    return FExtremum.apply(*promote("fmin", input, other), largest=False)


def clamp_min(input: Tensor, min: Operand) -> Tensor:
    """``input``, and ``min`` where that is larger."""
    return _limited("clamp_min", input, min, largest=True)


def clamp_max(input: Tensor, max: Operand) -> Tensor:
    """``input``, and ``max`` where that is smaller."""
    return _limited("clamp_max", input, max, largest=False)


def _limited(name: str, x: Tensor, limit: Operand, largest: bool) -> Tensor:
    require_first(name, x)
    if isinstance(limit, Tensor) and x.array.dtype == limit.array.dtype == bool_:
        return fmax(x, limit) if largest else fmin(x, limit)
    return clamp(x, min=limit) if largest else clamp(x, max=limit)
