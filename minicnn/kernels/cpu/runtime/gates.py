"""Activations that are their argument times a gate, and ReLU6: of float32 or float64, piece by piece."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .masking import pass_within
from .threads import scratch

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "Write",
    "gelu",
    "gelu_backward",
    "silu",
    "silu_backward",
    "write_gelu",
]


_PIECE = 1 << 18  # elements; threads wait for the interpreter lock between shorter passes

# The probability that a standard normal number is below x, less a half, is x P(x^2) / Q(x^2) up to
# this limit, and then 0.5. The coefficients, highest power first, are a fit of the smallest relative
# error, 2e-8, by least squares with weights (Lawson 1961).
_NORMAL_LIMIT = 5.515
_NORMAL_NUMERATOR = (
    2.28314131e-8,
    6.29906154e-6,
    1.65214974e-4,
    4.65525644e-3,
    3.35288502e-2,
    3.98942274e-1,
)
_NORMAL_DENOMINATOR = (
    1.19593632e-6,
    7.23366264e-5,
    1.86429528e-3,
    2.84548422e-2,
    2.50710755e-1,
    1.0,
)

Write = Callable[[np.ndarray, np.ndarray], None]
WriteGradient = Callable[[np.ndarray, np.ndarray, np.ndarray], None]


class Activation(NamedTuple):
    """An activation of dense arrays: ``write(x, out)`` and ``write_gradient(grad, x, out)``.

    ``out`` of the first may be ``x``; in the second no two may overlap.
    """

    write: Write
    write_gradient: WriteGradient


def _in_pieces(function: Callable[..., None]) -> Callable[..., None]:
    """Lets a function of 1-D arrays take dense arrays of any equal shape, a piece at a time."""

    @functools.wraps(function)
    def run(*arrays: np.ndarray) -> None:
        flat = [array.reshape(-1) for array in arrays]
        for start in range(0, flat[0].size, _PIECE):
            function(*(array[start : start + _PIECE] for array in flat))

    return run


@_in_pieces
def silu(x: np.ndarray, out: np.ndarray) -> None:
    """Write x / (1 + exp(-x)) to ``out``, which may be ``x``."""
    divisor = scratch("gates.gate", x.shape, x.dtype)
    _write_divisor(x, divisor)
    np.divide(x, divisor, out=out)


@_in_pieces
def silu_backward(grad: np.ndarray, x: np.ndarray, out: np.ndarray) -> None:
    """Write grad * (s + x * s * (1 - s)) to ``out``, where s is the sigmoid of x."""
    sigmoid = scratch("gates.gate", x.shape, x.dtype)
    product = scratch("gates.product", x.shape, x.dtype)
    _write_divisor(x, sigmoid)
    np.divide(1, sigmoid, out=sigmoid)
    np.multiply(x, sigmoid, out=product)
    np.subtract(1, sigmoid, out=out)
    np.multiply(out, product, out=out)
    np.add(out, sigmoid, out=out)
    np.multiply(out, grad, out=out)


def _write_divisor(x: np.ndarray, out: np.ndarray) -> None:
    """1 + exp(-x), by which x is divided; infinity, where exp overflows, gives 0."""
    np.negative(x, out=out)
    np.exp(out, out=out)
    np.add(out, 1, out=out)


def write_gelu(x: np.ndarray, out: np.ndarray) -> None:
    """Write x times its probability to other memory, ``out``; float32 arrays of any equal shape."""
    _write_probability(x, out)
    np.multiply(x, out, out=out)


gelu = _in_pieces(write_gelu)


@_in_pieces
def gelu_backward(grad: np.ndarray, x: np.ndarray, out: np.ndarray) -> None:
    """Write grad * (probability + x * density) to ``out``; float32 arrays."""
    _write_probability(x, out)
    product = scratch("gates.gate", x.shape, x.dtype)
    np.multiply(x, x, out=product)
    np.multiply(product, -0.5, out=product)
    np.exp(product, out=product)
    np.multiply(product, 1 / math.sqrt(2 * math.pi), out=product)
    np.multiply(product, x, out=product)
    np.add(out, product, out=out)
    np.multiply(out, grad, out=out)


def _write_probability(x: np.ndarray, out: np.ndarray) -> None:
    """The probability that a standard normal number is below ``x``, to 4 units in float32's last place."""
    square = scratch("gates.gate", x.shape, x.dtype)
    polynomial = scratch("gates.product", x.shape, x.dtype)
    x.clip(-_NORMAL_LIMIT, _NORMAL_LIMIT, out=out)
    np.multiply(out, out, out=square)
    _write_polynomial(_NORMAL_DENOMINATOR, square, polynomial)
    np.divide(out, polynomial, out=out)
    _write_polynomial(_NORMAL_NUMERATOR, square, polynomial)
    np.multiply(out, polynomial, out=out)
    out.clip(-0.5, 0.5, out=out)
    np.add(out, 0.5, out=out)


def _write_polynomial(coefficients: tuple[float, ...], x: np.ndarray, out: np.ndarray) -> None:
    """Horner's scheme, highest power first."""
    highest, *others, last = coefficients
    np.multiply(x, highest, out=out)
    for coefficient in others:
        np.add(out, coefficient, out=out)
        np.multiply(out, x, out=out)
    np.add(out, last, out=out)


@_in_pieces
def _relu6(x: np.ndarray, out: np.ndarray) -> None:
    x.clip(0, 6, out=out)


@_in_pieces
def _relu6_backward(grad: np.ndarray, x: np.ndarray, out: np.ndarray) -> None:
    pass_within(grad, x, 0, 6, out)


@_in_pieces
def _hardswish(x: np.ndarray, out: np.ndarray) -> None:
    gate = scratch("gates.gate", x.shape, x.dtype)
    np.add(x, 3, out=gate)
    gate.clip(0, 6, out=gate)
    np.divide(gate, 6, out=gate)
    np.multiply(x, gate, out=out)


@_in_pieces
def _hardswish_backward(grad: np.ndarray, x: np.ndarray, out: np.ndarray) -> None:
    """The slope is 0 up to -3, x / 3 + 0.5 up to 3, and 1 from there on."""
    slope = scratch("gates.gate", x.shape, x.dtype)
    np.divide(x, 3, out=slope)
    np.add(slope, 0.5, out=slope)
    np.copyto(slope, 1, where=x >= 3)
    np.multiply(slope, grad, out=out)
    np.copyto(out, 0, where=x <= -3)


ACTIVATIONS = {
    "relu6": Activation(_relu6, _relu6_backward),
    "silu": Activation(silu, silu_backward),
    "hardswish": Activation(_hardswish, _hardswish_backward),
}
