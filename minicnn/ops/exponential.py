"""Powers, exponentials and logarithms beyond those of ``elementwise``."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..autograd import Function
from ..devices import xp_of
from ..dtypes import float64, is_floating
from ..no_tensor import takes_tensors
from ..tensor import Tensor
from ..typing import Array
from .choice import where
from .edge import in_float32
from .elementwise import exp, log, log1p, mul, pow
from .promotion import (
    Operand,
    promote,
    refuse_integers,
    require_tensor,
    require_tensors,
    to_float,
    widen,
    widened,
)
from .results import returned


class Exp2(Function):
    def forward(self, x: Array) -> Array:
        out = xp_of(x).exp2(widened(x)).astype(x.dtype, copy=False)
        self.save_for_backward(out)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        grad, out = widen(grad, *self.saved_tensors)
        return grad * out * math.log(2)


class Log2(Function):
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        return xp_of(x).log2(x)

    def backward(self, grad: Tensor) -> Tensor:
        grad, x = widen(grad, *self.saved_tensors)
        return grad / (x * math.log(2))


class Log10(Function):
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        return xp_of(x).log10(x)

    def backward(self, grad: Tensor) -> Tensor:
        grad, x = widen(grad, *self.saved_tensors)
        return grad / (x * math.log(10))


class LogAddExp(Function):
    """log(base^x + base^y) to the ``base`` e or 2."""

    def forward(self, x: Array, y: Array, base: float) -> Array:
        self.save_for_backward(x, y)
        self.base, xp = base, xp_of(x)
        add = xp.logaddexp2 if base == 2 else xp.logaddexp
        return add(widened(x), widened(y)).astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        grad, x, y = widen(grad, *self.saved_tensors)
        need_x, need_y = self.needs_input_grad
        power = exp if self.base != 2 else exp2
        return (
            grad / (power(y - x) + 1.0) if need_x else None,
            grad / (power(x - y) + 1.0) if need_y else None,
        )


class Logit(Function):
    def forward(self, x: Array, eps: float | None) -> Array:
        self.save_for_backward(x)
        self.eps = eps
        xp, wide = xp_of(x), widened(x)
        if eps is not None:
            wide = xp.minimum(xp.maximum(wide, eps), 1 - eps)
        return xp.log(wide / (1 - wide)).astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> Tensor:
        grad, x = widen(grad, *self.saved_tensors)
        low = 0.0 if self.eps is None else self.eps
        slope = grad / (x * (1.0 - x))
        outside = math.nan if self.eps is None else 0.0
        return where((x < low) | (x > 1 - low), outside, slope)


class XLogY(Function):
    """x * log(y), or with ``plus_one`` x * log(1 + y); 0 where x is 0, unless y is NaN."""

    def forward(self, x: Any, y: Any, plus_one: bool) -> Array:
        self.save_for_backward(x, y)
        self.plus_one = plus_one
        array = x if hasattr(x, "dtype") else y
        xp = xp_of(array)
        wide_x, wide_y = widened(x), xp.asarray(widened(y), dtype=widened(array).dtype)
        product = wide_x * (xp.log1p(wide_y) if plus_one else xp.log(wide_y))
        zero = (wide_x == 0) & ~xp.isnan(wide_y)
        return xp.where(zero, 0, product).astype(array.dtype, copy=False)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        grad, x, y = widen(grad, *self.saved_tensors)
        need_x, need_y = self.needs_input_grad
        grad_x = grad_y = None
        limit = -1 if self.plus_one else 0
        if need_x:
            if isinstance(y, Tensor):
                slope = log1p(y) if self.plus_one else log(y)
                grad_x = where((x == 0) & (y <= limit), 0.0, grad * slope)
            else:
                number = _log_of_number(y + 1.0 if self.plus_one else y)
                grad_x = where(x == 0, 0.0, grad * number) if y <= limit else grad * number
        if need_y:
            grad_y = grad * (x / (y + 1.0) if self.plus_one else x / y)
        return grad_x, grad_y


def _log_of_number(y: float) -> float:
    return math.log(y) if y > 0 else -math.inf if y == 0 else math.nan


class FrExp(Function):
    def forward(self, x: Array) -> tuple[Array, Array]:
        mantissa, exponent = xp_of(x).frexp(widened(x))
        exponent = exponent.astype(np.int32, copy=False)
        self.save_for_backward(exponent)
        return mantissa.astype(x.dtype, copy=False), exponent

    def backward(self, grad: Tensor, _: None) -> Tensor:
        (exponent,) = self.saved_tensors
        return grad / exp2(exponent)


class MantissaExponent(NamedTuple):
    """The result of :func:`frexp`."""

    mantissa: Tensor
    exponent: Tensor


@takes_tensors
def exp2(input: Tensor) -> Tensor:
    """2 to the power of ``input``."""
    return Exp2.apply(to_float(input))


@in_float32
def log2(input: Tensor) -> Tensor:
    """The logarithm to base 2."""
    return Log2.apply(to_float(input))


@in_float32
def log10(input: Tensor) -> Tensor:
    """The logarithm to base 10."""
    return Log10.apply(to_float(input))


def logaddexp(input: Tensor, other: Tensor) -> Tensor:
    """log(exp(input) + exp(other)), without overflow."""
    return _log_add("logaddexp", input, other, math.e)


def logaddexp2(input: Tensor, other: Tensor) -> Tensor:
    """log2(2^input + 2^other), without overflow."""
    return _log_add("logaddexp2", input, other, 2)


def _log_add(name: str, x: Tensor, y: Tensor, base: float) -> Tensor:
    require_tensors(name, x, y)
    x, y = promote(name, x, y)
    refuse_integers(name, x)
    return LogAddExp.apply(x, y, base=base)


@takes_tensors
def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """log(input / (1 - input)), the inverse of the sigmoid.

    Args:
        input: probabilities; outside [0, 1] the result is NaN.
        eps: if given, ``input`` is limited to [eps, 1 - eps] first.

    As ``torch.logit``.
    """
    return Logit.apply(to_float(input), eps=None if eps is None else float(eps))


def xlogy(input: Operand, other: Operand) -> Tensor:
    """input * log(other), and 0 where ``input`` is 0, unless ``other`` is NaN."""
    require_tensor("xlogy", input, other)
    return XLogY.apply(*_in_floats("xlogy", input, other), plus_one=False)


def xlog1py(input: Operand, other: Operand) -> Tensor:
    """input * log(1 + other), and 0 where ``input`` is 0, unless ``other`` is NaN."""
    require_tensor("xlog1py", input, other)
    return XLogY.apply(*_in_floats("xlog1py", input, other), plus_one=True)


def _in_floats(name: str, x: Operand, y: Operand) -> list[Operand]:
    return [to_float(v) if isinstance(v, Tensor) else float(v) for v in promote(name, x, y)]


def ldexp(input: Tensor, other: Tensor) -> Tensor:
    """input * 2^other."""
    require_tensors("ldexp", input, other)
    return mul(input, pow(2.0, other))


def frexp(input: Tensor) -> MantissaExponent:
    """(mantissa, exponent) with input = mantissa * 2^exponent and 0.5 <= |mantissa| < 1.

    Raises:
        RuntimeError: for integers.
    """
    if not is_floating(input.array.dtype):
        raise RuntimeError(f"frexp expects floating-point numbers, got {input.dtype}")
    return returned("frexp", MantissaExponent(*FrExp.apply(input)))


def float_power(input: Operand, exponent: Operand) -> Tensor:
    """input ** exponent, computed in float64."""
    require_tensor("float_power", input, exponent)
    base, power = (x.to(float64) if isinstance(x, Tensor) else float(x) for x in (input, exponent))
    return pow(base, power)


def float_power_of_double(input: Tensor, exponent: Operand) -> Tensor:
    """:func:`float_power` of a float64 tensor, which alone can take the result in place."""
    if input.array.dtype != float64:
        raise RuntimeError(f"float_power_ expects a float64 tensor, got {input.dtype}")
    return float_power(input, exponent)
