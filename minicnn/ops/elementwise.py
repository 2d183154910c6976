"""Arithmetic and functions, element by element, with broadcasting."""

from __future__ import annotations

import builtins
import math
import operator
from typing import Any

import numpy as np

from ..autograd import Function
from ..creation import zeros_like
from ..devices import xp_of
from ..dtypes import bool_, int64, is_floating, number_in
from ..tensor import Tensor
from ..typing import Array
from .choice import where
from .division import DivRounded
from .edge import in_float32
from .promotion import (
    Operand,
    as_arrays,
    as_factor,
    computed,
    of_integers,
    promote,
    promote_numbers,
    refuse_bool,
    require_first,
    require_tensor,
    rounded,
    to_float,
    widen,
    widened,
    wrapped,
)

# ------------------------------------------------------------------------ arithmetic


class Add(Function):
    def forward(self, x: Array | float, y: Array | float) -> Array:
        return computed(operator.add, x, y)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        return grad, grad


class Sub(Function):
    def forward(self, x: Array | float, y: Array | float) -> Array:
        return computed(operator.sub, x, y)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        return grad, -grad if self.needs_input_grad[1] else None


class Mul(Function):
    def forward(self, x: Array | float, y: Array | float) -> Array:
        need_x, need_y = self.needs_input_grad
        self.save_for_backward(x if need_y else None, y if need_x else None)
        return computed(operator.mul, x, y)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, y = self.saved_tensors
        need_x, need_y = self.needs_input_grad
        return grad * y if need_x else None, grad * x if need_y else None


class AddMultiple(Function):
    """x + alpha * y, rounded once."""

    def forward(self, x: Array | float, y: Array, alpha: float) -> Array:
        self.alpha = wrapped(alpha, y.dtype)
        return computed(lambda x, y: x + widened(y) * self.alpha, x, y)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        return grad, mul(grad, self.alpha) if self.needs_input_grad[1] else None


class Div(Function):
    def forward(self, x: Array | float, y: Array | float) -> Array:
        self.save_for_backward(x if self.needs_input_grad[1] else None, y)
        return computed(operator.truediv, x, y)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, y = self.saved_tensors
        need_x, need_y = self.needs_input_grad
        grad_x = grad / y if need_x else None
        if not need_y:
            return grad_x, None
        grad, x, y = widen(grad, x, y)
        return grad_x, -grad * ((x / y) / y)


class Pow(Function):
    def forward(self, x: Array | float, y: Array | float) -> Array:
        base, power = rounded(x, y)
        out = computed(_integer_power if of_integers(x, y) else operator.pow, base, power)
        self.save_for_backward(x, y, out if self.needs_input_grad[1] else None)
        return out

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, y, out = self.saved_tensors
        # before it is widened: a negative base has a power if half precision rounds y - 1 to an
        # integer, as in torch
        less = y - 1
        if isinstance(x, Tensor) and not isinstance(y, Tensor):
            less = float(rounded(x.array, less)[1])
        grad, x, y, out, less = widen(grad, x, y, out, less)
        need_x, need_y = self.needs_input_grad
        grad_x = _power_grad_of_base(grad, x, y, less) if need_x else None
        return grad_x, _power_grad_of_exponent(grad, x, y, out) if need_y else None


def _power_grad_of_base(grad: Tensor, x: Tensor, y: Operand, less: Operand) -> Tensor:
    """grad * y * x ** less, where less = y - 1."""
    # x ** 0 is constant, even at 0, where y * x ** (y - 1) would be 0 * inf
    if isinstance(y, Tensor):
        return where(y == 0, 0.0, grad * (y * x**less))
    return grad * (x**less * y) if y != 0 else zeros_like(grad)


def _power_grad_of_exponent(grad: Tensor, x: Operand, y: Tensor, out: Tensor) -> Tensor:
    if isinstance(x, Tensor):
        return grad * where((x == 0) & (y >= 0), 0.0, out * log(x))
    if x == 0:
        return grad * where(y >= 0, 0.0, out * -math.inf)
    return grad * (out * (math.log(x) if x > 0 else math.nan))


