"""The error function, its complement and its inverse."""

from __future__ import annotations

import math

from ...devices import xp_of
from ...kernels.cpu.activation import (
    MIDDLE_DENOMINATOR,
    MIDDLE_NUMERATOR,
    NEAR,
    NEAR_DENOMINATOR,
    NEAR_NUMERATOR,
)
from ...typing import Array

# The third pair of the rational functions of W. J. Cody (1969); the others are in kernels/cpu.
_FAR_NUMERATOR = (
    1.63153871373020978e-2,
    3.05326634961232344e-1,
    3.60344899949804439e-1,
    1.25781726111229246e-1,
    1.60837851487422766e-2,
    6.58749161529837803e-4,
)
_FAR_DENOMINATOR = (
    1.0,
    2.56852019228982242e00,
    1.87295284992346047e00,
    5.27905102951428412e-1,
    6.05183413124413191e-2,
    2.33520497626869185e-3,
)

# The estimate of the inverse, as in ATen/native/Math.h
_CENTRAL_NUMERATOR = (-0.140543331, 0.914624893, -1.645349621, 0.886226899)
_CENTRAL_DENOMINATOR = (0.012229801, -0.329097515, 1.442710462, -2.118377725, 1.0)
_TAIL_NUMERATOR = (1.641345311, 3.429567803, -1.624906493, -1.970840454)
_TAIL_DENOMINATOR = (1.637067800, 3.543889200, 1.0)


def polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
    """A polynomial by Horner's rule, the highest power first."""
    total = xp_of(x).full_like(x, coefficients[0])
    for c in coefficients[1:]:
        total = total * x + c
    return total


def erf(x: Array) -> Array:
    """2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x."""
    return xp_of(x).where(xp_of(x).abs(x) <= NEAR, _erf_near(x), 1 - erfc(x))


def _erf_near(x: Array) -> Array:
    square = x * x
    return x * polynomial(NEAR_NUMERATOR, square) / polynomial(NEAR_DENOMINATOR, square)


def erfc(x: Array) -> Array:
    """1 - erf(x), accurate where erf(x) is close to 1."""
    xp = xp_of(x)
    x = xp.clip(x, -30, 30)  # 0 or 2 from there on
    size = xp.abs(x)
    beyond = xp.exp(_rest_of_square(size) - size * size) * erfcx_of_positive(size)
    return xp.where(size <= NEAR, 1 - _erf_near(x), xp.where(x < 0, 2 - beyond, beyond))


def _rest_of_square(size: Array) -> Array:
    """What rounding has lost of size * size, which the exponential would enlarge (Dekker, 1971)."""
    upper = size * (2.0**27 + 1)  # the upper half of the digits
    upper = upper - (upper - size)
    lower = size - upper
    return size * size - upper * upper - 2 * upper * lower - lower * lower


def erfcx_of_positive(x: Array) -> Array:
    """exp(x^2) * erfc(x) for x above 0.46875."""
    xp = xp_of(x)
    middle = polynomial(MIDDLE_NUMERATOR, x) / polynomial(MIDDLE_DENOMINATOR, x)
    inverse = 1 / xp.maximum(x * x, 1.0)
    far = inverse * polynomial(_FAR_NUMERATOR, inverse) / polynomial(_FAR_DENOMINATOR, inverse)
    return xp.where(x <= 4, middle, (1 / math.sqrt(math.pi) - far) / xp.maximum(x, 1.0))


def erfinv(y: Array) -> Array:
    """The x with erf(x) = y: torch's estimate, refined by Halley's method."""
    xp, size = xp_of(y), xp_of(y).abs(y)
    x = _estimate(size)
    for _ in range(2):
        # from the smaller one of erf and erfc, so that nothing cancels
        growth = xp.exp(x * x)
        beyond = (1 - size) * growth - erfcx_of_positive(x)
        step = xp.where(x <= NEAR, (_erf_near(x) - size) * growth, beyond)
        step = step * (math.sqrt(math.pi) / 2)
        x = x - step / (1 + x * step)
    x = xp.where(size == 1, math.inf, x)
    return xp.where(y < 0, -x, x)


def _estimate(size: Array) -> Array:
    """erfinv(size) to three digits, for size from 0 to 1."""
    xp = xp_of(size)
    square = size * size
    central = (
        size * polynomial(_CENTRAL_NUMERATOR, square) / polynomial(_CENTRAL_DENOMINATOR, square)
    )
    z = xp.sqrt(-xp.log((1 - size) / 2))
    return xp.where(
        size <= 0.7, central, polynomial(_TAIL_NUMERATOR, z) / polynomial(_TAIL_DENOMINATOR, z)
    )
