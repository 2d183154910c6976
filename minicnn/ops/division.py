"""Division with remainder: quotients rounded down or towards zero, and remainders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd import Function
from ..creation import zeros_like
from ..dtypes import HALVES
from ..tensor import Tensor
from ..typing import Array
from .promotion import (
    Operand,
    as_arrays,
    computed,
    of_integers,
    promote_numbers,
    require_first,
    require_tensor,
    rounded,
)


def _divided_down(x: Any, y: Any) -> Array:
    """The quotient rounded down; of floating-point numbers by fmod, as x / y may round up."""
    if of_integers(x, y):
        return x // y
    rounded = _rounding_of_steps(x, y)
    xp, x, y = as_arrays(x, y)
    rest = xp.fmod(x, y)
    quotient = rounded(rounded(rounded(x - rest) / y) - _sign_differs(rest, y))
    below = xp.floor(quotient)
    return xp.where(y == 0, x / y, below + (quotient - below > 0.5))


def _divided_towards_zero(x: Any, y: Any) -> Array:
    if of_integers(x, y):
        return x // y + ((x % y != 0) & ((x < 0) != (y < 0)))
    rounded = _rounding_of_steps(x, y)
    xp, x, y = as_arrays(x, y)
    return xp.trunc(rounded(x / y))


def _rounding_of_steps(x: Any, y: Any) -> Callable[[Array], Array]:
    """Two tensors in half precision are divided in half precision, as in torch; a tensor in half
    precision and a number, which is float32 here, in float32.
    """
    half = getattr(x, "dtype", None)
    if half not in HALVES or half != y.dtype:
        return lambda step: step
    return lambda step: step.astype(half).astype(np.float32)


def _remainder(x: Any, y: Any) -> Array:
    """The rest of the division rounded down, which has the sign of y."""
    if of_integers(x, y):
        return x % y
    xp, x, y = as_arrays(x, y)
    rest = xp.fmod(x, y)
    return xp.where(_sign_differs(rest, y), rest + y, rest)


def _rest_of_truncation(x: Any, y: Any) -> Array:
    """The rest of the division towards zero, which has the sign of x."""
    xp, x, y = as_arrays(x, y)
    return xp.fmod(x, y)


def _sign_differs(rest: Any, y: Any) -> Any:
    return (rest != 0) & ((rest < 0) != (y < 0))


def _whole(function: Callable[[Any, Any], Array], x: Any, y: Any) -> Array:
    """The result of a division with a rest.

    Raises:
        RuntimeError: if integers are divided by 0; on a GPU, as in torch, they are not looked at.
    """
    try:
        with np.errstate(divide="raise" if of_integers(x, y) else "ignore"):
            return computed(function, x, y)
    except FloatingPointError:
        raise RuntimeError("integers cannot be divided by 0 (ZeroDivisionError)") from None


class DivRounded(Function):
    """x / y, rounded down ("floor") or towards zero ("trunc")."""

    def forward(self, x: Array | float, y: Array | float, mode: str) -> Array:
        if not hasattr(x, "dtype"):
            x, y = rounded(x, y)
        return _whole(_divided_down if mode == "floor" else _divided_towards_zero, x, y)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        return zeros_like(grad), zeros_like(grad)


class Remainder(Function):
    def forward(self, x: Array | float, y: Array | float) -> Array:
        x, y = rounded(x, y)
        need_y = self.needs_input_grad[1]
        self.save_for_backward(x if need_y else None, y if need_y else None)
        return _whole(_remainder, x, y)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, y = self.saved_tensors
        return grad, -grad * floor_divide(x, y) if self.needs_input_grad[1] else None


class Fmod(Function):
    def forward(self, x: Array | float, y: Array | float) -> Array:
        x, y = rounded(x, y)
        need_y = self.needs_input_grad[1]
        self.save_for_backward(x if need_y else None, y if need_y else None)
        return _whole(_rest_of_truncation, x, y)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, y = self.saved_tensors
        if not self.needs_input_grad[1]:
            return grad, None
        return grad, -grad * DivRounded.apply(x, y, mode="trunc")


def floor_divide(input: Operand, other: Operand) -> Tensor:
    """input / other rounded down.

    Raises:
        RuntimeError: if integers are divided by 0.
    """
    return DivRounded.apply(*promote_numbers("floor_divide", input, other), mode="floor")


def remainder(input: Operand, other: Operand) -> Tensor:
    """input - other * floor(input / other), which has the sign of other.

    Raises:
        RuntimeError: if integers are divided by 0.
    """
    require_tensor("remainder", input, other)
    return Remainder.apply(*promote_numbers("remainder", input, other))


def fmod(input: Operand, other: Operand) -> Tensor:
    """The rest of input / other rounded towards zero, which has the sign of input.

    Raises:
        RuntimeError: if integers are divided by 0.
    """
    require_first("fmod", input)
    return Fmod.apply(*promote_numbers("fmod", input, other))


def rfloor_divide(x: Operand, y: Operand) -> Tensor:
    """y / x rounded down."""
    return floor_divide(y, x)


def rremainder(x: Operand, y: Operand) -> Tensor:
    """The remainder of y / x."""
    return remainder(y, x)
