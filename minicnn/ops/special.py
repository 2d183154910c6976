"""Special functions: error, gamma, digamma and Bessel functions, with their gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd import Function
from ..devices import xp_of
from ..dtypes import float64
from ..no_tensor import takes_tensors
from ..tensor import Tensor
from ..typing import Array
from .approximation import bessel, gamma
from .approximation.erf import erfc as erfc_of
from .approximation.erf import erfinv as erfinv_of
from .approximation.zeta import zeta as zeta_of
from .choice import where
from .edge import in_float32
from .elementwise import exp, log, mul, neg, sign
from .promotion import Operand, promote, require_tensor, to_float, widen

_PIECE = 16384  # numbers that stay in the processor's cache with all that is computed from them


def _in_float64(function: Callable[[Array], Array], x: Array) -> Array:
    """A function of each number of an array, computed in float64."""
    if x.size <= _PIECE or not (isinstance(x, np.ndarray) and x.flags.c_contiguous):
        return function(x.astype(float64)).astype(x.dtype, copy=False)
    out = np.empty_like(x)
    source, target = x.reshape(-1), out.reshape(-1)
    for start in range(0, x.size, _PIECE):
        piece = slice(start, start + _PIECE)
        target[piece] = function(source[piece].astype(float64))
    return out


class Erfc(Function):
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        return _in_float64(erfc_of, x)

    def backward(self, grad: Tensor) -> Tensor:
        grad, x = widen(grad, *self.saved_tensors)
        return mul(grad, mul(exp(neg(mul(x, x))), -2 / math.sqrt(math.pi)))


class Erfinv(Function):
    def forward(self, x: Array) -> Array:
        out = _in_float64(erfinv_of, x)
        self.save_for_backward(out)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        grad, out = widen(grad, *self.saved_tensors)
        return mul(grad, mul(exp(mul(out, out)), math.sqrt(math.pi) / 2))


class Lgamma(Function):
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        return _in_float64(gamma.lgamma, x)

    def backward(self, grad: Tensor) -> Tensor:
        grad, x = widen(grad, *self.saved_tensors)
        return grad * digamma(x)


class Polygamma(Function):
    """The n-th derivative of digamma, which is number 0 itself."""

    def forward(self, x: Array, n: int) -> Array:
        self.save_for_backward(x)
        self.n = n
        return _in_float64(lambda x: gamma.polygamma(n, x) if n else gamma.digamma(x), x)

    def backward(self, grad: Tensor) -> Tensor:
        grad, x = widen(grad, *self.saved_tensors)
        return grad * polygamma(self.n + 1, x)


class Bessel(Function):
    """The modified Bessel function of order 0 or 1; if ``scaled``, times exp(-|x|)."""

    def forward(self, x: Array, order: int, scaled: bool) -> Array:
        def compute(x: Array) -> Array:
            out, xp = bessel.scaled_bessel(order, x), xp_of(x)
            return out if scaled else out * xp.exp(xp.abs(x))  # NaN at infinity, as torch's

        out = _in_float64(compute, x)
        self.save_for_backward(x, out)
        self.order, self.scaled = order, scaled
        return out

    def backward(self, grad: Tensor) -> Tensor:
        grad, x, out = widen(grad, *self.saved_tensors)
        other = Bessel.apply(x, order=1 - self.order, scaled=self.scaled)
        if self.order == 1:
            other = other - out / where(x == 0, 1.0, x)
        slope = other - sign(x) * out if self.scaled else other
        if self.order == 1:  # 1 / 2 at 0, and at NaN, as torch's
            slope = where(x * x > 0, slope, 0.5)
        return grad * slope


@takes_tensors
def erfc(input: Tensor) -> Tensor:
    """1 - erf(input), accurate where erf(input) is close to 1."""
    return Erfc.apply(to_float(input))


@in_float32
def erfinv(input: Tensor) -> Tensor:
    """The inverse of the error function: ±inf at ±1, NaN beyond."""
    return Erfinv.apply(to_float(input))


@takes_tensors
def lgamma(input: Tensor) -> Tensor:
    """The logarithm of |gamma(input)|."""
    return Lgamma.apply(to_float(input))


@takes_tensors
def digamma(input: Tensor) -> Tensor:
    """The derivative of :func:`lgamma`; NaN at negative integers."""
    return Polygamma.apply(to_float(input), n=0)


@takes_tensors
def polygamma(n: int, input: Tensor) -> Tensor:
    """The n-th derivative of :func:`digamma`.

    Raises:
        RuntimeError: for a negative n.
    """
    if n < 0:
        raise RuntimeError(f"polygamma expects an order of at least 0, got {n}")
    return Polygamma.apply(to_float(input), n=int(n))


def polygamma_of(input: Tensor, n: int) -> Tensor:
    """The n-th derivative of :func:`digamma`: the method ``x.polygamma(n)``."""
    return polygamma(n, input)


@takes_tensors
def mvlgamma(input: Tensor, p: int) -> Tensor:
    """The logarithm of the multivariate gamma function of dimension ``p``.

    Raises:
        RuntimeError: unless p >= 1, and all elements are above (p - 1) / 2.
    """
    input = to_float(input)
    if p < 1:
        raise RuntimeError(f"mvlgamma expects p of at least 1, got {p}")
    total = lgamma(input)
    for i in range(1, p):
        total = total + lgamma(input - i / 2)
    return total + p * (p - 1) / 4 * math.log(math.pi)


@takes_tensors
def i0(input: Tensor) -> Tensor:
    """The modified Bessel function of the first kind, of order 0."""
    return Bessel.apply(to_float(input), order=0, scaled=False)


@takes_tensors
def i0e(input: Tensor) -> Tensor:
    """exp(-|input|) * i0(input)."""
    return Bessel.apply(to_float(input), order=0, scaled=True)


@takes_tensors
def i1(input: Tensor) -> Tensor:
    """The modified Bessel function of the first kind, of order 1."""
    return Bessel.apply(to_float(input), order=1, scaled=False)


@takes_tensors
def i1e(input: Tensor) -> Tensor:
    """exp(-|input|) * i1(input)."""
    return Bessel.apply(to_float(input), order=1, scaled=True)


@takes_tensors
def ndtr(input: Tensor) -> Tensor:
    """The probability that a standard normal number is below ``input``."""
    return erfc(mul(to_float(input), -math.sqrt(0.5))) * 0.5


class Entr(Function):
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        xp = xp_of(x)
        out = xp.where(x > 0, -x * xp.log(x), xp.where(x == 0, 0, -math.inf))
        return xp.where(xp.isnan(x), x, out).astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> Tensor:
        grad, x = widen(grad, *self.saved_tensors)
        return where(x < 0, math.nan, grad * (-log(x) - 1.0))


@takes_tensors
def entr(input: Tensor) -> Tensor:
    """-input * log(input): 0 at 0, -inf below."""
    return Entr.apply(to_float(input))


class Zeta(Function):
    def forward(self, s: Any, q: Any) -> Array:
        array = s if hasattr(s, "dtype") else q
        xp = xp_of(array)
        s, q = (xp.asarray(v, dtype=float64) for v in (s, q))
        return zeta_of(s, q).astype(array.dtype, copy=False)


def zeta(input: Operand, other: Operand) -> Tensor:
    """Hurwitz's zeta function: the sum of (other + k)^-input over k = 0, 1, …; it has no gradient."""
    require_tensor("zeta", input, other)
    operands = promote("zeta", input, other)
    return Zeta.apply(*(to_float(v) if isinstance(v, Tensor) else float(v) for v in operands))
