"""Arithmetic and functions, element by element, with broadcasting."""

from __future__ import annotations

import builtins
import math
import operator
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from ..autograd import Function
from ..creation import zeros_like
from ..devices import xp_of
from ..dtypes import bool_, int64, is_floating
from ..tensor import Tensor
from ..typing import Array
from .choice import where
from .edge import in_float32
from .promotion import Operand, computed, fitting, promote, to_float, wide, widened, wrapped

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
        grad, x, y = wide(grad, x, y)
        return grad_x, -grad * ((x / y) / y)


class Pow(Function):
    def forward(self, x: Array | float, y: Array | float) -> Array:
        out = computed(_integer_power if _of_integers(x, y) else operator.pow, x, y)
        self.save_for_backward(x, y, out if self.needs_input_grad[1] else None)
        return out

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, y, out = self.saved_tensors
        grad, x, y, out = wide(grad, x, y, out)
        need_x, need_y = self.needs_input_grad
        grad_x = _power_grad_of_base(grad, x, y) if need_x else None
        return grad_x, _power_grad_of_exponent(grad, x, y, out) if need_y else None


def _power_grad_of_base(grad: Tensor, x: Tensor, y: Operand) -> Tensor:
    # x ** 0 is constant, even at 0, where y * x ** (y - 1) would be 0 * inf
    if isinstance(y, Tensor):
        return where(y == 0, 0.0, grad * (y * x ** (y - 1)))
    return grad * (x ** (y - 1) * y) if y != 0 else zeros_like(grad)


def _power_grad_of_exponent(grad: Tensor, x: Operand, y: Tensor, out: Tensor) -> Tensor:
    if isinstance(x, Tensor):
        return grad * where((x == 0) & (y >= 0), 0.0, out * log(x))
    if x == 0:
        return grad * where(y >= 0, 0.0, out * -math.inf)
    return grad * (out * (math.log(x) if x > 0 else math.nan))


def _of_integers(x: Any, y: Any) -> bool:
    """Whether the operands, arrays of one dtype or numbers, are integers."""
    return not is_floating(x.dtype if hasattr(x, "dtype") else y.dtype)


def _library(x: Any, y: Any) -> ModuleType:
    """The array library of two operands, one of which may be a number."""
    return xp_of(y if isinstance(x, (int, float, np.generic)) else x)


def _integer_power(x: Any, y: Any) -> Array:
    """x ** y of integers, towards zero where y is negative, as in C."""
    xp = _library(x, y)
    inverse = xp.where(x == 1, 1, xp.where(x == -1, 1 - 2 * (y % 2), 0))
    return xp.where(y < 0, inverse, x ** xp.maximum(y, 0))


def _divided_down(x: Any, y: Any) -> Array:
    """The quotient rounded down; of floating-point numbers by fmod, as x / y may round up."""
    if _of_integers(x, y):
        return x // y
    xp = _library(x, y)
    x, y = widened(x), widened(y)
    rest = xp.fmod(x, y)
    quotient = (x - rest) / y - _sign_differs(rest, y)
    return xp.where(y == 0, x / y, xp.rint(quotient))


def _divided_towards_zero(x: Any, y: Any) -> Array:
    if _of_integers(x, y):
        return x // y + ((x % y != 0) & ((x < 0) != (y < 0)))
    return _library(x, y).trunc(widened(x) / widened(y))


def _remainder(x: Any, y: Any) -> Array:
    """The rest of the division rounded down, which has the sign of y."""
    if _of_integers(x, y):
        return x % y
    xp = _library(x, y)
    x, y = widened(x), widened(y)
    rest = xp.fmod(x, y)
    return xp.where(_sign_differs(rest, y), rest + y, rest)


def _sign_differs(rest: Any, y: Any) -> Any:
    return (rest != 0) & ((rest < 0) != (y < 0))


def _whole(function: Callable[[Any, Any], Array], x: Any, y: Any) -> Array:
    """The result of a division with a rest.

    Raises:
        RuntimeError: if integers are divided by 0; on a GPU, as in torch, they are not looked at.
    """
    try:
        with np.errstate(divide="raise" if _of_integers(x, y) else "ignore"):
            return computed(function, x, y)
    except FloatingPointError:
        raise RuntimeError("integers cannot be divided by 0 (ZeroDivisionError)") from None


class DivRounded(Function):
    """x / y, rounded down ("floor") or towards zero ("trunc")."""

    def forward(self, x: Array | float, y: Array | float, mode: str) -> Array:
        return _whole(_divided_down if mode == "floor" else _divided_towards_zero, x, y)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        return zeros_like(grad), zeros_like(grad)


