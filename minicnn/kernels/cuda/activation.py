"""Activations on the GPU, and the bias gradients that go with them."""

from __future__ import annotations

from typing import Any

import cupy
import numpy as np

from .runtime.layout import channels_first, channels_last, flatten, unflatten, vector_width, written
from .runtime.module import FLOATS, HALVES, SINGLES, VECTORS, CudaFile, accumulator
from .runtime.reduce import Reduction, total_launch

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

cuda_file = CudaFile("activation.cu")
_relu = cuda_file.kernel("relu", VECTORS + SINGLES)
_relu_backward = cuda_file.kernel("relu_backward", VECTORS + SINGLES)
_hardtanh = cuda_file.kernel("hardtanh", VECTORS + SINGLES)
_hardtanh_backward = cuda_file.kernel("hardtanh_backward", VECTORS + SINGLES)
_silu = cuda_file.kernel("silu", VECTORS + SINGLES)
_silu_backward = cuda_file.kernel("silu_backward", VECTORS + SINGLES)
_gelu = cuda_file.kernel("gelu", VECTORS + SINGLES)
_gelu_backward = cuda_file.kernel("gelu_backward", VECTORS + SINGLES)
_erf = cuda_file.kernel("erf_forward", HALVES + FLOATS)
_channel_sum = cuda_file.kernel("channel_sum", VECTORS + SINGLES)
_relu_bias_backward = cuda_file.kernel("relu_bias_backward", VECTORS + SINGLES)
_channel_sum_total = cuda_file.kernel("channel_sum_total", HALVES + FLOATS)


