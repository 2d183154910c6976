"""ReLU, hard tanh (for ReLU6), SiLU, GELU, the error function, and the sum over channels (for biases)."""

import math

import numpy as np

from ...typing import Array
from .arrays import widen


def relu(x: Array, out: Array | None = None) -> Array:
    """max(x, 0), written to ``out`` if given; NaN stays NaN."""
    return np.maximum(x, 0, out=out)


def relu_backward(grad: Array, out: Array) -> Array:
    """0 where out <= 0, else grad; so a NaN, which is not <= 0, lets the gradient through."""
    return np.where(out <= 0, 0, grad)


def hardtanh(x: Array, low: float, high: float) -> Array:
    """x limited to [low, high]; NaN stays NaN."""
    return np.clip(x, low, high).astype(x.dtype, copy=False)


def hardtanh_backward(grad: Array, x: Array, low: float, high: float) -> Array:
    """0 where x <= low or x >= high, else grad, also where x is NaN."""
    return np.where((x <= low) | (x >= high), 0, grad)


def silu(x: Array) -> Array:
    """x * sigmoid(x), in float32 or better."""
    wide = widen(x)
    return (wide / (1 + np.exp(-wide))).astype(x.dtype)


def silu_backward(grad: Array, x: Array) -> Array:
    """grad * (s + x * s * (1 - s)), where s is the sigmoid of x."""
    wide = widen(x)
    s = 1 / (1 + np.exp(-wide))
    return (grad * (s + wide * s * (1 - s))).astype(x.dtype)


def gelu(x: Array) -> Array:
    """x times the probability that a standard normal number is below it, in float32 or better."""
    wide = widen(x)
    return (wide * 0.5 * (1 + erf(wide * math.sqrt(0.5)))).astype(x.dtype)


def gelu_backward(grad: Array, x: Array) -> Array:
    """grad * (probability + x * density), of the standard normal distribution."""
    wide = widen(x)
    probability = 0.5 * (1 + erf(wide * math.sqrt(0.5)))
    density = np.exp(wide * wide * -0.5) / math.sqrt(2 * math.pi)
    return (grad * (probability + wide * density)).astype(x.dtype)


def channel_sum(x: Array, dtype: np.dtype | None = None) -> Array:
    """x (N, C, ...) -> (C,): the sum over every axis but 1."""
    return x.sum((0, *range(2, x.ndim)), dtype=np.float64).astype(dtype or x.dtype)


def erf(x: Array) -> Array:
    """2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x."""
    return np.vectorize(math.erf, otypes=[np.float64])(x.astype(np.float64)).astype(x.dtype)
