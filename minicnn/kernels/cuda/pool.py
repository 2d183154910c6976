"""Pooling on the GPU: maximum and average over windows, and their gradients."""

from __future__ import annotations

import math
from typing import Any

import cupy
import numpy as np

from ..geometry import Geometry, Pair
from .activation import channel_total
from .runtime.layout import channels_first, channels_last, vector_width
from .runtime.module import (
    FLOATS,
    HALVES,
    SINGLES,
    VECTORS,
    CudaFile,
    accumulator,
    geometry_argument,
)
from .runtime.reduce import Reduction

__all__ = [
    "adaptive_avg_pool2d",
    "adaptive_avg_pool2d_scatter",
    "adaptive_max_pool2d",
    "avg_pool2d",
    "avg_pool2d_scatter",
    "max_pool2d",
    "max_pool2d_bias_backward",
    "max_pool2d_gather",
    "max_pool2d_relu",
    "max_pool2d_scatter",
    "plane_gather",
    "plane_scatter",
]

_FEW_THREADS = 1 << 16  # below this a large GPU is not busy

_ARGMAX_DTYPES = ("uint8", "int32")
_MAX_POOLS = [(*types, "uint8") for types in VECTORS + SINGLES]
_MAX_POOLS += [(*types, "int32") for types in SINGLES]  # for windows of 256 pixels and more

cuda_file = CudaFile("pool.cu")
_max_pool2d_kernel = cuda_file.kernel("max_pool2d", _MAX_POOLS)
_max_pool2d_scatter = cuda_file.kernel("max_pool2d_scatter", _MAX_POOLS)
_max_pool2d_bias_backward = cuda_file.kernel("max_pool2d_bias_backward", _MAX_POOLS)
_max_pool2d_gather = cuda_file.kernel("max_pool2d_gather", HALVES + FLOATS, _ARGMAX_DTYPES)
_avg_pool2d = cuda_file.kernel("avg_pool2d", VECTORS + SINGLES)
_avg_pool2d_scatter = cuda_file.kernel("avg_pool2d_scatter", VECTORS + SINGLES)
_adaptive_avg_pool2d = cuda_file.kernel("adaptive_avg_pool2d", HALVES + FLOATS)
_adaptive_avg_pool2d_scatter = cuda_file.kernel("adaptive_avg_pool2d_scatter", HALVES + FLOATS)
_adaptive_max_pool2d = cuda_file.kernel("adaptive_max_pool2d", HALVES + FLOATS)
_plane_scatter = cuda_file.kernel("plane_scatter", HALVES + FLOATS)
_plane_gather = cuda_file.kernel("plane_gather", HALVES + FLOATS)


def max_pool2d(
    x: cupy.ndarray, geometry: Geometry, with_argmax: bool = True
) -> tuple[cupy.ndarray, cupy.ndarray | None]:
    """The maximum of each window, and where it lies in the window, as torch's ``max_pool2d``.

    Padding counts as -inf, so a window wholly outside the input gives -inf, and argmax KH * KW. If
    several maxima are equal, the first in (kh, kw) order counts. NaN is larger than every number;
    of several NaNs the last counts.

    Args:
        x: (N, C, H, W).
        geometry: where the windows lie.
        with_argmax: whether argmax is wanted. (It is computed anyway, at almost no cost.)

    Returns:
        out and argmax, kh * KW + kw, both (N, C, OH, OW). argmax is uint8 if KH * KW < 256, else
        int32; None if it is not wanted.
    """
    return _max_pool2d(x, geometry, with_argmax, relu=False)


def max_pool2d_relu(
    x: cupy.ndarray, geometry: Geometry, with_argmax: bool = True
) -> tuple[cupy.ndarray, cupy.ndarray | None]:
    """ReLU of :func:`max_pool2d`, applied before the result is written.

    Where the maximum is not above 0, argmax is KH * KW, "no pixel": :func:`max_pool2d_scatter` then
    passes no gradient, and :func:`max_pool2d_gather` gives 0.
    """
    return _max_pool2d(x, geometry, with_argmax, relu=True)