def _integer_power(x: Any, y: Any) -> Array:
    """x ** y of integers, towards zero where y is negative, as in C."""
    xp, x, y = as_arrays(x, y)
    inverse = xp.where(x == 1, 1, xp.where(x == -1, 1 - 2 * (y % 2), 0))
    return xp.where(y < 0, inverse, x ** xp.maximum(y, 0))


def add(input: Operand, other: Operand, *, alpha: float = 1) -> Tensor:
    """input + alpha * other.

    Raises:
        RuntimeError: for a floating-point alpha of integers.
    """
    if alpha is not True and alpha == 1:
        x, y = promote("add", input, other)
        return Add.apply(x, y)
    return _add_multiple("add", input, other, alpha)


def sub(input: Operand, other: Operand, *, alpha: float = 1) -> Tensor:
    """input - alpha * other.

    Raises:
        RuntimeError: for bool operands, and for a floating-point alpha of integers.
    """
    if _is_bool(input) or _is_bool(other):
        raise RuntimeError("sub expects numbers, got bool: use logical_xor, or ~x to invert a mask")
    if alpha == 1:
        x, y = promote("sub", input, other)
        return Sub.apply(x, y)
    return _add_multiple("sub", input, other, -alpha)


def _add_multiple(name: str, x: Operand, y: Operand, alpha: float) -> Tensor:
    x, y = promote(name, x, y)
    alpha = as_factor(name, "alpha", alpha)
    dtype = (x if isinstance(x, Tensor) else y).array.dtype  # type: ignore[union-attr]
    if not is_floating(dtype) and isinstance(alpha, float):
        raise RuntimeError(f"{name} of {dtype} expects an integer alpha, got {alpha}")
    if isinstance(alpha, bool) and dtype != bool_:
        raise RuntimeError(f"{name} of {dtype} expects a number as alpha, got {alpha}")
    if not isinstance(y, Tensor):
        return Add.apply(x, wrapped(y * alpha, dtype))
    return AddMultiple.apply(x, y, alpha=alpha)


def _is_floating(x: Operand) -> bool:
    return isinstance(x, Tensor) and is_floating(x.array.dtype)


def _is_bool(x: Operand) -> bool:
    return x.array.dtype == bool_ if isinstance(x, Tensor) else isinstance(x, bool)


def mul(input: Operand, other: Operand) -> Tensor:
    """input * other."""
    x, y = promote("mul", input, other)
    return Mul.apply(x, y)


def times(x: Tensor, other: Any) -> Tensor:
    """x * other; beside a list or a string, Python repeats that as often as x says."""
    try:
        x, y = promote("mul", x, other)
        return Mul.apply(x, y)
    except TypeError:
        if isinstance(other, (tuple, list, str, bytes)):
            return NotImplemented
        raise


def div(input: Operand, other: Operand, *, rounding_mode: str | None = None) -> Tensor:
    """input / other in floating point; ``rounding_mode`` "floor" rounds down, "trunc" towards zero.

    Raises:
        ValueError: for another ``rounding_mode``.
        RuntimeError: if integers are divided by 0 with a ``rounding_mode``.
    """
    if rounding_mode not in (None, "floor", "trunc"):
        raise ValueError(f"rounding_mode must be None, 'floor' or 'trunc', got {rounding_mode!r}")
    if rounding_mode is None:
        if not (_is_floating(input) or _is_floating(other)):
            # in float32 each, before one integer is brought to the range of the other
            input, other = (_as_float(v) for v in (input, other))
        x, y = promote("div", input, other)
        return Div.apply(x, y)
    return DivRounded.apply(*promote_numbers("div", input, other), mode=rounding_mode)


def _as_float(x: Operand) -> Operand:
    if isinstance(x, Tensor):
        return to_float(x)
    return float(x) if isinstance(x, int) else x


def rsub(input: Operand, other: Operand, *, alpha: float = 1) -> Tensor:
    """other - alpha * input."""
    require_first("rsub", input)
    return sub(other, input, alpha=alpha)


def rdiv(x: Tensor, y: Operand) -> Tensor:
    """y / x, as torch computes it."""
    return mul(reciprocal(x), y)


