"""Arithmetic and functions, element by element, with broadcasting."""

from __future__ import annotations

import operator

import numpy as np

from ..autograd import Function
from ..creation import zeros_like
from ..devices import xp_of
from ..tensor import Tensor
from ..typing import Array
from .choice import where
from .edge import in_float32
from .promotion import Operand, computed, promote, to_float, widened

# as in torch, 1 / 0 is inf and log(-1) is NaN without a warning
quiet = np.errstate(divide="ignore", invalid="ignore", over="ignore")


# ------------------------------------------------------------------------ arithmetic


class Add(Function):
    @quiet
    def forward(self, x: Array | float, y: Array | float) -> Array:
        return computed(operator.add, x, y)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        return grad, grad


class Sub(Function):
    @quiet
    def forward(self, x: Array | float, y: Array | float) -> Array:
        return computed(operator.sub, x, y)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        return grad, -grad if self.needs_input_grad[1] else None


class Mul(Function):
    @quiet
    def forward(self, x: Array | float, y: Array | float) -> Array:
        need_x, need_y = self.needs_input_grad
        self.save_for_backward(x if need_y else None, y if need_x else None)
        return computed(operator.mul, x, y)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, y = self.saved_tensors
        need_x, need_y = self.needs_input_grad
        return grad * y if need_x else None, grad * x if need_y else None


class Div(Function):
    @quiet
    def forward(self, x: Array | float, y: Array | float) -> Array:
        self.save_for_backward(x if self.needs_input_grad[1] else None, y)
        return computed(operator.truediv, x, y)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, y = self.saved_tensors
        need_x, need_y = self.needs_input_grad
        grad_x = grad / y
        return grad_x if need_x else None, -grad_x * (x / y) if need_y else None


class Pow(Function):
    @quiet
    def forward(self, x: Array | float, y: Array | float) -> Array:
        out = computed(operator.pow, x, y)
        self.save_for_backward(x, y, out if self.needs_input_grad[1] else None)
        return out

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, y, out = self.saved_tensors
        grad_x = grad_y = None
        if self.needs_input_grad[0]:
            # x ** 0 is constant, even at 0, where y * x ** (y - 1) would be 0 * inf
            if isinstance(y, Tensor):
                grad_x = grad * where(y == 0, 0.0, y * x ** (y - 1))
            else:
                grad_x = grad * (x ** (y - 1) * y) if y != 0 else grad * 0.0
        if self.needs_input_grad[1]:
            base = x if isinstance(x, Tensor) else grad * 0.0 + x
            grad_y = grad * where((base == 0) & (y >= 0), 0.0, out * log(base))
        return grad_x, grad_y


def add(x: Operand, y: Operand, *, alpha: float = 1) -> Tensor:
    """x + alpha * y."""
    if alpha != 1:
        y = mul(y, alpha) if isinstance(y, Tensor) else y * alpha
    return Add.apply(*promote("add", x, y))


def sub(x: Operand, y: Operand, *, alpha: float = 1) -> Tensor:
    """x - alpha * y."""
    if alpha != 1:
        y = mul(y, alpha) if isinstance(y, Tensor) else y * alpha
    return Sub.apply(*promote("sub", x, y))


def mul(x: Operand, y: Operand) -> Tensor:
    """x * y."""
    return Mul.apply(*promote("mul", x, y))


def div(x: Operand, y: Operand, *, rounding_mode: str | None = None) -> Tensor:
    """x / y in floating point; ``rounding_mode`` "floor" rounds down, "trunc" towards zero."""
    if rounding_mode not in (None, "floor", "trunc"):
        raise ValueError(f"rounding_mode must be None, 'floor' or 'trunc', got {rounding_mode!r}")
    if rounding_mode is None:
        x, y = (to_float(v) if isinstance(v, Tensor) else v for v in promote("div", x, y))
        return Div.apply(x, y)
    if rounding_mode == "floor":
        return floor_divide(x, y)
    a, b = promote("div", x, y)
    return trunc(div(a, b)).to(a.dtype if isinstance(a, Tensor) else b.dtype)


