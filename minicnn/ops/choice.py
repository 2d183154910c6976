"""Choices between elements: where, clamp, maximum and minimum."""

from __future__ import annotations

from typing import Any

from ..autograd import Function
from ..devices import xp_of
from ..dtypes import bool_, float32, int64
from ..tensor import Tensor
from ..typing import Array
from .comparison import gt, lt
from .promotion import Operand, check_broadcast, promote


class Where(Function):
    def forward(self, condition: Array, x: Array, y: Array) -> Array:
        self.save_for_backward(condition)
        # CuPy's where gives float32 for bfloat16
        return xp_of(condition).where(condition, x, y).astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        (condition,) = self.saved_tensors
        _, need_x, need_y = self.needs_input_grad
        return (
            None,
            where(condition, grad, 0.0) if need_x else None,
            where(condition, 0.0, grad) if need_y else None,
        )


class Clamp(Function):
    def forward(self, x: Array, low: float | None, high: float | None) -> Array:
        self.save_for_backward(x)
        self.limits = low, high
        return xp_of(x).clip(x, low, high).astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.saved_tensors
        low, high = self.limits
        inside = Tensor(xp_of(x.array).ones(x.shape, bool))
        if low is not None:
            inside = inside & (x >= low)
        if high is not None:
            inside = inside & (x <= high)
        return grad * inside


class _Extremum(Function):
    """The larger or smaller of two; where they are equal, each gets half of the gradient."""

    def forward(self, x: Array, y: Array, largest: bool) -> Array:
        self.save_for_backward(x, y)
        self.largest = largest
        return (xp_of(x).maximum if largest else xp_of(x).minimum)(x, y)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, y = self.saved_tensors
        wins = (x > y) if self.largest else (x < y)
        share = wins.to(grad.dtype) + (x == y).to(grad.dtype) * 0.5
        return grad * share, grad * (1.0 - share)


def where(condition: Tensor, x: Operand, y: Operand) -> Tensor:
    """x where ``condition`` is true, else y."""
    if condition.dtype != bool_:
        raise RuntimeError(f"where expects a bool condition, got {condition.dtype}")
    if isinstance(x, Tensor) or isinstance(y, Tensor):
        x, y = promote("where", x, y)
        check_broadcast("where", [v for v in (condition, x, y) if isinstance(v, Tensor)])
        # a number takes the tensor's dtype even beside a tensor without dimensions
        dtype = x.dtype if isinstance(x, Tensor) else y.dtype  # type: ignore[union-attr]
    else:
        kinds = {type(x), type(y)}
        dtype = float32 if float in kinds else int64 if int in kinds else bool_
    xp = xp_of(condition.array)
    x, y = (v if isinstance(v, Tensor) else Tensor(xp.full((), v, dtype)) for v in (x, y))
    return Where.apply(condition, x, y)


def masked_fill(x: Tensor, mask: Tensor, value: Operand) -> Tensor:
    """``value`` where ``mask`` is true, else x."""
    return where(mask, value, x)


def clamp(x: Tensor, min: Operand | None = None, max: Operand | None = None) -> Tensor:
    """x limited to [min, max]; the gradient at the limits is 1."""
    if min is None and max is None:
        raise ValueError("clamp expects min, max or both, got neither")
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        # conditions that are false for NaN, so that NaN stays
        x = x if min is None else where(lt(x, min), min, x)
        return x if max is None else where(gt(x, max), max, x)
    if x.dtype.kind in "iub" and (isinstance(min, float) or isinstance(max, float)):
        x = x.to(float32)
    return Clamp.apply(x, low=min, high=max)


def maximum(x: Tensor, y: Tensor) -> Tensor:
    """The larger of two elements; the gradient is halved where they are equal."""
    return _Extremum.apply(*_both_tensors("maximum", x, y), largest=True)


def minimum(x: Tensor, y: Tensor) -> Tensor:
    """The smaller of two elements; the gradient is halved where they are equal."""
    return _Extremum.apply(*_both_tensors("minimum", x, y), largest=False)


def _both_tensors(name: str, x: Operand, y: Operand) -> tuple[Any, ...]:
    if not (isinstance(x, Tensor) and isinstance(y, Tensor)):
        raise TypeError(f"{name} expects two tensors, got {type(x).__name__}, {type(y).__name__}")
    return promote(name, x, y)
