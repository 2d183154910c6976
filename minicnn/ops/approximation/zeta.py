"""Hurwitz's zeta function."""

from __future__ import annotations

import math
from typing import Any

from ...devices import xp_of
from ...typing import Array

# Bernoulli numbers B2, B4, …
BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798,
             -174611 / 330, 854513 / 138, -236364091 / 2730)  # fmt: skip
_LARGE = 9  # from here on, the formula of Euler and Maclaurin has the rest of the sum
_FAR = -1000
_NEGLIGIBLE = 2.0**-53  # a share of the sum


def zeta(s: Any, q: Array) -> Array:
    """Hurwitz's zeta function, the sum of (q + k)^-s over k = 0, 1, …, which broadcasts.

    ``inf`` at the poles q = 0, -1, …, and for s = 1; NaN for s < 1, and where (q + k)^-s is complex.

    The terms are added in the order of the Cephes library (S. L. Moshier), as in torch, because of
    its roundings: terms of both signs cancel. Those below -1000 are summed by a formula instead.
    """
    xp = xp_of(q)
    s = xp.asarray(s, q.dtype)
    is_pole = (q <= 0) & (q == xp.floor(q))
    is_complex = (q <= 0) & (s != xp.floor(s))
    out = _zeta_between_poles(s, xp.where(is_pole | is_complex, 1.0, q))
    out = xp.where(is_pole, math.inf, xp.where(is_complex, math.nan, out))
    return xp.where(s == 1, math.inf, xp.where(s < 1, math.nan, out))


def _zeta_between_poles(s: Array, q: Array) -> Array:
    xp = xp_of(q)
    is_far = q < _FAR
    if not bool(is_far.any()):
        return _sum(s, q)
    near = xp.where(is_far, q - xp.floor(q) + _FAR, q)
    # from q up to near, all terms have the sign of (-1)^s
    far = _sum(s, 1 - xp.where(is_far, near, 0)) - _sum(s, 1 - xp.where(is_far, q, 0))
    far = xp.where(s < 100, far, 0)  # 1000^-100 is as good as nothing
    return _sum(s, near) + xp.where(s % 2 == 0, far, -far)


def _sum(s: Array, q: Array) -> Array:
    """Terms up to one that is negligible, or up to q + k > 9 and the rest by a formula."""
    xp = xp_of(q)
    total = term = q**-s
    done, is_next = xp.zeros(total.shape, bool), xp.ones(total.shape, bool)
    for step in range(1, _LARGE - _FAR + 2):
        q = xp.where(is_next, q + 1, q)
        term = xp.where(is_next, q**-s, term)
        total = xp.where(is_next, total + term, total)
        done |= abs(term) < _NEGLIGIBLE * total
        is_next = ~done & ((q <= _LARGE) | (step < _LARGE))
        if step >= _LARGE and not bool(is_next.any()):
            break
    return xp.where(done, total, _with_the_rest(total, s, q, term))


def _with_the_rest(total: Array, s: Array, q: Array, term: Array) -> Array:
    """``total`` and the sum of all terms after ``term``, q^-s: the formula of Euler and Maclaurin."""
    xp = xp_of(q)
    total = total + term * q / (s - 1) - term / 2
    done = xp.zeros(total.shape, bool)
    rising = s  # s (s + 1) (s + 2) …
    power = term / q
    for k, bernoulli in enumerate(BERNOULLI, 1):
        correction = xp.where(done, 0, bernoulli / math.factorial(2 * k) * rising * power)
        total = total + correction
        done |= abs(correction) < _NEGLIGIBLE * abs(total)
        rising = rising * (s + 2 * k - 1) * (s + 2 * k)
        power = power / q / q
    return total
