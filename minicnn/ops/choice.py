"""Choices between elements: where, clamp, maximum and minimum."""

from __future__ import annotations

from typing import Any, overload

import numpy as np

from ..autograd import Function
from ..devices import xp_of
from ..dtypes import bool_, number_in, uint8
from ..tensor import Tensor
from ..typing import Array
from .comparison import eq, ge, gt, le, lt
from .index import nonzero
from .promotion import Operand, check_broadcast, promote, promote_all, require_tensors, result_dtype


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
    """x limited to [low, high], each a tensor, a number or None; high wins if it is below low."""

    def forward(self, x: Array, low: Any, high: Any) -> Array:
        self.save_for_backward(x, low, high)
        xp = xp_of(x)
        out = x if low is None else xp.maximum(x, low)
        out = out if high is None else xp.minimum(out, high)
        return out.astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, low, high = self.saved_tensors
        need_x, need_low, need_high = self.needs_input_grad
        grad_x = grad_low = grad_high = None
        if need_x:  # also at the limits; a NaN gets 0
            inside = eq(x, x)
            inside = inside if low is None else inside & ge(x, low)
            inside = inside if high is None else inside & le(x, high)
            grad_x = where(inside, grad, 0.0)
        if need_low:
            chosen = lt(x, low) if high is None else lt(x, low) & lt(low, high)
            grad_low = where(chosen, grad, 0.0)
        if need_high:
            chosen = gt(x, high) if low is None else gt(x, high) | lt(high, low)
            grad_high = where(chosen, grad, 0.0)
        return grad_x, grad_low, grad_high


class _Extremum(Function):
    """The larger or smaller of two; where they are equal, each gets half of the gradient."""

    def forward(self, x: Array, y: Array, largest: bool) -> Array:
        self.save_for_backward(x, y)
        self.largest = largest
        return (xp_of(x).maximum if largest else xp_of(x).minimum)(x, y)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, y = self.saved_tensors
        need_x, need_y = self.needs_input_grad
        shared = where(eq(x, y), grad * 0.5, grad)
        loses, wins = (lt, gt) if self.largest else (gt, lt)
        # at a NaN neither wins, and both get the gradient
        return (
            where(loses(x, y), 0.0, shared) if need_x else None,
            where(wins(x, y), 0.0, shared) if need_y else None,
        )


@overload
def where(condition: Tensor) -> tuple[Tensor, ...]: ...
@overload
def where(condition: Tensor, input: Operand, other: Operand) -> Tensor: ...
def where(
    condition: Tensor, input: Operand | None = None, other: Operand | None = None
) -> Tensor | tuple[Tensor, ...]:
    """``input`` where ``condition`` is true, else ``other``.

    Of a condition alone, the indices of what is not 0, a vector for each dimension.

    Raises:
        RuntimeError: for a condition that is neither bool nor uint8, which stands for bool in old
            scripts.
    """
    if input is None or other is None:
        return tuple(nonzero(condition, as_tuple=True))
    if condition.dtype == uint8:
        condition = condition.bool()
    if condition.dtype != bool_:
        raise RuntimeError(f"where expects a bool condition, got {condition.array.dtype}")
    if isinstance(input, Tensor) or isinstance(other, Tensor):
        input, other = promote("where", input, other)
        check_broadcast("where", [v for v in (condition, input, other) if isinstance(v, Tensor)])
        # a number takes the tensor's dtype even beside a tensor without dimensions
        dtype = input.dtype if isinstance(input, Tensor) else other.dtype  # type: ignore[union-attr]
    else:
        dtype = result_dtype([], [input, other])
    xp = xp_of(condition.array)
    with np.errstate(over="ignore"):  # a number may become inf, as in torch
        input, other = (
            v if isinstance(v, Tensor) else Tensor.of(xp.full((), v, dtype)) for v in (input, other)
        )
    return Where.apply(condition, input, other)


def where_method(input: Tensor, condition: Tensor, other: Operand) -> Tensor:
    """This tensor where ``condition`` is true, else ``other``."""
    return where(condition, input, other)


def masked_fill(input: Tensor, mask: Tensor, value: Operand) -> Tensor:
    """``value`` where ``mask`` is true, else ``input``.

    Args:
        input, mask: shapes that broadcast; the mask is bool.
        value: a number or a tensor without dimensions, converted to the dtype of ``input``.

    Raises:
        RuntimeError: for a mask that is not bool, or a value with dimensions, or one that does not
            fit into the dtype of ``input``.

    As ``torch.Tensor.masked_fill``.
    """
    if mask.dtype != bool_:
        raise RuntimeError(f"masked_fill expects a bool mask, got {mask.array.dtype}")
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError(
                f"masked_fill expects a value without dimensions, got shape {tuple(value.shape)}"
            )
        value = value.to(input.dtype)
    else:
        value = Tensor.of(
            xp_of(input.array).full((), number_in(input.array.dtype, value), input.array.dtype)
        )
    check_broadcast("masked_fill", [input, mask])
    return Where.apply(mask, value, input)


def clamp(input: Tensor, min: Operand | None = None, max: Operand | None = None) -> Tensor:
    """``input`` limited to [min, max], or ``max`` where that is below ``min``.

    The gradient at the limits is 1.

    Args:
        input: any shape.
        min, max: two numbers, or two tensors that broadcast with it; one of them may be None.

    Raises:
        RuntimeError: without a limit, for a number that does not fit into the dtype of the result,
            or (NotImplementedError) for bool.
        TypeError: for a tensor and a number.

    As ``torch.clamp``.
    """
    given: list[Any] = [bound for bound in (min, max) if bound is not None]
    if not given:
        raise RuntimeError("clamp expects min, max or both, got neither")
    if isinstance(given[0], Tensor) != isinstance(given[-1], Tensor):
        raise TypeError("clamp expects two tensors or two numbers, got one of each")
    input, *bounds = promote_all("clamp", input, *given)
    if input.dtype == bool_:
        raise NotImplementedError("clamp expects numbers, got a bool tensor")
    if not isinstance(given[0], Tensor):
        bounds = [number_in(input.array.dtype, bound) for bound in given]
    low = None if min is None else bounds[0]
    return Clamp.apply(input, low, None if max is None else bounds[-1])


clip = clamp  # NumPy's name for it


def maximum(input: Tensor, other: Tensor) -> Tensor:
    """The larger of two elements; the gradient is halved where they are equal."""
    require_tensors("maximum", input, other)
    return _Extremum.apply(*promote("maximum", input, other), largest=True)


def minimum(input: Tensor, other: Tensor) -> Tensor:
    """The smaller of two elements; the gradient is halved where they are equal."""
    require_tensors("minimum", input, other)
    return _Extremum.apply(*promote("minimum", input, other), largest=False)