def rsub(x: Operand, y: Operand) -> Tensor:
    """y - x."""
    return sub(y, x)


def rdiv(x: Operand, y: Operand) -> Tensor:
    """y / x."""
    return div(y, x)


@in_float32
def pow(x: Operand, exponent: Operand) -> Tensor:
    """x ** exponent."""
    return Pow.apply(*promote("pow", x, exponent))


def rpow(x: Operand, base: Operand) -> Tensor:
    """base ** x."""
    return pow(base, x)


class FloorDivide(Function):
    @quiet
    def forward(self, x: Array | float, y: Array | float) -> Array:
        return computed(operator.floordiv, x, y)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        return zeros_like(grad), zeros_like(grad)


def floor_divide(x: Operand, y: Operand) -> Tensor:
    """x / y rounded down."""
    return FloorDivide.apply(*promote("floor_divide", x, y))


def remainder(x: Operand, y: Operand) -> Tensor:
    """x - y * floor(x / y), which has the sign of y."""
    x, y = promote("remainder", x, y)
    return x - floor_divide(x, y) * y


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
    @quiet
    def forward(self, x: Array) -> Array:
        out = xp_of(x).exp(x)
        self.save_for_backward(out)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        (out,) = self.saved_tensors
        return grad * out


class Expm1(Function):
    @quiet
    def forward(self, x: Array) -> Array:
        out = xp_of(x).expm1(x)
        self.save_for_backward(out)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        (out,) = self.saved_tensors
        return grad * (out + 1.0)


class Log(Function):
    @quiet
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        return xp_of(x).log(x)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.saved_tensors
        return grad / x


class Log1p(Function):
    @quiet
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        return xp_of(x).log1p(x)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.saved_tensors
        return grad / (x + 1.0)


class Sqrt(Function):
    @quiet
    def forward(self, x: Array) -> Array:
        out = xp_of(x).sqrt(x)
        self.save_for_backward(out)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        (out,) = self.saved_tensors
        return grad / (out * 2.0)


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
        (out,) = self.saved_tensors
        return grad * (1.0 - out * out)


class Sigmoid(Function):
    def forward(self, x: Array) -> Array:
        xp = xp_of(x)
        decay = xp.exp(-xp.abs(widened(x)))  # at most 1, so no overflow
        out = (xp.where(x >= 0, 1, decay) / (decay + 1)).astype(x.dtype, copy=False)
        self.save_for_backward(out)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        (out,) = self.saved_tensors
        return grad * (out * (1.0 - out))


class _Step(Function):
    """Piecewise constant functions: floor, ceil, round, trunc, sign."""

    def forward(self, x: Array, name: str) -> Array:
        # NumPy's rint (before 2.1 also floor, ceil and trunc) turns integers into float64
        return getattr(xp_of(x), name)(x).astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> Tensor:
        return zeros_like(grad)  # not grad * 0, which is NaN for an infinite gradient


def neg(x: Tensor) -> Tensor:
    """-x."""
    return Neg.apply(x)


def abs(x: Tensor) -> Tensor:
    """|x|; its gradient at 0 is 0."""
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
    return pow(to_float(x), -0.5)


@in_float32
def reciprocal(x: Tensor) -> Tensor:
    """1 / x."""
    return div(1.0, to_float(x))


@in_float32
def square(x: Tensor) -> Tensor:
    """x * x."""
    return mul(x, x)


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
    return _Step.apply(x, name="floor")


def ceil(x: Tensor) -> Tensor:
    """x rounded up."""
    return _Step.apply(x, name="ceil")


def round(x: Tensor) -> Tensor:
    """x rounded to the nearest integer, halves to the even one."""
    return _Step.apply(x, name="rint")


def trunc(x: Tensor) -> Tensor:
    """x rounded towards zero."""
    return _Step.apply(x, name="trunc")


def sign(x: Tensor) -> Tensor:
    """-1, 0 or 1."""
    return _Step.apply(x, name="sign")