@in_float32
def pow(input: Operand, exponent: Operand) -> Tensor:
    """input ** exponent.

    Raises:
        RuntimeError: for bool operands, and for a negative number as exponent of integers.
    """
    require_tensor("pow", input, exponent)
    base, power = promote_numbers("pow", input, exponent)
    if not isinstance(power, Tensor):
        _check_exponent(exponent, base.dtype)  # type: ignore[arg-type]
    return Pow.apply(base, power)


def _check_exponent(exponent: float, dtype: np.dtype) -> None:
    if dtype.itemsize == 2 or not is_floating(dtype):
        number_in(dtype, exponent)  # raises an error if it does not fit
    if exponent < 0 and not is_floating(dtype):
        raise RuntimeError(f"pow of {dtype} expects an exponent of at least 0, got {exponent}")


def rpow(x: Operand, base: Operand) -> Tensor:
    """base ** x."""
    return pow(base, x)


# ------------------------------------------------------------------------ functions of one tensor


class Neg(Function):
    def forward(self, x: Array) -> Array:
        return -x

    def backward(self, grad: Tensor) -> Tensor:
        return -grad


class Abs(Function):
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        return xp_of(x).abs(x)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.saved_tensors
        return grad * sign(x)


class Exp(Function):
    def forward(self, x: Array) -> Array:
        out = xp_of(x).exp(x)
        self.save_for_backward(out)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        (out,) = self.saved_tensors
        return grad * out


class Expm1(Function):
    def forward(self, x: Array) -> Array:
        out = xp_of(x).expm1(x)
        self.save_for_backward(out)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        grad, out = widen(grad, *self.saved_tensors)
        return grad * (out + 1.0)


class Log(Function):
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        return xp_of(x).log(x)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.saved_tensors
        return grad / x


class Log1p(Function):
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        return xp_of(x).log1p(x)

    def backward(self, grad: Tensor) -> Tensor:
        grad, x = widen(grad, *self.saved_tensors)
        return grad / (x + 1.0)


class Sqrt(Function):
    def forward(self, x: Array) -> Array:
        out = xp_of(x).sqrt(x)
        self.save_for_backward(out)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        grad, out = widen(grad, *self.saved_tensors)
        return grad / (out * 2.0)


class Rsqrt(Function):
    def forward(self, x: Array) -> Array:
        out = (1.0 / xp_of(x).sqrt(widened(x))).astype(x.dtype, copy=False)
        self.save_for_backward(out)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        grad, out = widen(grad, *self.saved_tensors)
        return (grad * -0.5) * (out * out * out)


class Reciprocal(Function):
    def forward(self, x: Array) -> Array:
        out = (1.0 / widened(x)).astype(x.dtype, copy=False)
        self.save_for_backward(out)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        grad, out = widen(grad, *self.saved_tensors)
        return -grad * (out * out)


class Sin(Function):
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        return xp_of(x).sin(x)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.saved_tensors
        return grad * cos(x)


class Cos(Function):
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        return xp_of(x).cos(x)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.saved_tensors
        return -grad * sin(x)


class Tanh(Function):
    def forward(self, x: Array) -> Array:
        out = xp_of(x).tanh(x)
        self.save_for_backward(out)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        grad, out = widen(grad, *self.saved_tensors)
        return grad * (1.0 - out * out)


class Sigmoid(Function):
    def forward(self, x: Array) -> Array:
        xp = xp_of(x)
        decay = xp.exp(-xp.abs(widened(x)))  # at most 1, so no overflow
        out = (xp.where(x >= 0, 1, decay) / (decay + 1)).astype(x.dtype, copy=False)
        self.save_for_backward(out)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        grad, out = widen(grad, *self.saved_tensors)
        return grad * (out * (1.0 - out))


class _Step(Function):
    """A piecewise constant function, by its name in NumPy: floor, ceil, rint or trunc."""

    def forward(self, x: Array, name: str) -> Array:
        # NumPy's rint (before 2.1 also floor, ceil and trunc) turns integers into float64
        return getattr(xp_of(x), name)(x).astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> Tensor:
        return zeros_like(grad)  # not grad * 0, which is NaN for an infinite gradient


