"""Activations on the CPU: ReLU, hard tanh, SiLU, GELU, with gradients; a bias before ReLU; erf."""

from __future__ import annotations

import math

import numpy as np

from ...memory import empty
from .runtime import gates
from .runtime.layout import flatten, for_each_block, unflatten, written
from .runtime.masking import clip_negative, pass_through_relu, pass_within
from .runtime.precision import compute_dtype
from .runtime.rows import as_rows, channel_sums, from_rows

__all__ = [
    "channel_sum",
    "erf",
    "gelu",
    "gelu_backward",
    "hardtanh",
    "hardtanh_backward",
    "relu",
    "relu_backward",
    "relu_bias_backward",
    "silu",
    "silu_backward",
]

_BLOCK = 1 << 17  # elements
_GELU_BLOCK = 1 << 18  # of many passes, between which threads wait for the interpreter lock

# W. J. Cody, "Rational Chebyshev approximations for the error function", Math. Comp. 23 (1969),
# with the coefficients of his CALERF (netlib.org/specfun/erf). Highest power first.
NEAR = 0.46875
NEAR_NUMERATOR = (
    1.85777706184603153e-1,
    3.16112374387056560e00,
    1.13864154151050156e02,
    3.77485237685302021e02,
    3.20937758913846947e03,
)
NEAR_DENOMINATOR = (
    1.0,
    2.36012909523441209e01,
    2.44024637934444173e02,
    1.28261652607737228e03,
    2.84423683343917062e03,
)
MIDDLE_NUMERATOR = (
    2.15311535474403846e-8,
    5.64188496988670089e-1,
    8.88314979438837594e00,
    6.61191906371416295e01,
    2.98635138197400131e02,
    8.81952221241769090e02,
    1.71204761263407058e03,
    2.05107837782607147e03,
    1.23033935479799725e03,
)
MIDDLE_DENOMINATOR = (
    1.0,
    1.57449261107098347e01,
    1.17693950891312499e02,
    5.37181101862009858e02,
    1.62138957456669019e03,
    3.29079923573345963e03,
    4.36261909014324716e03,
    3.43936767414372164e03,
    1.23033935480374942e03,
)
_ONE = 6.0  # from here on erf rounds to 1 in double precision


