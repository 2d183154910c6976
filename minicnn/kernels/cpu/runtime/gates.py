"""Activations that are their argument times a gate, and ReLU6: of float32 or float64, piece by piece."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .masking import pass_within
from .threads import scratch

__all__ = ["ACTIVATIONS", "Activation", "Write", "silu", "silu_backward"]


_PIECE = 1 << 18  # elements; threads wait for the interpreter lock between shorter passes

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