class Sign(Function):
    def forward(self, x: Array) -> Array:
        # NumPy's sign keeps a NaN, and refuses bool
        return ((x > 0).astype(np.int8) - (x < 0)).astype(x.dtype)

    def backward(self, grad: Tensor) -> Tensor:
        return zeros_like(grad)


class RoundDecimals(Function):
    def forward(self, x: Array, decimals: int) -> Array:
        xp, power, values = xp_of(x), 10.0 ** builtins.abs(decimals), widened(x)
        if decimals < 0:
            rounded = xp.rint(values / power) * power
        else:
            rounded = xp.rint(values * power) / power
        return rounded.astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> Tensor:
        return zeros_like(grad)


def neg(input: Tensor) -> Tensor:
    """-input."""
    refuse_bool("neg", input)
    return Neg.apply(input)


def abs(input: Tensor) -> Tensor:
    """|input|; its gradient at 0 and at NaN is 0."""
    refuse_bool("abs", input)
    return Abs.apply(input)


@in_float32
def exp(input: Tensor) -> Tensor:
    """e to the power of ``input``."""
    return Exp.apply(to_float(input))


@in_float32
def expm1(input: Tensor) -> Tensor:
    """exp(input) - 1, accurate near 0."""
    return Expm1.apply(to_float(input))


@in_float32
def log(input: Tensor) -> Tensor:
    """The natural logarithm."""
    return Log.apply(to_float(input))


@in_float32
def log1p(input: Tensor) -> Tensor:
    """log(1 + input), accurate near 0."""
    return Log1p.apply(to_float(input))


def sqrt(input: Tensor) -> Tensor:
    """The square root."""
    return Sqrt.apply(to_float(input))


@in_float32
def rsqrt(input: Tensor) -> Tensor:
    """1 / sqrt(input)."""
    return Rsqrt.apply(to_float(input))


@in_float32
def reciprocal(input: Tensor) -> Tensor:
    """1 / input."""
    return Reciprocal.apply(to_float(input))


@in_float32
def square(input: Tensor) -> Tensor:
    """input * input; int64 for bool."""
    return mul(input, input) if input.dtype != bool_ else input.to(int64)


def sin(input: Tensor) -> Tensor:
    """The sine of an angle in radians."""
    return Sin.apply(to_float(input))


def cos(input: Tensor) -> Tensor:
    """The cosine of an angle in radians."""
    return Cos.apply(to_float(input))


def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent."""
    return Tanh.apply(to_float(input))


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-input))."""
    return Sigmoid.apply(to_float(input))


def floor(input: Tensor) -> Tensor:
    """``input`` rounded down."""
    refuse_bool("floor", input)
    return _Step.apply(input, name="floor")


def ceil(input: Tensor) -> Tensor:
    """``input`` rounded up."""
    refuse_bool("ceil", input)
    return _Step.apply(input, name="ceil")


def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """``input`` rounded to the nearest number with so many decimals, halves to the even one.

    Args:
        input: any shape.
        decimals: digits after the point; negative ones round to tens, hundreds and so on.

    Raises:
        RuntimeError: for decimals of integers.

    As ``torch.round``.
    """
    refuse_bool("round", input)
    if decimals == 0:
        return _Step.apply(input, name="rint")
    if not is_floating(input.array.dtype):
        raise RuntimeError(
            f"round expects floating point for decimals={decimals}, got {input.array.dtype}"
        )
    return RoundDecimals.apply(input, decimals=decimals)


def trunc(input: Tensor) -> Tensor:
    """``input`` rounded towards zero."""
    refuse_bool("trunc", input)
    return _Step.apply(input, name="trunc")


def sign(input: Tensor) -> Tensor:
    """-1, 0 or 1; 0 for NaN."""
    require_first("sign", input)
    return Sign.apply(input)


# torch's longer names
absolute, negative, fix = abs, neg, trunc
subtract, multiply, divide, true_divide = sub, mul, div, div
