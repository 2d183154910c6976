"""Activations on the GPU: ReLU, its gradient, and the error function that GELU needs."""

from __future__ import annotations

import cupy

from .module import FLOATS, CudaFile, flatten, unflatten

__all__ = ["erf", "relu", "relu_backward"]

cuda_file = CudaFile("activation.cu")
_relu = cuda_file.kernel("relu", FLOATS)
_relu_backward = cuda_file.kernel("relu_backward", FLOATS)
_erf = cuda_file.kernel("erf_forward", FLOATS)


def relu(x: cupy.ndarray) -> cupy.ndarray:
    """max(x, 0) element by element, in the memory order of ``x``; NaN stays NaN."""
    (flat,) = flatten(x)
    out = cupy.empty_like(flat)
    _relu[x.dtype](x.size, flat, out)
    return unflatten(out, x)


def relu_backward(grad: cupy.ndarray, out: cupy.ndarray) -> cupy.ndarray:
    """``grad`` where ``out`` > 0, else 0, in the memory order of ``out``."""
    flat_out, flat_grad = flatten(out, grad)
    result = cupy.empty_like(flat_grad)
    _relu_backward[grad.dtype](grad.size, flat_grad, flat_out, result)
    return unflatten(result, out)


def erf(x: cupy.ndarray) -> cupy.ndarray:
    """The Gauss error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to ``x``."""
    (flat,) = flatten(x)
    out = cupy.empty_like(flat)
    _erf[x.dtype](x.size, flat, out)
    return unflatten(out, x)
