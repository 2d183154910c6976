"""Normalisation on the GPU: batch norm, scaling by channel, and local response normalisation."""

from __future__ import annotations

from typing import Any

import cupy
import numpy as np

from .runtime.layout import channels_first, channels_last, flatten, vector_width, written
from .runtime.module import FLOATS, HALVES, SINGLES, VECTORS, CudaFile, Launcher, accumulator
from .runtime.reduce import Reduction

__all__ = [
    "batch_norm",
    "batch_norm_backward",
    "batch_norm_relu",
    "batch_norm_relu_backward",
    "channel_affine",
    "channel_affine_relu",
    "local_response_norm",
    "local_response_norm_backward",
    "running_average_step",
]

_MAX_VECTORS_PER_THREAD = 8  # in the kernels that apply a function by channel
_ENOUGH_THREADS = 1 << 18  # to keep a large GPU busy

cuda_file = CudaFile("norm.cu")
_moments = cuda_file.kernel("batch_norm_moments", VECTORS + SINGLES)
_statistics = cuda_file.kernel("batch_norm_statistics", FLOATS)
_grad_sums = cuda_file.kernel("batch_norm_grad_sums", VECTORS + SINGLES)
_grad_parameters = cuda_file.kernel("batch_norm_grad_parameters", FLOATS)
_grad_input = cuda_file.kernel("batch_norm_grad_input", VECTORS + SINGLES)
_running_average = cuda_file.kernel("running_average", HALVES + FLOATS)
_channel_affine = cuda_file.kernel("channel_affine", VECTORS + SINGLES)
_local_response_norm = cuda_file.kernel("local_response_norm", HALVES + FLOATS)
_local_response_norm_backward = cuda_file.kernel("local_response_norm_backward", HALVES + FLOATS)


# ---- batch norm ----


def batch_norm(
    x: cupy.ndarray, weight: cupy.ndarray | None, bias: cupy.ndarray | None, eps: float
) -> tuple[cupy.ndarray, cupy.ndarray, cupy.ndarray]:
    """(x - mean) / sqrt(variance + eps) * weight + bias, with the statistics of this batch.

    Args:
        x: (N, C, ...).
        weight, bias: (C,), or None for ones and zeros.
        eps: added to the variance.

    Returns:
        out of the shape of ``x``; mean (C,) and biased variance (C,), in float32 or better.
    """
    return _batch_norm(x, weight, bias, eps, relu=False)


def batch_norm_relu(
    x: cupy.ndarray, weight: cupy.ndarray | None, bias: cupy.ndarray | None, eps: float
) -> tuple[cupy.ndarray, cupy.ndarray, cupy.ndarray]:
    """ReLU of :func:`batch_norm`, applied before the result is written."""
    return _batch_norm(x, weight, bias, eps, relu=True)


