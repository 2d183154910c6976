"""Normalisation on the GPU: batch norm, scaling by channel, and local response normalisation."""

from __future__ import annotations

from typing import Any

import cupy
import numpy as np

from .module import FLOATS, WARP, CudaFile, accumulator, channels_first, channels_last

__all__ = [
    "batch_norm",
    "batch_norm_backward",
    "channel_affine",
    "local_response_norm",
    "local_response_norm_backward",
]

_BLOCK_ROWS = 8  # as in norm.cu
_ROWS_PER_THREAD = 32  # at least, before rows are split among more blocks
_MAX_SPLITS = 128

cuda_file = CudaFile("norm.cu")
_moments = cuda_file.kernel("batch_norm_moments", FLOATS)
_statistics = cuda_file.kernel("batch_norm_statistics", FLOATS)
_apply = cuda_file.kernel("batch_norm_apply", FLOATS)
_grad_sums = cuda_file.kernel("batch_norm_grad_sums", FLOATS)
_grad_parameters = cuda_file.kernel("batch_norm_grad_parameters", FLOATS)
_grad_input = cuda_file.kernel("batch_norm_grad_input", FLOATS)
_channel_affine = cuda_file.kernel("channel_affine", FLOATS)
_local_response_norm = cuda_file.kernel("local_response_norm", FLOATS)
_local_response_norm_backward = cuda_file.kernel("local_response_norm_backward", FLOATS)


def batch_norm(
    x: cupy.ndarray, weight: cupy.ndarray, bias: cupy.ndarray, eps: float
) -> tuple[cupy.ndarray, cupy.ndarray, cupy.ndarray]:
    """(x - mean) / sqrt(variance + eps) * weight + bias, with the statistics of this batch.

    Args:
        x: (N, C, ...).
        weight, bias: (C,).
        eps: added to the variance.

    Returns:
        out of the shape of ``x``, mean (C,) and biased variance (C,).
    """
    values = channels_last(x)
    C, real = x.shape[1], accumulator(x.dtype)
    mean, variance = cupy.empty(C, real), cupy.empty(C, real)
    grid, block, M, splits = _reduction(values)
    partial = cupy.empty((splits, C, 3), real)  # count, mean, squares
    _moments[x.dtype].launch(grid, block, values, partial, M, C)
    _statistics[real](C * WARP, partial, mean, variance, C, splits)

    out = cupy.empty_like(values)
    weight, bias = _parameter(weight, real), _parameter(bias, real)
    _apply[x.dtype](out.size, values, mean, variance, weight, bias, out, C, float(eps))
    return channels_first(out), mean, variance


def batch_norm_backward(
    grad: cupy.ndarray,
    x: cupy.ndarray,
    weight: cupy.ndarray,
    mean: cupy.ndarray,
    variance: cupy.ndarray,
    eps: float,
) -> tuple[cupy.ndarray, cupy.ndarray, cupy.ndarray]:
    """The gradients of :func:`batch_norm` by x, weight (C,) and bias (C,).

    Args:
        grad: gradient of the result, of the shape of ``x``.
        x, weight, eps: as given to :func:`batch_norm`.
        mean, variance: (C,), as returned by it.
    """
    grads, values = channels_last(grad), channels_last(x)
    C, real = x.shape[1], accumulator(x.dtype)
    mean, variance = _parameter(mean, real), _parameter(variance, real)
    grad_weight, grad_bias = cupy.empty(C, real), cupy.empty(C, real)
    grid, block, M, splits = _reduction(values)
    partial = cupy.empty((splits, C, 2), real)  # sums of grad, and of grad * (x - mean)
    _grad_sums[x.dtype].launch(grid, block, grads, values, mean, partial, M, C)
    _grad_parameters[real](
        C * WARP, partial, variance, grad_weight, grad_bias, C, splits, float(eps)
    )

    grad_x = cupy.empty_like(values)
    _grad_input[x.dtype](
        grad_x.size,
        grads,
        values,
        mean,
        variance,
        _parameter(weight, real),
        grad_weight,
        grad_bias,
        grad_x,
        M,
        C,
        float(eps),
    )
    return channels_first(grad_x), grad_weight, grad_bias


def channel_affine(x: cupy.ndarray, scale: cupy.ndarray, shift: cupy.ndarray) -> cupy.ndarray:
    """x * scale + shift; ``x`` is (N, C, ...), ``scale`` and ``shift`` (C,)."""
    values, real = channels_last(x), accumulator(x.dtype)
    out = cupy.empty_like(values)
    _channel_affine[x.dtype](
        out.size, values, _parameter(scale, real), _parameter(shift, real), out, x.shape[1]
    )
    return channels_first(out)


def local_response_norm(
    x: cupy.ndarray, size: int, alpha: float, beta: float, k: float
) -> cupy.ndarray:
    """x / (k + alpha / size * sum of squares over ``size`` neighbouring channels)^beta.

    Args:
        x: (N, C, ...).
        size, alpha, beta, k: as ``torch.nn.LocalResponseNorm``; unlike the paper (Krizhevsky et
            al., 2012) it divides alpha by size.
    """
    values = channels_last(x)
    out = cupy.empty_like(values)
    numbers = float(alpha), float(beta), float(k)
    _local_response_norm[x.dtype](out.size, values, out, x.shape[1], size, *numbers)
    return channels_first(out)


def local_response_norm_backward(
    grad: cupy.ndarray, x: cupy.ndarray, size: int, alpha: float, beta: float, k: float
) -> cupy.ndarray:
    """The gradient of :func:`local_response_norm` by ``x``."""
    grads, values = channels_last(grad), channels_last(x)
    out = cupy.empty_like(values)
    numbers = float(alpha), float(beta), float(k)
    _local_response_norm_backward[x.dtype](out.size, grads, values, out, x.shape[1], size, *numbers)
    return channels_first(out)


def _reduction(values: cupy.ndarray) -> tuple[tuple[int, int], tuple[int, int], np.int64, int]:
    """How to sum (..., C) over all but C: grid, block, rows M, and parts they are split into."""
    C = values.shape[-1]
    M = values.size // C
    splits = min(_MAX_SPLITS, 1 + M // (_BLOCK_ROWS * _ROWS_PER_THREAD))
    return (-(-C // WARP), splits), (WARP, _BLOCK_ROWS), np.int64(M), splits


def _parameter(values: cupy.ndarray, dtype: np.dtype[Any]) -> cupy.ndarray:
    """(C,) numbers in the dtype that kernels compute in."""
    return cupy.ascontiguousarray(values, dtype)
