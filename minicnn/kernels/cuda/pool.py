"""Pooling on the GPU: maximum and average over windows, and their gradients."""

from __future__ import annotations

import math

import cupy
import numpy as np

from ..geometry import Geometry, Pair
from .module import (
    FLOATS,
    CudaFile,
    accumulator,
    channels_first,
    channels_last,
    geometry_argument,
)

__all__ = [
    "adaptive_max_pool2d",
    "avg_pool2d",
    "avg_pool2d_scatter",
    "max_pool2d",
    "max_pool2d_gather",
    "max_pool2d_scatter",
    "plane_gather",
    "plane_scatter",
]

_PLACES = ("uint8", "int32")  # the types of argmax

cuda_file = CudaFile("pool.cu")
_max_pool2d = cuda_file.kernel("max_pool2d", FLOATS, _PLACES)
_max_pool2d_scatter = cuda_file.kernel("max_pool2d_scatter", FLOATS, _PLACES)
_max_pool2d_gather = cuda_file.kernel("max_pool2d_gather", FLOATS, _PLACES)
_avg_pool2d = cuda_file.kernel("avg_pool2d", FLOATS)
_avg_pool2d_scatter = cuda_file.kernel("avg_pool2d_scatter", FLOATS)
_adaptive_max_pool2d = cuda_file.kernel("adaptive_max_pool2d", FLOATS)
_plane_scatter = cuda_file.kernel("plane_scatter", FLOATS)
_plane_gather = cuda_file.kernel("plane_gather", FLOATS)


def max_pool2d(x: cupy.ndarray, geometry: Geometry) -> tuple[cupy.ndarray, cupy.ndarray]:
    """The maximum of each window and its place, kh * KW + kw, as ``F.max_pool2d`` of torch.

    Padding counts as -inf. Of equal maxima the first in (kh, kw) order is meant. NaN is larger
    than everything, and of several the last is meant.
    """
    N, C, _, _ = x.shape
    KH, KW = geometry.kernel_size
    out = cupy.empty((N, *geometry.output_size, C), x.dtype)
    argmax = cupy.empty(out.shape, np.uint8 if KH * KW <= 256 else np.int32)
    _max_pool2d[x.dtype, argmax.dtype](
        out.size, channels_last(x), out, argmax, C, geometry_argument(geometry)
    )
    return channels_first(out), channels_first(argmax)


def max_pool2d_scatter(
    grad: cupy.ndarray, argmax: cupy.ndarray, geometry: Geometry
) -> cupy.ndarray:
    """(N, C, H, W): the sum of ``grad`` (N, C, OH, OW) where the maxima of the windows lie."""
    N, C, _, _ = grad.shape
    out = cupy.empty((N, *geometry.input_size, C), grad.dtype)
    grads, places = channels_last(grad), channels_last(argmax)
    _max_pool2d_scatter[grad.dtype, argmax.dtype](
        out.size, grads, places, out, C, geometry_argument(geometry)
    )
    return channels_first(out)


def max_pool2d_gather(x: cupy.ndarray, argmax: cupy.ndarray, geometry: Geometry) -> cupy.ndarray:
    """(N, C, OH, OW): the pixel of ``x`` (N, C, H, W) where the maximum of each window lies."""
    images, places = channels_last(x), channels_last(argmax)
    out = cupy.empty(places.shape, x.dtype)
    _max_pool2d_gather[x.dtype, argmax.dtype](
        out.size, images, places, out, x.shape[1], geometry_argument(geometry)
    )
    return channels_first(out)


def avg_pool2d(x: cupy.ndarray, scale: cupy.ndarray, geometry: Geometry) -> cupy.ndarray:
    """(N, C, OH, OW): the sum of each window of ``x`` (N, C, H, W) times ``scale`` (OH, OW)."""
    N, C, _, _ = x.shape
    out = cupy.empty((N, *geometry.output_size, C), x.dtype)
    factors = cupy.ascontiguousarray(scale, accumulator(x.dtype))
    _avg_pool2d[x.dtype](out.size, channels_last(x), factors, out, C, geometry_argument(geometry))
    return channels_first(out)


def avg_pool2d_scatter(grad: cupy.ndarray, scale: cupy.ndarray, geometry: Geometry) -> cupy.ndarray:
    """(N, C, H, W): each ``grad`` (N, C, OH, OW) times ``scale`` added to its whole window."""
    N, C, _, _ = grad.shape
    out = cupy.empty((N, *geometry.input_size, C), grad.dtype)
    factors = cupy.ascontiguousarray(scale, accumulator(grad.dtype))
    _avg_pool2d_scatter[grad.dtype](
        out.size, channels_last(grad), factors, out, C, geometry_argument(geometry)
    )
    return channels_first(out)


def adaptive_max_pool2d(x: cupy.ndarray, output_size: Pair) -> tuple[cupy.ndarray, cupy.ndarray]:
    """The maximum of each window and its int64 index h * W + w, both (N, C, OH, OW).

    Window i of o takes rows floor(i * H / o) up to ceil((i + 1) * H / o), and columns likewise. Of
    equal maxima the first is meant, as in ``torch.nn.functional.adaptive_max_pool2d``.
    """
    N, C, H, W = x.shape
    out = cupy.empty((N, *output_size, C), x.dtype)
    indices = cupy.empty(out.shape, np.int64)
    _adaptive_max_pool2d[x.dtype](out.size, channels_last(x), out, indices, C, H, W, *output_size)
    return channels_first(out), channels_first(indices)


def plane_scatter(grad: cupy.ndarray, indices: cupy.ndarray, input_size: Pair) -> cupy.ndarray:
    """(N, C, H, W): ``grad`` added at ``indices`` h * W + w (both N, C, OH, OW), others 0.

    With equal indices in a plane the order of the sums, and their last bits, vary between runs.
    """
    N, C, OH, OW = grad.shape
    planes = cupy.zeros((N, *input_size, C), grad.dtype)
    _plane_scatter[grad.dtype](
        grad.size,
        channels_last(grad),
        channels_last(indices),
        planes,
        C,
        OH * OW,
        math.prod(input_size),
    )
    return channels_first(planes)


def plane_gather(x: cupy.ndarray, indices: cupy.ndarray) -> cupy.ndarray:
    """(N, C, OH, OW): ``x`` (N, C, H, W) at ``indices`` h * W + w of the same shape."""
    _, C, H, W = x.shape
    places = channels_last(indices)
    out = cupy.empty(places.shape, x.dtype)
    P = math.prod(indices.shape[2:])
    _plane_gather[x.dtype](out.size, channels_last(x), places, out, C, P, H * W)
    return channels_first(out)