def relu(x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """max(x, 0) element by element, in the memory order of ``x``, or in ``out``; NaN stays NaN."""
    if out is None:
        (flat,) = flatten(x)
        result = empty(flat.shape, flat.dtype)
    else:
        flat, result = flatten(x, out)

    def work(start: int, stop: int) -> None:
        clip_negative(flat[start:stop], out=result[start:stop])

    for_each_block(flat.size, work, _BLOCK)
    return unflatten(result, x) if out is None else written(result, out, x)


def relu_backward(grad: np.ndarray, out: np.ndarray) -> np.ndarray:
    """0 where ``out`` <= 0, else ``grad``, in the memory order of ``out``."""
    flat_out, flat_grad = flatten(out, grad)
    result = empty(flat_grad.shape, flat_grad.dtype)

    def work(start: int, stop: int) -> None:
        pass_through_relu(flat_grad[start:stop], flat_out[start:stop], out=result[start:stop])

    for_each_block(flat_out.size, work, _BLOCK)
    return unflatten(result, out)


def hardtanh(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """``x`` limited to [low, high], in the memory order of ``x``; NaN stays NaN."""
    (flat,) = flatten(x)
    result = empty(flat.shape, flat.dtype)

    def work(start: int, stop: int) -> None:
        if flat.dtype.kind == "f":
            flat[start:stop].clip(low, high, out=result[start:stop])
        else:
            result[start:stop] = flat[start:stop].clip(low, high)

    for_each_block(flat.size, work, _BLOCK)
    return unflatten(result, x)


def hardtanh_backward(grad: np.ndarray, x: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 where ``x`` <= low or ``x`` >= high, else ``grad``, in the memory order of ``x``."""
    flat_x, flat_grad = flatten(x, grad)
    result = empty(flat_grad.shape, flat_grad.dtype)

    def work(start: int, stop: int) -> None:
        at = slice(start, stop)
        pass_within(flat_grad[at], flat_x[at], low, high, out=result[at])

    for_each_block(flat_x.size, work, _BLOCK)
    return unflatten(result, x)


def silu(x: np.ndarray) -> np.ndarray:
    """x / (1 + exp(-x)), in the memory order of ``x``."""
    (flat,) = flatten(x)
    result, dtype = empty(flat.shape, flat.dtype), compute_dtype(flat.dtype)

    def work(start: int, stop: int) -> None:
        block = flat[start:stop].astype(dtype, copy=False)
        if dtype == result.dtype:
            gates.silu(block, result[start:stop])
        else:
            gates.silu(block, block)
            result[start:stop] = block

    for_each_block(flat.size, work, _BLOCK)
    return unflatten(result, x)


def silu_backward(grad: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The gradient of ``x`` in :func:`silu`, in the memory order of ``x``."""
    flat, flat_grad = flatten(x, grad)
    result, dtype = empty(flat.shape, flat.dtype), compute_dtype(flat.dtype)

    def work(start: int, stop: int) -> None:
        block, grads = (a[start:stop].astype(dtype, copy=False) for a in (flat, flat_grad))
        target = result[start:stop]
        out = target if dtype == result.dtype else np.empty_like(block)
        gates.silu_backward(grads, block, out)
        if out is not target:
            target[...] = out

    for_each_block(flat.size, work, _BLOCK)
    return unflatten(result, x)


def gelu(x: np.ndarray) -> np.ndarray:
    """x times the probability that a standard normal number is below it, in the order of ``x``.

    In float32 the error is at most a few units in the last place of x.
    """
    (flat,) = flatten(x)
    result = empty(flat.shape, flat.dtype)

    def work(start: int, stop: int) -> None:
        block, target = flat[start:stop], result[start:stop]
        if block.dtype == np.float64:
            np.multiply(block, _probability(block), out=target)
        elif block.dtype == np.float32:
            gates.gelu(block, target)
        else:
            block = block.astype(np.float32)
            out = np.empty_like(block)
            gates.gelu(block, out)
            target[...] = out

    for_each_block(flat.size, work, _GELU_BLOCK)
    return unflatten(result, x)


def gelu_backward(grad: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The gradient of ``x`` in :func:`gelu`, in the memory order of ``x``."""
    flat, flat_grad = flatten(x, grad)
    result = empty(flat.shape, flat.dtype)

    def work(start: int, stop: int) -> None:
        block, grads, target = flat[start:stop], flat_grad[start:stop], result[start:stop]
        if block.dtype == np.float64:
            density = np.exp(block * block * -0.5) / math.sqrt(2 * math.pi)
            np.multiply(grads, _probability(block) + block * density, out=target)
        elif block.dtype == np.float32:
            gates.gelu_backward(grads.astype(np.float32, copy=False), block, target)
        else:
            block = block.astype(np.float32)
            out = np.empty_like(block)
            gates.gelu_backward(grads.astype(np.float32), block, out)
            target[...] = out

    for_each_block(flat.size, work, _GELU_BLOCK)
    return unflatten(result, x)


def _probability(x: np.ndarray) -> np.ndarray:
    """The probability that a standard normal number is below ``x``, in float64."""
    return 0.5 * (1 + _erf(x * math.sqrt(0.5)))


def relu_bias_backward(
    grad: np.ndarray, out: np.ndarray, dtype: np.dtype | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The gradients of x and bias (C,) in ``out = relu(x + bias)``, with a bias for each channel.

    That is :func:`relu_backward`, and its :func:`channel_sum` while it is still in the cache.

    Args:
        grad, out: (N, C, ...).
        dtype: of the gradient of the bias, by default the dtype of ``grad``.
    """
    grads, outs = as_rows(grad), as_rows(out)
    result = empty(grads.shape, grad.dtype)

    def masked(at: slice) -> np.ndarray:
        pass_through_relu(grads[at], outs[at], out=result[at])
        return result[at]

    (sums,) = channel_sums(grads, grad.shape, masked)
    return from_rows(result, grad.shape), sums.astype(dtype or grad.dtype)


def channel_sum(x: np.ndarray, dtype: np.dtype | None = None) -> np.ndarray:
    """(C,): the sum of ``x`` (N, C, ...) over all axes but 1, in ``dtype`` or the dtype of ``x``."""
    rows = as_rows(x)
    (sums,) = channel_sums(rows, x.shape, lambda at: rows[at])
    return sums.astype(dtype or x.dtype)


def erf(x: np.ndarray) -> np.ndarray:
    """The Gauss error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to ``x``.

    The error is at most a few units in the last place, in float64 (Cody 1969) and in float32.
    """
    (flat,) = flatten(x)
    out = empty(flat.shape, flat.dtype)

    def work(start: int, stop: int) -> None:
        block = flat[start:stop].astype(compute_dtype(flat.dtype), copy=False)
        out[start:stop] = _erf(block)

    for_each_block(flat.size, work, block=1 << 14)
    return unflatten(out, x)


def _erf(x: np.ndarray) -> np.ndarray:
    magnitude = np.abs(x)
    square = np.minimum(magnitude, NEAR) ** 2
    out = x * (_polynomial(NEAR_NUMERATOR, square) / _polynomial(NEAR_DENOMINATOR, square))

    large = magnitude > NEAR
    y = np.minimum(magnitude[large], _ONE)
    rest = np.exp(-y * y)  # times a rational function: 1 - erf(y)
    rest *= _polynomial(MIDDLE_NUMERATOR, y) / _polynomial(MIDDLE_DENOMINATOR, y)
    out[large] = np.copysign(1 - rest, x[large])
    return out


def _polynomial(coefficients: tuple[float, ...], x: np.ndarray) -> np.ndarray:
    value = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value *= x
        value += coefficient
    return value