def relu(x: cupy.ndarray, out: cupy.ndarray | None = None) -> cupy.ndarray:
    """max(x, 0) element by element, in the memory order of ``x``, or in ``out``; NaN stays NaN."""
    if x.dtype.kind in "iu":  # which layers do not have, and the kernel does not know
        return cupy.maximum(x, 0, out=out)
    flat, *given = flatten(x) if out is None else flatten(x, out)
    result = given[0] if given else cupy.empty_like(flat)
    width = vector_width(flat.size, flat, result)
    _relu[x.dtype, width](x.size // width, flat, result)
    return unflatten(result, x) if out is None else written(result, out, x)


def relu_backward(grad: cupy.ndarray, out: cupy.ndarray) -> cupy.ndarray:
    """0 where ``out`` <= 0, else ``grad``, in the memory order of ``out``."""
    flat_out, flat_grad = flatten(out, grad)
    result = cupy.empty_like(flat_grad)
    width = vector_width(flat_grad.size, flat_grad, flat_out)
    _relu_backward[grad.dtype, width](grad.size // width, flat_grad, flat_out, result)
    return unflatten(result, out)


def hardtanh(x: cupy.ndarray, low: float, high: float) -> cupy.ndarray:
    """``x`` limited to [low, high], in the memory order of ``x``; NaN stays NaN."""
    if x.dtype.kind in "iu":  # which layers do not have, and the kernel does not know
        return cupy.clip(x, low, high).astype(x.dtype, copy=False)
    (flat,) = flatten(x)
    result = cupy.empty_like(flat)
    width = vector_width(flat.size, flat)
    _hardtanh[x.dtype, width](x.size // width, flat, result, float(low), float(high))
    return unflatten(result, x)


def hardtanh_backward(grad: cupy.ndarray, x: cupy.ndarray, low: float, high: float) -> cupy.ndarray:
    """0 where ``x`` <= low or ``x`` >= high, else ``grad``, in the memory order of ``x``."""
    flat_x, flat_grad = flatten(x, grad)
    result = cupy.empty_like(flat_grad)
    width = vector_width(flat_grad.size, flat_grad, flat_x)
    _hardtanh_backward[grad.dtype, width](
        grad.size // width, flat_grad, flat_x, result, float(low), float(high)
    )
    return unflatten(result, x)


def silu(x: cupy.ndarray) -> cupy.ndarray:
    """x / (1 + exp(-x)), in the memory order of ``x``."""
    return _of_each(_silu, x)


def silu_backward(grad: cupy.ndarray, x: cupy.ndarray) -> cupy.ndarray:
    """The gradient of ``x`` in :func:`silu`, in the memory order of ``x``."""
    return _of_each(_silu_backward, x, grad)


def gelu(x: cupy.ndarray) -> cupy.ndarray:
    """x times the probability that a standard normal number is below it, in the order of ``x``."""
    return _of_each(_gelu, x)


def gelu_backward(grad: cupy.ndarray, x: cupy.ndarray) -> cupy.ndarray:
    """The gradient of ``x`` in :func:`gelu`, in the memory order of ``x``."""
    return _of_each(_gelu_backward, x, grad)


def _of_each(kernel: Any, x: cupy.ndarray, *grad: cupy.ndarray) -> cupy.ndarray:
    """What a kernel makes of each element of ``x``, and of a gradient if there is one."""
    flat, *flat_grad = flatten(x, *grad)
    result = cupy.empty_like(flat)
    width = vector_width(flat.size, flat, *flat_grad)
    kernel[x.dtype, width](x.size // width, *flat_grad, flat, result)
    return unflatten(result, x)


def relu_bias_backward(
    grad: cupy.ndarray, out: cupy.ndarray, dtype: np.dtype[Any] | None = None
) -> tuple[cupy.ndarray, cupy.ndarray]:
    """The gradients of ``out = relu(x + bias)``, where bias (C,) is added by channel, in one pass.

    Args:
        grad, out: (N, C, ...).
        dtype: of the bias's gradient, by default the dtype of ``grad``.

    Returns:
        The gradient of x, which is 0 where ``out`` <= 0, else ``grad``; and of bias, which is the
        :func:`channel_sum` of this.
    """
    grads, outs = channels_last(grad), channels_last(out)
    C = grads.shape[-1]
    result = cupy.empty_like(grads)
    width = vector_width(C, grads, outs)
    how = Reduction.of(grads, width)
    partial = cupy.empty((how.splits, C), accumulator(grad.dtype))
    _relu_bias_backward[grad.dtype, width].launch(
        how.grid, how.block, grads, outs, result, partial, how.M, C
    )
    return channels_first(result), channel_total(partial, dtype or grad.dtype)


def channel_sum(x: cupy.ndarray, dtype: np.dtype[Any] | None = None) -> cupy.ndarray:
    """(C,): the sum of ``x`` (N, C, ...) over every axis but 1, in ``dtype`` or as ``x``."""
    values = channels_last(x)
    C = values.shape[-1]
    if C == 0:
        return cupy.empty(0, dtype or x.dtype)
    width = vector_width(C, values)
    how = Reduction.of(values, width)
    partial = cupy.empty((how.splits, C), accumulator(x.dtype))
    _channel_sum[x.dtype, width].launch(how.grid, how.block, values, partial, how.M, C)
    return channel_total(partial, dtype or x.dtype)


def channel_total(partial: cupy.ndarray, dtype: np.dtype[Any]) -> cupy.ndarray:
    """Step 2 of a sum by channel: that of ``partial`` (splits, C) over the splits."""
    splits, C = partial.shape
    # the kernel can convert float32 to 16 bits, but not float32 to float64 or back
    sums = cupy.empty(C, dtype if accumulator(dtype) == partial.dtype else partial.dtype)
    _channel_sum_total[sums.dtype].launch(*total_launch(C), partial, sums, C, splits)
    return sums.astype(dtype, copy=False)


def erf(x: cupy.ndarray) -> cupy.ndarray:
    """The Gauss error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to ``x``."""
    (flat,) = flatten(x)
    out = cupy.empty_like(flat)
    _erf[x.dtype](x.size, flat, out)
    return unflatten(out, x)
