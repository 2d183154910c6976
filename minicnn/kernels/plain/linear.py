"""The linear layer: each pass is a matrix product."""

import numpy as np

from .arrays import Array, widen


def linear(x: Array, weight: Array, bias: Array | None) -> Array:
    """x (M, K), weight (N, K), bias (N,) -> (M, N)."""
    out = widen(x) @ widen(weight).T
    return (out if bias is None else out + bias).astype(x.dtype)


def linear_input_grad(grad: Array, weight: Array) -> Array:
    """grad (M, N), weight (N, K) -> the gradient of x (M, K)."""
    return (widen(grad) @ widen(weight)).astype(grad.dtype)


def linear_weight_grad(grad: Array, x: Array, dtype: np.dtype | None = None) -> Array:
    """grad (M, N), x (M, K) -> the gradient of weight (N, K)."""
    return (widen(grad).T @ widen(x)).astype(dtype or x.dtype)
