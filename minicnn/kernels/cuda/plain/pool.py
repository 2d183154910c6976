"""Pooling on the GPU by its definition: one thread for each element of the result.

Adaptive pooling and the functions of indices in a plane are written that way in ``cuda/pool.cu``.
"""

from __future__ import annotations

import cupy
import numpy as np

from ...geometry import Geometry
from ..pool import (
    adaptive_avg_pool2d,
    adaptive_avg_pool2d_scatter,
    adaptive_max_pool2d,
    plane_gather,
    plane_scatter,
)
from ..runtime.module import FLOATS, HALVES, CudaFile, accumulator, geometry_argument

__all__ = [
    "adaptive_avg_pool2d",
    "adaptive_avg_pool2d_scatter",
    "adaptive_max_pool2d",
    "avg_pool2d",
    "avg_pool2d_scatter",
    "max_pool2d",
    "max_pool2d_gather",
    "max_pool2d_scatter",
    "plane_gather",
    "plane_scatter",
]

_ARGMAX = ("uint8", "int32")

cuda_file = CudaFile("plain/pool.cu")
_max_pool2d = cuda_file.kernel("max_pool2d", HALVES + FLOATS, _ARGMAX)
_max_pool2d_scatter = cuda_file.kernel("max_pool2d_scatter", HALVES + FLOATS, _ARGMAX)
_max_pool2d_gather = cuda_file.kernel("max_pool2d_gather", HALVES + FLOATS, _ARGMAX)
_avg_pool2d = cuda_file.kernel("avg_pool2d", HALVES + FLOATS)
_avg_pool2d_scatter = cuda_file.kernel("avg_pool2d_scatter", HALVES + FLOATS)


def max_pool2d(
    x: cupy.ndarray, geometry: Geometry, with_argmax: bool = True
) -> tuple[cupy.ndarray, cupy.ndarray | None]:
    """The maximum of each window and its argmax, the tap kh * KW + kw, as ``torch.nn.functional.max_pool2d``.

    Padding counts as -inf. Of equal maxima the first in (kh, kw) order wins. NaN is larger than
    everything, and of several NaNs the last wins. A window that lies wholly in the padding gives
    -inf and the argmax KH * KW, "no pixel".

    Args:
        x: (N, C, H, W).
        geometry: where the windows lie.
        with_argmax: whether the argmax is wanted.

    Returns:
        Both (N, C, OH, OW); the argmax is uint8 if KH * KW < 256, else int32; None if not wanted.
    """
    KH, KW = geometry.kernel_size
    out = cupy.empty((*x.shape[:2], *geometry.output_size), x.dtype)
    argmax = cupy.empty(out.shape, np.uint8 if KH * KW < 256 else np.int32)
    _max_pool2d[x.dtype, argmax.dtype](
        out.size, cupy.ascontiguousarray(x), out, argmax, geometry_argument(geometry)
    )
    return out, argmax if with_argmax else None


def max_pool2d_scatter(
    grad: cupy.ndarray, argmax: cupy.ndarray, geometry: Geometry
) -> cupy.ndarray:
    """(N, C, H, W): the sum of ``grad`` (N, C, OH, OW) where the maxima of the windows lie."""
    grad, argmax = cupy.ascontiguousarray(grad), cupy.ascontiguousarray(argmax)
    grad_x = cupy.empty((*grad.shape[:2], *geometry.input_size), grad.dtype)
    _max_pool2d_scatter[grad.dtype, argmax.dtype](
        grad_x.size, grad, argmax, grad_x, geometry_argument(geometry)
    )
    return grad_x


def max_pool2d_gather(x: cupy.ndarray, argmax: cupy.ndarray, geometry: Geometry) -> cupy.ndarray:
    """(N, C, OH, OW): the pixel of ``x`` (N, C, H, W) where the maximum of each window lies."""
    x, argmax = cupy.ascontiguousarray(x), cupy.ascontiguousarray(argmax)
    out = cupy.empty(argmax.shape, x.dtype)
    _max_pool2d_gather[x.dtype, argmax.dtype](out.size, x, argmax, out, geometry_argument(geometry))
    return out


def avg_pool2d(x: cupy.ndarray, scale: cupy.ndarray, geometry: Geometry) -> cupy.ndarray:
    """(N, C, OH, OW): the sum of each window of ``x`` (N, C, H, W) times ``scale`` (OH, OW)."""
    scale = cupy.ascontiguousarray(scale, accumulator(x.dtype))
    out = cupy.empty((*x.shape[:2], *geometry.output_size), x.dtype)
    _avg_pool2d[x.dtype](
        out.size, cupy.ascontiguousarray(x), scale, out, geometry_argument(geometry)
    )
    return out


def avg_pool2d_scatter(grad: cupy.ndarray, scale: cupy.ndarray, geometry: Geometry) -> cupy.ndarray:
    """(N, C, H, W): each ``grad`` (N, C, OH, OW) times ``scale`` added to its whole window."""
    scale = cupy.ascontiguousarray(scale, accumulator(grad.dtype))
    grad_x = cupy.empty((*grad.shape[:2], *geometry.input_size), grad.dtype)
    _avg_pool2d_scatter[grad.dtype](
        grad_x.size, cupy.ascontiguousarray(grad), scale, grad_x, geometry_argument(geometry)
    )
    return grad_x