class Remainder(Function):
    def forward(self, x: Array | float, y: Array | float) -> Array:
        need_y = self.needs_input_grad[1]
        self.save_for_backward(x if need_y else None, y if need_y else None)
        return _whole(_remainder, x, y)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, y = self.saved_tensors
        return grad, -grad * floor_divide(x, y) if self.needs_input_grad[1] else None


def add(x: Operand, y: Operand, *, alpha: float = 1) -> Tensor:
    """x + alpha * y.

    Raises:
        RuntimeError: for a floating-point alpha of integers.
    """
    if alpha is not True and alpha == 1:
        return Add.apply(*promote("add", x, y))
    return _add_multiple("add", x, y, alpha)


def sub(x: Operand, y: Operand, *, alpha: float = 1) -> Tensor:
    """x - alpha * y.

    Raises:
        RuntimeError: for bool operands, and for a floating-point alpha of integers.
    """
    if _is_bool(x) or _is_bool(y):
        raise RuntimeError("sub expects numbers, got bool: use logical_xor, or ~x to invert a mask")
    if alpha == 1:
        return Sub.apply(*promote("sub", x, y))
    return _add_multiple("sub", x, y, -alpha)


def _add_multiple(name: str, x: Operand, y: Operand, alpha: float) -> Tensor:
    x, y = promote(name, x, y)
    dtype = x.dtype if isinstance(x, Tensor) else y.dtype  # type: ignore[union-attr]
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


def _refuse_bool(name: str, x: Tensor) -> None:
    if x.array.dtype == bool_:
        raise RuntimeError(f"{name} expects numbers, got a bool tensor")


def mul(x: Operand, y: Operand) -> Tensor:
    """x * y."""
    return Mul.apply(*promote("mul", x, y))


def div(x: Operand, y: Operand, *, rounding_mode: str | None = None) -> Tensor:
    """x / y in floating point; ``rounding_mode`` "floor" rounds down, "trunc" towards zero.

    Raises:
        ValueError: for another ``rounding_mode``.
        RuntimeError: if integers are divided by 0 with a ``rounding_mode``.
    """
    if rounding_mode not in (None, "floor", "trunc"):
        raise ValueError(f"rounding_mode must be None, 'floor' or 'trunc', got {rounding_mode!r}")
    if rounding_mode is None:
        if not (_is_floating(x) or _is_floating(y)):
            # in float32 each, before one integer is brought to the range of the other
            x, y = (to_float(v) if isinstance(v, Tensor) else float(v) for v in (x, y))
        return Div.apply(*promote("div", x, y))
    return DivRounded.apply(*_numbers("div", x, y), mode=rounding_mode)


def _numbers(name: str, x: Operand, y: Operand) -> tuple[Any, ...]:
    """The operands in one dtype that is not bool."""
    operands = promote(name, x, y)
    for operand in operands:
        if isinstance(operand, Tensor):
            _refuse_bool(name, operand)
    return operands


def rsub(x: Operand, y: Operand) -> Tensor:
    """y - x."""
    return sub(y, x)


def rdiv(x: Operand, y: Operand) -> Tensor:
    """y / x."""
    return div(y, x)


@in_float32
def pow(x: Operand, exponent: Operand) -> Tensor:
    """x ** exponent.

    Raises:
        RuntimeError: for bool operands, and for a negative number as exponent of integers.
    """
    _require_tensor("pow", x, exponent)
    base, power = _numbers("pow", x, exponent)
    if not isinstance(exponent, Tensor):
        _check_exponent(exponent, base.dtype)
    return Pow.apply(base, power)


def _check_exponent(exponent: float, dtype: np.dtype) -> None:
    if dtype.itemsize == 2 or not is_floating(dtype):
        fitting("pow", exponent, dtype)
    if exponent < 0 and not is_floating(dtype):
        raise RuntimeError(f"pow of {dtype} expects an exponent of at least 0, got {exponent}")


def _require_tensor(name: str, x: Operand, y: Operand) -> None:
    if not isinstance(x, Tensor) and not isinstance(y, Tensor):
        raise TypeError(f"{name} expects a tensor, got two numbers, {x} and {y}")


def rpow(x: Operand, base: Operand) -> Tensor:
    """base ** x."""
    return pow(base, x)


def floor_divide(x: Operand, y: Operand) -> Tensor:
    """x / y rounded down.

    Raises:
        RuntimeError: if integers are divided by 0.
    """
    return DivRounded.apply(*_numbers("floor_divide", x, y), mode="floor")


def remainder(x: Operand, y: Operand) -> Tensor:
    """x - y * floor(x / y), which has the sign of y.

    Raises:
        RuntimeError: if integers are divided by 0.
    """
    _require_tensor("remainder", x, y)
    return Remainder.apply(*_numbers("remainder", x, y))


def rfloor_divide(x: Operand, y: Operand) -> Tensor:
    """y / x rounded down."""
    return floor_divide(y, x)