def _max_pool2d(
    x: cupy.ndarray, geometry: Geometry, with_argmax: bool, relu: bool
) -> tuple[cupy.ndarray, cupy.ndarray | None]:
    images = channels_last(x)
    N, _, _, C = images.shape
    KH, KW = geometry.kernel_size
    out = cupy.empty((N, *geometry.output_size, C), x.dtype)
    argmax = cupy.empty(out.shape, np.uint8 if KH * KW < 256 else np.int32)
    width = vector_width(C, images) if KH * KW < 256 else 1
    _max_pool2d_kernel[x.dtype, width, argmax.dtype](
        out.size // width, images, out, argmax, C // width, geometry_argument(geometry), relu
    )
    return channels_first(out), channels_first(argmax) if with_argmax else None


def max_pool2d_scatter(
    grad: cupy.ndarray, argmax: cupy.ndarray, geometry: Geometry
) -> cupy.ndarray:
    """(N, C, H, W): each ``grad`` (N, C, OH, OW) added to the pixel of its window's maximum."""
    grads, argmaxes = channels_last(grad), channels_last(argmax)
    N, _, _, C = grads.shape
    out = cupy.empty((N, *geometry.input_size, C), grad.dtype)
    width = vector_width(C, grads, argmaxes) if argmaxes.dtype == np.uint8 else 1
    _max_pool2d_scatter[grad.dtype, width, argmaxes.dtype](
        out.size // width, grads, argmaxes, out, C // width, geometry_argument(geometry)
    )
    return channels_first(out)


def max_pool2d_bias_backward(
    grad: cupy.ndarray,
    argmax: cupy.ndarray,
    geometry: Geometry,
    dtype: np.dtype[Any] | None = None,
) -> tuple[cupy.ndarray, cupy.ndarray]:
    """:func:`max_pool2d_scatter`, and the gradient of a bias in the pooled images, in one pass.

    Args:
        grad, argmax: (N, C, OH, OW).
        geometry: where the windows lie.
        dtype: of the bias's gradient, by default the dtype of ``grad``.

    Returns:
        The gradient of the images, (N, C, H, W), and its sum over all axes but the channels, (C,).
    """
    grads, argmaxes = channels_last(grad), channels_last(argmax)
    N, _, _, C = grads.shape
    out = cupy.empty((N, *geometry.input_size, C), grad.dtype)
    width = vector_width(C, grads, argmaxes) if argmaxes.dtype == np.uint8 else 1
    how = Reduction.of(out, width)
    partial = cupy.empty((how.splits, C), accumulator(grad.dtype))
    _max_pool2d_bias_backward[grad.dtype, width, argmaxes.dtype].launch(
        how.grid, how.block, grads, argmaxes, out, partial, how.M, C, geometry_argument(geometry)
    )
    return channels_first(out), channel_total(partial, dtype or grad.dtype)


def max_pool2d_gather(x: cupy.ndarray, argmax: cupy.ndarray, geometry: Geometry) -> cupy.ndarray:
    """(N, C, OH, OW): of each window, the pixel of ``x`` (N, C, H, W) at ``argmax``."""
    images, argmaxes = channels_last(x), channels_last(argmax)
    out = cupy.empty(argmaxes.shape, x.dtype)
    _max_pool2d_gather[x.dtype, argmax.dtype](
        out.size, images, argmaxes, out, x.shape[1], geometry_argument(geometry)
    )
    return channels_first(out)


def avg_pool2d(x: cupy.ndarray, scale: cupy.ndarray, geometry: Geometry) -> cupy.ndarray:
    """(N, C, OH, OW): the sum of each window of ``x`` (N, C, H, W) times ``scale`` (OH, OW)."""
    images = channels_last(x)
    N, _, _, C = images.shape
    out = cupy.empty((N, *geometry.output_size, C), x.dtype)
    width = vector_width(C, images)
    if out.size // width < _FEW_THREADS:  # such as the means of whole images
        width = 1
    factors = cupy.ascontiguousarray(scale, accumulator(x.dtype))
    _avg_pool2d[x.dtype, width](
        out.size // width, images, factors, out, C // width, geometry_argument(geometry)
    )
    return channels_first(out)