def batch_norm_backward(
    grad: cupy.ndarray,
    x: cupy.ndarray,
    weight: cupy.ndarray | None,
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
    return _batch_norm_backward(grad, None, x, weight, mean, variance, eps)


def batch_norm_relu_backward(
    grad: cupy.ndarray,
    out: cupy.ndarray,
    x: cupy.ndarray,
    weight: cupy.ndarray | None,
    mean: cupy.ndarray,
    variance: cupy.ndarray,
    eps: float,
) -> tuple[cupy.ndarray, cupy.ndarray, cupy.ndarray]:
    """The gradients of :func:`batch_norm_relu` by x, weight (C,) and bias (C,).

    Args:
        grad: gradient of the result, of the shape of ``x``.
        out: the result; no gradient passes where it is 0.
        x, weight, eps: as given to :func:`batch_norm_relu`.
        mean, variance: (C,), as returned by it.
    """
    return _batch_norm_backward(grad, channels_last(out), x, weight, mean, variance, eps)


def _batch_norm(
    x: cupy.ndarray,
    weight: cupy.ndarray | None,
    bias: cupy.ndarray | None,
    eps: float,
    relu: bool,
) -> tuple[cupy.ndarray, cupy.ndarray, cupy.ndarray]:
    values = channels_last(x)
    C, real = x.shape[1], accumulator(x.dtype)
    weight, bias = _parameter(weight, real), _parameter(bias, real)
    mean, variance, scale = (cupy.empty(C, real) for _ in range(3))
    width = vector_width(C, values, bias)
    how = Reduction.of(values, width)
    partial = cupy.empty((how.splits, C, 3), real)  # count, mean, squares
    _moments[x.dtype, width].launch(how.grid, how.block, values, partial, how.M, C)
    arguments = partial, weight, mean, variance, scale, C, how.splits, float(eps)
    _statistics[real].launch(how.total_grid, how.total_block, *arguments)
    out = cupy.empty_like(values)
    _by_channel(_channel_affine[x.dtype, width], width, out, values, mean, scale, bias, relu)
    return channels_first(out), mean, variance


def _batch_norm_backward(
    grad: cupy.ndarray,
    out: cupy.ndarray | None,
    x: cupy.ndarray,
    weight: cupy.ndarray | None,
    mean: cupy.ndarray,
    variance: cupy.ndarray,
    eps: float,
) -> tuple[cupy.ndarray, cupy.ndarray, cupy.ndarray]:
    """``out`` (N, ..., C) is the result of the ReLU, or None without a ReLU."""
    grads, values = channels_last(grad), channels_last(x)
    C, real = x.shape[1], accumulator(x.dtype)
    weight, mean, variance = (_parameter(each, real) for each in (weight, mean, variance))
    grad_weight, grad_bias = cupy.empty(C, real), cupy.empty(C, real)
    coefficients = cupy.empty((3, C), real)
    width = vector_width(C, grads, values, mean, out)
    how = Reduction.of(values, width)
    partial = cupy.empty((how.splits, C, 2), real)  # sums of grad, and of grad * (x - mean)
    _grad_sums[x.dtype, width].launch(
        how.grid, how.block, grads, out, values, mean, partial, how.M, C
    )
    results = grad_weight, grad_bias, coefficients
    arguments = partial, weight, variance, *results, how.M, C, how.splits, float(eps)
    _grad_parameters[real].launch(how.total_grid, how.total_block, *arguments)
    grad_x = cupy.empty_like(values)
    _by_channel(_grad_input[x.dtype, width], width, grad_x, grads, out, values, mean, coefficients)
    return channels_first(grad_x), grad_weight, grad_bias


def running_average_step(
    running: cupy.ndarray, batch: cupy.ndarray, momentum: float, factor: float
) -> None:
    """Moves running statistics to those of a batch, by one launch.

    Args:
        running: any shape, written in place.
        batch: of the same shape.
        momentum: the share of the way that they move.
        factor: of the batch's statistics.
    """
    flat, flat_batch = flatten(running, batch)
    values = flat_batch.astype(accumulator(running.dtype), copy=False)
    shares = float(1 - momentum), float(factor * momentum)
    _running_average[running.dtype](flat.size, flat, values, *shares)
    written(flat, running, running)


# ---- scaling by channel ----


def channel_affine(
    x: cupy.ndarray, scale: cupy.ndarray, shift: cupy.ndarray, out: cupy.ndarray | None = None
) -> cupy.ndarray:
    """x * scale + shift, for ``x`` (N, C, ...), and ``scale`` and ``shift`` (C,), in ``out`` if given."""
    return _affine(x, scale, shift, out, relu=False)


def channel_affine_relu(
    x: cupy.ndarray, scale: cupy.ndarray, shift: cupy.ndarray, out: cupy.ndarray | None = None
) -> cupy.ndarray:
    """ReLU of :func:`channel_affine`, applied before the result is written."""
    return _affine(x, scale, shift, out, relu=True)


def _affine(
    x: cupy.ndarray, scale: cupy.ndarray, shift: cupy.ndarray, out: cupy.ndarray | None, relu: bool
) -> cupy.ndarray:
    values, real = channels_last(x), accumulator(x.dtype)
    scale, shift = _parameter(scale, real), _parameter(shift, real)
    target = cupy.empty_like(values) if out is None else channels_last(out)
    width = vector_width(x.shape[1], values, target, scale, shift)
    _by_channel(_channel_affine[x.dtype, width], width, target, values, None, scale, shift, relu)
    if out is None:
        return channels_first(target)
    if not cupy.may_share_memory(target, out):  # which is not channels-last
        out[...] = channels_first(target)
    return out


def _by_channel(launcher: Launcher, width: int, out: cupy.ndarray, *inputs: Any) -> None:
    """Launches a kernel in which each thread computes several vectors of the same channels."""
    V = out.shape[-1] // width
    vectors = out.size // width
    each = min(_MAX_VECTORS_PER_THREAD, max(1, vectors // _ENOUGH_THREADS))
    count = -(-vectors // (V * each)) * V
    launcher(count, *inputs, out, np.int64(vectors), V)


def _parameter(values: cupy.ndarray | None, dtype: np.dtype[Any]) -> cupy.ndarray | None:
    """(C,) numbers in the dtype that kernels compute in."""
    return None if values is None else cupy.ascontiguousarray(values, dtype)


# ---- local response normalisation ----


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
    constants = float(alpha), float(beta), float(k)
    _local_response_norm[x.dtype](out.size, values, out, x.shape[1], size, *constants)
    return channels_first(out)


def local_response_norm_backward(
    grad: cupy.ndarray, x: cupy.ndarray, size: int, alpha: float, beta: float, k: float
) -> cupy.ndarray:
    """The gradient of :func:`local_response_norm` by ``x``."""
    grads, values = channels_last(grad), channels_last(x)
    out = cupy.empty_like(values)
    arguments = x.shape[1], size, float(alpha), float(beta), float(k)
    _local_response_norm_backward[x.dtype](out.size, grads, values, out, *arguments)
    return channels_first(out)
