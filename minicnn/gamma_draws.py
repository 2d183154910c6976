"""Numbers from gamma and Dirichlet distributions by the rules of PyTorch's CPU code.

They are drawn one by one in C order, as each takes as many random words as it happens to need.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from .typing import Array

if TYPE_CHECKING:
    from .random import Generator

# torch's constants, which have float32's digits even where it computes in float64
_THIRD = np.float32(1 / 3)
_SQUEEZE = float(np.float32(0.0331))


def gamma(concentration: Array, generator: Generator) -> Array:
    """A positive number from Gamma(a, 1) for each ``a`` of a NumPy array of float32 or float64.

    For 0 it is the least positive one; what else is not above 0 has no such distribution.
    """
    dtype = concentration.dtype
    is_small = concentration < 1
    with np.errstate(all="ignore"):
        powers = np.where(is_small, 1 / concentration, 0).ravel().tolist()
        d = (np.where(is_small, concentration + 1, concentration) - _THIRD).astype(np.float64)
        c = (1 / np.sqrt(9 * d)).ravel().tolist()
    rows = zip(concentration.ravel().tolist(), powers, d.ravel().tolist(), c, strict=True)
    numbers = np.array([_gamma(*row, generator) for row in rows], dtype)
    return np.maximum(numbers, np.finfo(dtype).tiny).reshape(concentration.shape)


def _gamma(concentration: float, power: float, d: float, c: float, generator: Generator) -> float:
    """A number from Gamma(d + 1/3, 1), times u ** power where u is uniform in (0, 1].

    The product has a distribution with a concentration below 1 (G. Marsaglia, W. W. Tsang, "A simple
    method for generating gamma variables", 2000).
    """
    if concentration == 0:
        return 0.0
    scale = (1 - generator.random(dtype=np.float64)) ** power if power else 1.0
    while True:
        x = y = 0.0
        while y <= 0:
            x = generator.normal()
            y = 1 + c * x
        v = y * y * y
        u = 1 - generator.random(dtype=np.float64)
        squared = x * x
        squeeze = 1 - _SQUEEZE * squared * squared
        if u < squeeze or math.log(u) < 0.5 * squared + d * (1 - v + math.log(v)):
            return scale * d * v


def dirichlet(concentration: Array, generator: Generator) -> Array:
    """Rows of numbers between 0 and 1, without both, with the sum 1.

    Args:
        concentration: a NumPy array (..., K) of float32 or float64; so is the result.
        generator: draws the numbers.

    In float64 torch adds long rows up in the order of its processor, so the last bit can differ.
    """
    dtype = concentration.dtype
    numbers = gamma(concentration.astype(np.float64), generator)
    shares = numbers / numbers.sum(-1, keepdims=True)
    least, most = np.finfo(dtype).tiny, 1 - np.finfo(dtype).epsneg
    return shares.astype(dtype).clip(least, most)