def avg_pool2d_scatter(grad: cupy.ndarray, scale: cupy.ndarray, geometry: Geometry) -> cupy.ndarray:
    """(N, C, H, W): each ``grad`` (N, C, OH, OW) times ``scale`` added to its whole window."""
    grads = channels_last(grad)
    N, _, _, C = grads.shape
    out = cupy.empty((N, *geometry.input_size, C), grad.dtype)
    width = vector_width(C, grads)
    factors = cupy.ascontiguousarray(scale, accumulator(grad.dtype))
    _avg_pool2d_scatter[grad.dtype, width](
        out.size // width, grads, factors, out, C // width, geometry_argument(geometry)
    )
    return channels_first(out)


def adaptive_avg_pool2d(x: cupy.ndarray, output_size: Pair) -> cupy.ndarray:
    """(N, C, OH, OW): the mean of each window; windows as in :func:`adaptive_max_pool2d`."""
    N, C, H, W = x.shape
    out = cupy.empty((N, *output_size, C), x.dtype)
    _adaptive_avg_pool2d[x.dtype](out.size, channels_last(x), out, C, H, W, *output_size)
    return channels_first(out)


def adaptive_avg_pool2d_scatter(grad: cupy.ndarray, input_size: Pair) -> cupy.ndarray:
    """(N, C, H, W): each ``grad`` (N, C, OH, OW) shared out among the pixels of its window."""
    N, C, OH, OW = grad.shape
    out = cupy.empty((N, *input_size, C), grad.dtype)
    _adaptive_avg_pool2d_scatter[grad.dtype](
        out.size, channels_last(grad), out, C, *input_size, OH, OW
    )
    return channels_first(out)


def adaptive_max_pool2d(x: cupy.ndarray, output_size: Pair) -> tuple[cupy.ndarray, cupy.ndarray]:
    """The maximum of each window and its int64 index h * W + w, both (N, C, OH, OW).

    Window i of OH covers rows floor(i * H / OH) up to ceil((i + 1) * H / OH), and columns likewise.
    Of equal maxima the first counts, as in ``torch.nn.functional.adaptive_max_pool2d``. NaN is
    larger than every number; of several NaNs the last counts.
    """
    N, C, H, W = x.shape
    out = cupy.empty((N, *output_size, C), x.dtype)
    indices = cupy.empty(out.shape, np.int64)
    _adaptive_max_pool2d[x.dtype](out.size, channels_last(x), out, indices, C, H, W, *output_size)
    return channels_first(out), channels_first(indices)


def plane_scatter(grad: cupy.ndarray, indices: cupy.ndarray, input_size: Pair) -> cupy.ndarray:
    """(N, C, H, W): ``grad`` added at ``indices`` h * W + w (both N, C, OH, OW), others 0.

    If an index occurs several times in a plane, the order of its sum, and so its last bits, vary from
    run to run.
    """
    N, C, OH, OW = grad.shape
    planes = cupy.zeros((N, *input_size, C), accumulator(grad.dtype))
    _plane_scatter[grad.dtype](
        grad.size,
        channels_last(grad),
        channels_last(indices),
        planes,
        C,
        OH * OW,
        math.prod(input_size),
    )
    return channels_first(planes.astype(grad.dtype, copy=False))


def plane_gather(x: cupy.ndarray, indices: cupy.ndarray) -> cupy.ndarray:
    """(N, C, OH, OW): ``x`` (N, C, H, W) at ``indices`` h * W + w of the same shape."""
    _, C, H, W = x.shape
    positions = channels_last(indices)
    out = cupy.empty(positions.shape, x.dtype)
    P = math.prod(indices.shape[2:])
    _plane_gather[x.dtype](out.size, channels_last(x), positions, out, C, P, H * W)
    return channels_first(out)