def rremainder(x: Operand, y: Operand) -> Tensor:
    """The remainder of y / x."""
    return remainder(y, x)


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
        grad, out = wide(grad, *self.saved_tensors)
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
        grad, x = wide(grad, *self.saved_tensors)
        return grad / (x + 1.0)


class Sqrt(Function):
    def forward(self, x: Array) -> Array:
        out = xp_of(x).sqrt(x)
        self.save_for_backward(out)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        grad, out = wide(grad, *self.saved_tensors)
        return grad / (out * 2.0)


class Rsqrt(Function):
    def forward(self, x: Array) -> Array:
        out = (1.0 / xp_of(x).sqrt(widened(x))).astype(x.dtype, copy=False)
        self.save_for_backward(out)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        grad, out = wide(grad, *self.saved_tensors)
        return (grad * -0.5) * (out * out * out)


class Reciprocal(Function):
    def forward(self, x: Array) -> Array:
        out = (1.0 / widened(x)).astype(x.dtype, copy=False)
        self.save_for_backward(out)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        grad, out = wide(grad, *self.saved_tensors)
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
        grad, out = wide(grad, *self.saved_tensors)
        return grad * (1.0 - out * out)


class Sigmoid(Function):
    def forward(self, x: Array) -> Array:
        xp = xp_of(x)
        decay = xp.exp(-xp.abs(widened(x)))  # at most 1, so no overflow
        out = (xp.where(x >= 0, 1, decay) / (decay + 1)).astype(x.dtype, copy=False)
        self.save_for_backward(out)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        grad, out = wide(grad, *self.saved_tensors)
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


def neg(x: Tensor) -> Tensor:
    """-x."""
    _refuse_bool("neg", x)
    return Neg.apply(x)


def abs(x: Tensor) -> Tensor:
    """|x|; its gradient at 0 and at NaN is 0."""
    _refuse_bool("abs", x)
    return Abs.apply(x)


@in_float32
def exp(x: Tensor) -> Tensor:
    """e to the power of x."""
    return Exp.apply(to_float(x))


@in_float32
def expm1(x: Tensor) -> Tensor:
    """exp(x) - 1, accurate near 0."""
    return Expm1.apply(to_float(x))


@in_float32
def log(x: Tensor) -> Tensor:
    """The natural logarithm."""
    return Log.apply(to_float(x))


@in_float32
def log1p(x: Tensor) -> Tensor:
    """log(1 + x), accurate near 0."""
    return Log1p.apply(to_float(x))


def sqrt(x: Tensor) -> Tensor:
    """The square root."""
    return Sqrt.apply(to_float(x))


@in_float32
def rsqrt(x: Tensor) -> Tensor:
    """1 / sqrt(x)."""
    return Rsqrt.apply(to_float(x))


@in_float32
def reciprocal(x: Tensor) -> Tensor:
    """1 / x."""
    return Reciprocal.apply(to_float(x))


@in_float32
def square(x: Tensor) -> Tensor:
    """x * x; int64 for bool."""
    return mul(x, x) if x.dtype != bool_ else x.to(int64)


def sin(x: Tensor) -> Tensor:
    """The sine of an angle in radians."""
    return Sin.apply(to_float(x))


def cos(x: Tensor) -> Tensor:
    """The cosine of an angle in radians."""
    return Cos.apply(to_float(x))


def tanh(x: Tensor) -> Tensor:
    """The hyperbolic tangent."""
    return Tanh.apply(to_float(x))


def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + exp(-x))."""
    return Sigmoid.apply(to_float(x))


def floor(x: Tensor) -> Tensor:
    """x rounded down."""
    _refuse_bool("floor", x)
    return _Step.apply(x, name="floor")


def ceil(x: Tensor) -> Tensor:
    """x rounded up."""
    _refuse_bool("ceil", x)
    return _Step.apply(x, name="ceil")


def round(x: Tensor, *, decimals: int = 0) -> Tensor:
    """x rounded to the nearest number with so many decimals, halves to the even one.

    Args:
        x: any shape.
        decimals: digits after the point; negative ones round to tens, hundreds and so on.

    Raises:
        RuntimeError: for decimals of integers.

    As ``torch.round``.
    """
    _refuse_bool("round", x)
    if decimals == 0:
        return _Step.apply(x, name="rint")
    if not is_floating(x.dtype):
        raise RuntimeError(f"round expects floating point for decimals={decimals}, got {x.dtype}")
    return RoundDecimals.apply(x, decimals=decimals)


def trunc(x: Tensor) -> Tensor:
    """x rounded towards zero."""
    _refuse_bool("trunc", x)
    return _Step.apply(x, name="trunc")


def sign(x: Tensor) -> Tensor:
    """-1, 0 or 1; 0 for NaN."""
    return Sign.apply(x)
