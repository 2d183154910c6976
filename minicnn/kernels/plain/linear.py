"""The linear layer: each pass is a matrix product; and those of two inputs."""

import numpy as np

from ...dtypes import HALVES
from ...typing import Array


def linear(x: Array, weight: Array, bias: Array | None) -> Array:
    """x (M, K), weight (N, K), bias (N,) -> (M, N)."""
    dtype = np.promote_types(x.dtype, np.float32)  # sums of half precision are rounded once
    out = x.astype(dtype) @ weight.astype(dtype).T
    return (out if bias is None else out + bias).astype(x.dtype)


def linear_input_grad(grad: Array, weight: Array) -> Array:
    """grad (M, N), weight (N, K) -> the gradient of x (M, K)."""
    dtype = np.promote_types(grad.dtype, np.float32)
    return (grad.astype(dtype) @ weight.astype(dtype)).astype(grad.dtype)


def linear_weight_grad(grad: Array, x: Array, dtype: np.dtype | None = None) -> Array:
    """grad (M, N), x (M, K) -> the gradient of weight (N, K)."""
    sum_dtype = np.promote_types(x.dtype, np.float32)
    return (grad.astype(sum_dtype).T @ x.astype(sum_dtype)).astype(dtype or x.dtype)


def matrix_product(x: Array, y: Array) -> Array:
    """x (..., M, K), y (..., K, N) -> (..., M, N); leading dimensions are broadcast."""
    if x.dtype in HALVES:  # sums are rounded once
        return np.matmul(x.astype(np.float32), y.astype(np.float32)).astype(x.dtype)
    return np.matmul(x, y)
