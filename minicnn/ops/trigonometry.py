"""Trigonometric and hyperbolic functions, and their inverses."""

from __future__ import annotations

import math

from ..autograd import Function
from ..devices import xp_of
from ..no_tensor import takes_tensors
from ..tensor import Tensor
from ..typing import Array
from .choice import where
from .edge import in_float32
from .elementwise import cos, mul, rsqrt, sin
from .promotion import promote, require_tensors, to_float, widen, widened


class Tan(Function):
    def forward(self, x: Array) -> Array:
        out = xp_of(x).tan(x)
        self.save_for_backward(out)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        grad, out = widen(grad, *self.saved_tensors)
        return grad * (1.0 + out * out)


class Sinh(Function):
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        return xp_of(x).sinh(x)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.saved_tensors
        return grad * cosh(x)


class Cosh(Function):
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        return xp_of(x).cosh(x)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.saved_tensors
        return grad * sinh(x)


class Asin(Function):
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        return xp_of(x).arcsin(x)

    def backward(self, grad: Tensor) -> Tensor:
        grad, x = widen(grad, *self.saved_tensors)
        return grad * rsqrt(1.0 - x * x)


class Acos(Function):
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        return xp_of(x).arccos(x)

    def backward(self, grad: Tensor) -> Tensor:
        grad, x = widen(grad, *self.saved_tensors)
        return -grad * rsqrt(1.0 - x * x)


class Atan(Function):
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        return xp_of(x).arctan(x)

    def backward(self, grad: Tensor) -> Tensor:
        grad, x = widen(grad, *self.saved_tensors)
        return grad / (x * x + 1.0)


class Asinh(Function):
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        return xp_of(x).arcsinh(x)

    def backward(self, grad: Tensor) -> Tensor:
        grad, x = widen(grad, *self.saved_tensors)
        return grad * rsqrt(x * x + 1.0)


class Acosh(Function):
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        return xp_of(x).arccosh(x)

    def backward(self, grad: Tensor) -> Tensor:
        grad, x = widen(grad, *self.saved_tensors)
        return grad * rsqrt(x * x - 1.0)


class Atanh(Function):
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        return xp_of(x).arctanh(x)

    def backward(self, grad: Tensor) -> Tensor:
        grad, x = widen(grad, *self.saved_tensors)
        return grad / (1.0 - x * x)


class Atan2(Function):
    def forward(self, y: Array, x: Array) -> Array:
        self.save_for_backward(y, x)
        return xp_of(y).arctan2(y, x)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        grad, y, x = widen(grad, *self.saved_tensors)
        need_y, need_x = self.needs_input_grad
        square = y * y + x * x
        slope = grad / where(square == 0, math.inf, square)  # 0 at the origin
        return slope * x if need_y else None, -slope * y if need_x else None


class Hypot(Function):
    def forward(self, x: Array, y: Array) -> Array:
        out = xp_of(x).hypot(widened(x), widened(y)).astype(x.dtype, copy=False)
        self.save_for_backward(x, y, out)
        return out

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        grad, x, y, out = widen(grad, *self.saved_tensors)
        need_x, need_y = self.needs_input_grad
        return grad * (x / out) if need_x else None, grad * (y / out) if need_y else None


class Sinc(Function):
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        xp, angle = xp_of(x), widened(x) * math.pi
        return xp.where(x == 0, 1, xp.sin(angle) / angle).astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> Tensor:
        grad, x = widen(grad, *self.saved_tensors)
        angle = mul(x, math.pi)
        square = angle * x
        slope = (angle * cos(angle) - sin(angle)) / square
        return where(square == 0, 0.0, grad * slope)


@in_float32
def tan(input: Tensor) -> Tensor:
    """The tangent of an angle in radians."""
    return Tan.apply(to_float(input))


@in_float32
def sinh(input: Tensor) -> Tensor:
    """The hyperbolic sine."""
    return Sinh.apply(to_float(input))


@in_float32
def cosh(input: Tensor) -> Tensor:
    """The hyperbolic cosine."""
    return Cosh.apply(to_float(input))


@in_float32
def asin(input: Tensor) -> Tensor:
    """The angle in [-pi/2, pi/2] with this sine; NaN outside [-1, 1]."""
    return Asin.apply(to_float(input))


@in_float32
def acos(input: Tensor) -> Tensor:
    """The angle in [0, pi] with this cosine; NaN outside [-1, 1]."""
    return Acos.apply(to_float(input))


def atan(input: Tensor) -> Tensor:
    """The angle in (-pi/2, pi/2) with this tangent."""
    return Atan.apply(to_float(input))


def asinh(input: Tensor) -> Tensor:
    """The number with this hyperbolic sine."""
    return Asinh.apply(to_float(input))


def acosh(input: Tensor) -> Tensor:
    """The number of at least 0 with this hyperbolic cosine; NaN below 1."""
    return Acosh.apply(to_float(input))


def atanh(input: Tensor) -> Tensor:
    """The number with this hyperbolic tangent; NaN outside [-1, 1]."""
    return Atanh.apply(to_float(input))


def atan2(input: Tensor, other: Tensor) -> Tensor:
    """The angle in (-pi, pi] of the point (``other``, ``input``), seen from the origin."""
    require_tensors("atan2", input, other)
    return Atan2.apply(*map(to_float, promote("atan2", input, other)))


def hypot(input: Tensor, other: Tensor) -> Tensor:
    """sqrt(input^2 + other^2), without overflow in between.

    Raises:
        NotImplementedError: for integers.
    """
    require_tensors("hypot", input, other)
    x, y = promote("hypot", input, other)
    if x.array.dtype.kind in "biu":
        raise NotImplementedError(f"hypot expects floating-point numbers, got {x.dtype}")
    return Hypot.apply(x, y)


@takes_tensors
def sinc(input: Tensor) -> Tensor:
    """sin(pi input) / (pi input), and 1 at 0."""
    return Sinc.apply(to_float(input))


def deg2rad(input: Tensor) -> Tensor:
    """Degrees as radians."""
    return mul(to_float(input), math.pi / 180)


def rad2deg(input: Tensor) -> Tensor:
    """Radians as degrees."""
    return mul(to_float(input), 180 / math.pi)


# torch's longer names
arcsin, arccos, arctan, arctan2 = asin, acos, atan, atan2
arcsinh, arccosh, arctanh = asinh, acosh, atanh
