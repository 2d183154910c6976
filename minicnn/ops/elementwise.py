"""Arithmetic and functions of one element at a time, with broadcasting."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Function
from ..creation import zeros_like
from ..device import xp_of
from ..dtypes import bool_, float32, int64
from ..tensor import Tensor
from .comparison import gt, lt
from .promotion import Operand, check_broadcast, promote, to_float

# as in torch, 1 / 0 is inf and log(-1) is NaN without a word
quiet = np.errstate(divide="ignore", invalid="ignore", over="ignore")


# ------------------------------------------------------------------------ arithmetic


class Add(Function):
    @quiet
    def forward(self, x: Any, y: Any) -> Any:
        return x + y

    def backward(self, grad: Tensor) -> Any:
        return grad, grad


class Sub(Function):
    @quiet
    def forward(self, x: Any, y: Any) -> Any:
        return x - y

    def backward(self, grad: Tensor) -> Any:
        return grad, -grad if self.needs_input_grad[1] else None


class Mul(Function):
    @quiet
    def forward(self, x: Any, y: Any) -> Any:
        need_x, need_y = self.needs_input_grad
        self.save_for_backward(x if need_y else None, y if need_x else None)
        return x * y

    def backward(self, grad: Tensor) -> Any:
        x, y = self.saved_tensors
        need_x, need_y = self.needs_input_grad
        return grad * y if need_x else None, grad * x if need_y else None


class Div(Function):
    @quiet
    def forward(self, x: Any, y: Any) -> Any:
        self.save_for_backward(x if self.needs_input_grad[1] else None, y)
        return x / y

    def backward(self, grad: Tensor) -> Any:
        x, y = self.saved_tensors
        need_x, need_y = self.needs_input_grad
        grad_x = grad / y
        return grad_x if need_x else None, -grad_x * (x / y) if need_y else None


class Pow(Function):
    @quiet
    def forward(self, x: Any, y: Any) -> Any:
        out = x**y
        self.save_for_backward(x, y, out if self.needs_input_grad[1] else None)
        return out

    def backward(self, grad: Tensor) -> Any:
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
        y = mul(y, alpha)
    return Add.apply(*promote("add", x, y))


def sub(x: Operand, y: Operand, *, alpha: float = 1) -> Tensor:
    """x - alpha * y."""
    if alpha != 1:
        y = mul(y, alpha)
    return Sub.apply(*promote("sub", x, y))


def mul(x: Operand, y: Operand) -> Tensor:
    """x * y."""
    return Mul.apply(*promote("mul", x, y))


def div(x: Operand, y: Operand, *, rounding_mode: str | None = None) -> Tensor:
    """x / y, in floating point; rounded down (``"floor"``) or towards zero (``"trunc"``) on request."""
    if rounding_mode not in (None, "floor", "trunc"):
        raise ValueError(f"rounding_mode must be None, 'floor' or 'trunc', got {rounding_mode!r}")
    if rounding_mode is None:
        x, y = (to_float(v) if isinstance(v, Tensor) else v for v in promote("div", x, y))
        return Div.apply(x, y)
    if rounding_mode == "floor":
        return floor_divide(x, y)
    x, y = promote("div", x, y)
    return trunc(div(x, y)).to(x.dtype if isinstance(x, Tensor) else y.dtype)


def rsub(x: Operand, y: Operand) -> Tensor:
    """y - x."""
    return sub(y, x)


def rdiv(x: Operand, y: Operand) -> Tensor:
    """y / x."""
    return div(y, x)


def pow(x: Operand, exponent: Operand) -> Tensor:
    """x ** exponent."""
    return Pow.apply(*promote("pow", x, exponent))


def rpow(x: Operand, base: Operand) -> Tensor:
    """base ** x."""
    return pow(base, x)


class FloorDivide(Function):
    @quiet
    def forward(self, x: Any, y: Any) -> Any:
        return x // y

    def backward(self, grad: Tensor) -> Any:
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
    def forward(self, x: Any) -> Any:
        return -x

    def backward(self, grad: Tensor) -> Any:
        return -grad


class Abs(Function):
    def forward(self, x: Any) -> Any:
        self.save_for_backward(x)
        return abs_array(x)

    def backward(self, grad: Tensor) -> Any:
        (x,) = self.saved_tensors
        return grad * sign(x)


class Exp(Function):
    @quiet
    def forward(self, x: Any) -> Any:
        out = xp_of(x).exp(x)
        self.save_for_backward(out)
        return out

    def backward(self, grad: Tensor) -> Any:
        (out,) = self.saved_tensors
        return grad * out


class Expm1(Function):
    @quiet
    def forward(self, x: Any) -> Any:
        out = xp_of(x).expm1(x)
        self.save_for_backward(out)
        return out

    def backward(self, grad: Tensor) -> Any:
        (out,) = self.saved_tensors
        return grad * (out + 1.0)


class Log(Function):
    @quiet
    def forward(self, x: Any) -> Any:
        self.save_for_backward(x)
        return xp_of(x).log(x)

    def backward(self, grad: Tensor) -> Any:
        (x,) = self.saved_tensors
        return grad / x


class Log1p(Function):
    @quiet
    def forward(self, x: Any) -> Any:
        self.save_for_backward(x)
        return xp_of(x).log1p(x)

    def backward(self, grad: Tensor) -> Any:
        (x,) = self.saved_tensors
        return grad / (x + 1.0)


class Sqrt(Function):
    @quiet
    def forward(self, x: Any) -> Any:
        out = xp_of(x).sqrt(x)
        self.save_for_backward(out)
        return out

    def backward(self, grad: Tensor) -> Any:
        (out,) = self.saved_tensors
        return grad / (out * 2.0)


class Sin(Function):
    def forward(self, x: Any) -> Any:
        self.save_for_backward(x)
        return xp_of(x).sin(x)

    def backward(self, grad: Tensor) -> Any:
        (x,) = self.saved_tensors
        return grad * cos(x)


class Cos(Function):
    def forward(self, x: Any) -> Any:
        self.save_for_backward(x)
        return xp_of(x).cos(x)

    def backward(self, grad: Tensor) -> Any:
        (x,) = self.saved_tensors
        return -grad * sin(x)


class Tanh(Function):
    def forward(self, x: Any) -> Any:
        out = xp_of(x).tanh(x)
        self.save_for_backward(out)
        return out

    def backward(self, grad: Tensor) -> Any:
        (out,) = self.saved_tensors
        return grad * (1.0 - out * out)


class Sigmoid(Function):
    def forward(self, x: Any) -> Any:
        xp = xp_of(x)
        decay = xp.exp(-xp.abs(x))  # which never overflows
        out = xp.where(x >= 0, 1, decay) / (decay + 1)
        self.save_for_backward(out)
        return out

    def backward(self, grad: Tensor) -> Any:
        (out,) = self.saved_tensors
        return grad * (out * (1.0 - out))


class _Step(Function):
    """Piecewise constant functions: floor, ceil, round, trunc, sign."""

    def forward(self, x: Any, name: str) -> Any:
        # NumPy's rint and, before 2.1, floor and its like turn integers into float64
        return getattr(xp_of(x), name)(x).astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> Any:
        return zeros_like(grad)  # even of an infinite gradient, whose product with 0 is NaN


def abs_array(x: Any) -> Any:
    """The absolute values of an array (``abs`` names the operation on tensors in this file)."""
    return xp_of(x).abs(x)


def neg(x: Tensor) -> Tensor:
    """-x."""
    return Neg.apply(x)


def abs(x: Tensor) -> Tensor:
    """|x|; its gradient at 0 is 0."""
    return Abs.apply(x)


def exp(x: Tensor) -> Tensor:
    """e to the power of x."""
    return Exp.apply(to_float(x))


def expm1(x: Tensor) -> Tensor:
    """exp(x) - 1, accurate near 0."""
    return Expm1.apply(to_float(x))


def log(x: Tensor) -> Tensor:
    """The natural logarithm."""
    return Log.apply(to_float(x))


def log1p(x: Tensor) -> Tensor:
    """log(1 + x), accurate near 0."""
    return Log1p.apply(to_float(x))


def sqrt(x: Tensor) -> Tensor:
    """The square root."""
    return Sqrt.apply(to_float(x))


def rsqrt(x: Tensor) -> Tensor:
    """1 / sqrt(x)."""
    return pow(to_float(x), -0.5)


def reciprocal(x: Tensor) -> Tensor:
    """1 / x."""
    return div(1.0, x)


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


# ------------------------------------------------------------------------ choices


class Where(Function):
    def forward(self, condition: Any, x: Any, y: Any) -> Any:
        self.save_for_backward(condition)
        return xp_of(condition).where(condition, x, y)

    def backward(self, grad: Tensor) -> Any:
        (condition,) = self.saved_tensors
        _, need_x, need_y = self.needs_input_grad
        return (
            None,
            where(condition, grad, 0.0) if need_x else None,
            where(condition, 0.0, grad) if need_y else None,
        )


class Clamp(Function):
    def forward(self, x: Any, low: float | None, high: float | None) -> Any:
        self.save_for_backward(x)
        self.limits = low, high
        return xp_of(x).clip(x, low, high)

    def backward(self, grad: Tensor) -> Any:
        (x,) = self.saved_tensors
        low, high = self.limits
        inside = ones_mask(x)
        if low is not None:
            inside = inside & (x >= low)
        if high is not None:
            inside = inside & (x <= high)
        return grad * inside


class _Extremum(Function):
    """The larger or smaller of two; where they are equal each gets half of the gradient."""

    def forward(self, x: Any, y: Any, largest: bool) -> Any:
        self.save_for_backward(x, y)
        self.largest = largest
        return (xp_of(x).maximum if largest else xp_of(x).minimum)(x, y)

    def backward(self, grad: Tensor) -> Any:
        x, y = self.saved_tensors
        wins = (x > y) if self.largest else (x < y)
        share = wins.to(grad.dtype) + (x == y).to(grad.dtype) * 0.5
        return grad * share, grad * (1.0 - share)


def ones_mask(x: Tensor) -> Tensor:
    """True everywhere, in the shape of ``x``."""
    return Tensor(xp_of(x.array).ones(x.shape, bool))


def where(condition: Tensor, x: Operand, y: Operand) -> Tensor:
    """x where ``condition`` is true, else y."""
    if condition.dtype != bool_:
        raise RuntimeError(f"where expects a bool condition, got {condition.dtype}")
    if isinstance(x, Tensor) or isinstance(y, Tensor):
        x, y = promote("where", x, y)
        check_broadcast("where", [v for v in (condition, x, y) if isinstance(v, Tensor)])
        # a number next to a tensor without dimensions is to take that tensor's dtype, too
        dtype = x.dtype if isinstance(x, Tensor) else y.dtype
    else:
        kinds = {type(x), type(y)}
        dtype = float32 if float in kinds else int64 if int in kinds else bool_
    xp = xp_of(condition.array)
    x, y = (v if isinstance(v, Tensor) else Tensor(xp.asarray(v, dtype)) for v in (x, y))
    return Where.apply(condition, x, y)


def masked_fill(x: Tensor, mask: Tensor, value: Operand) -> Tensor:
    """``value`` where ``mask`` is true, else x."""
    return where(mask, value, x)


def clamp(x: Tensor, min: Operand | None = None, max: Operand | None = None) -> Tensor:
    """x limited to [min, max]; the gradient at the limits is 1."""
    if min is None and max is None:
        raise ValueError("clamp expects min, max or both, got neither")
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        # so and not the other way round, because NaN is neither and stays
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
