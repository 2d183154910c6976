"""The logarithm of the gamma function and its derivatives."""

from __future__ import annotations

import functools
import math

import numpy as np

from ...devices import xp_of
from ...typing import Array
from .erf import polynomial
from .zeta import BERNOULLI, zeta

_BERNOULLI = BERNOULLI[:8]  # more are of no use from _LARGE on
_EULER = 0.57721566490153286061
_LARGE = 10.0  # from here on the asymptotic series are exact


def lgamma(x: Array) -> Array:
    """The logarithm of |gamma(x)|."""
    xp = xp_of(x)
    reflected = x < 0.5
    positive = xp.where(reflected, 1 - x, x)
    out = xp.where(positive < _LARGE, _lgamma_below(positive), _lgamma_above(positive))
    distance = xp.abs(x - xp.rint(x))
    mirrored = math.log(math.pi) - xp.log(xp.abs(xp.sin(math.pi * distance))) - out
    out = xp.where(reflected, mirrored, out)
    return xp.where(xp.isinf(x), math.inf, out)


def _lgamma_above(x: Array) -> Array:
    """Stirling's series."""
    x = xp_of(x).maximum(x, _LARGE)
    inverse = 1 / (x * x)
    terms = tuple(b / (2 * k * (2 * k - 1)) for k, b in enumerate(_BERNOULLI, 1))
    series = polynomial(terms[::-1], inverse) / x
    return (x - 0.5) * (xp_of(x).log(x) - 1) + (math.log(2 * math.pi) - 1) / 2 + series


def _lgamma_below(x: Array) -> Array:
    """From 0.5 to 10: steps of 1 lead to [1.5, 2.5], where Taylor's series around 2 is used."""
    xp = xp_of(x)
    product, base = xp.ones_like(x), xp.minimum(x, _LARGE)
    for _ in range(int(_LARGE) - 2):
        above = base > 2.5
        base = xp.where(above, base - 1, base)
        product = xp.where(above, product * base, product)
    below = base < 1.5
    z = xp.where(below, base - 1, base - 2)
    series = z * polynomial(_taylor_at_two(), z)
    return series + xp.log(product) - xp.where(below, xp.log1p(z), 0)


@functools.cache
def _taylor_at_two() -> tuple[float, ...]:
    """The coefficients of log(gamma(2 + z)) / z: 1 - Euler's constant, then (zeta(k) - 1) / k."""
    from_two = [float(zeta(float(k), np.asarray(2.0))) for k in range(2, 30)]
    signed = [(-1) ** k * value / k for k, value in enumerate(from_two, 2)]
    return (*reversed(signed), 1 - _EULER)


def digamma(x: Array) -> Array:
    """The derivative of log(gamma(x)); ∓inf at ±0, NaN at negative integers."""
    xp = xp_of(x)
    reflected = x < 0
    base = xp.where(reflected, 1 - x, x)
    total = xp.zeros_like(x)
    for _ in range(int(_LARGE)):
        below = base < _LARGE
        total = total - xp.where(below, 1 / base, 0)
        base = xp.where(below, base + 1, base)
    inverse = 1 / (base * base)
    terms = tuple(-b / (2 * k) for k, b in enumerate(_BERNOULLI, 1))
    out = total + xp.log(base) - 0.5 / base + inverse * polynomial(terms[::-1], inverse)
    fraction = x - xp.trunc(x)
    out = xp.where(reflected, out - math.pi / xp.tan(math.pi * fraction), out)
    out = xp.where((x < 0) & (fraction == 0), math.nan, out)
    return xp.where(x == 0, xp.copysign(math.inf, -x), out)


def polygamma(n: int, x: Array) -> Array:
    """The n-th derivative of digamma; n is at least 1."""
    xp = xp_of(x)
    out = (-1) ** (n + 1) * math.factorial(n) * zeta(n + 1.0, x)
    if n > 1:
        return out
    # at negative integers as in torch, whose sine is not quite 0
    is_pole = (x < 0) & (x == xp.floor(x))
    out = xp.where(is_pole, (math.pi / xp.sin(math.pi * x)) ** 2, out)
    return xp.where(xp.isinf(x), xp.where(x > 0, 0, math.nan), out)  # as in torch
