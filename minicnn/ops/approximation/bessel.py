"""Modified Bessel functions of the first kind."""

from __future__ import annotations

import math

from ...devices import xp_of
from ...typing import Array

_FAR = 20.0  # from here on the asymptotic series is exact
_TERMS = 45


def scaled_bessel(order: int, x: Array) -> Array:
    """exp(-|x|) times the modified Bessel function of order 0 or 1."""
    xp, size = xp_of(x), xp_of(x).abs(x)
    near = xp.where(size < _FAR, size, 1.0)
    term = (near / 2) ** order
    total = term
    for k in range(1, _TERMS):
        term = term * (near * near / (4.0 * k * (k + order)))
        total = total + term
    far = xp.where(size < _FAR, _FAR, size)
    term = series = xp.ones_like(x)
    for k in range(1, _TERMS):
        term = term * (((2 * k - 1) ** 2 - 4 * order**2) / (8 * k)) / far
        series = series + term
    far_out = xp.where(xp.isinf(size), 0, series / xp.sqrt(2 * math.pi * far))
    out = xp.where(size < _FAR, total * xp.exp(-near), far_out)
    return out if order == 0 else xp.where(x < 0, -out, out)
