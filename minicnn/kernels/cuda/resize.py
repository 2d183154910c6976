"""Resizing images on the GPU: nearest neighbour and bilinear, and their gradients.

``scale`` is (vertical, horizontal): input pixels per output pixel.
"""

from __future__ import annotations

import cupy
import numpy as np

from ..geometry import Pair
from .runtime.layout import channels_first, channels_last
from .runtime.module import FLOATS, HALVES, CudaFile

__all__ = [
    "resize_bilinear",
    "resize_bilinear_backward",
    "resize_nearest",
    "resize_nearest_backward",
]

Scale = tuple[float, float]

cuda_file = CudaFile("resize.cu")
_nearest = cuda_file.kernel("resize_nearest", (*HALVES, *FLOATS, "uint8"))
_nearest_backward = cuda_file.kernel("resize_nearest_backward", HALVES + FLOATS)
_bilinear = cuda_file.kernel("resize_bilinear", HALVES + FLOATS)
_bilinear_backward = cuda_file.kernel("resize_bilinear_backward", HALVES + FLOATS)


def resize_nearest(x: cupy.ndarray, output_size: Pair, scale: Scale) -> cupy.ndarray:
    """(N, C, OH, OW): output pixel i copies input pixel floor(i * scale), as ``mode="nearest"``."""
    N, C, H, W = x.shape
    out = cupy.empty((N, *output_size, C), x.dtype)
    factors = np.float32(scale[0]), np.float32(scale[1])
    _nearest[x.dtype](out.size, channels_last(x), out, C, H, W, *output_size, *factors)
    return channels_first(out)


def resize_nearest_backward(grad: cupy.ndarray, input_size: Pair, scale: Scale) -> cupy.ndarray:
    """(N, C, H, W): the gradient of :func:`resize_nearest` by its input."""
    N, C, OH, OW = grad.shape
    out = cupy.empty((N, *input_size, C), grad.dtype)
    factors = np.float32(scale[0]), np.float32(scale[1])
    _nearest_backward[grad.dtype](
        out.size, channels_last(grad), out, C, *input_size, OH, OW, *factors
    )
    return channels_first(out)


def resize_bilinear(
    x: cupy.ndarray, output_size: Pair, scale: Scale, align_corners: bool
) -> cupy.ndarray:
    """(N, C, OH, OW): each pixel is interpolated between four, as ``mode="bilinear"``."""
    N, C, H, W = x.shape
    out = cupy.empty((N, *output_size, C), x.dtype)
    factors = float(scale[0]), float(scale[1])
    _bilinear[x.dtype](
        out.size, channels_last(x), out, C, H, W, *output_size, *factors, align_corners
    )
    return channels_first(out)


def resize_bilinear_backward(
    grad: cupy.ndarray, input_size: Pair, scale: Scale, align_corners: bool
) -> cupy.ndarray:
    """(N, C, H, W): the gradient of :func:`resize_bilinear` by its input."""
    N, C, OH, OW = grad.shape
    out = cupy.empty((N, *input_size, C), grad.dtype)
    factors = float(scale[0]), float(scale[1])
    _bilinear_backward[grad.dtype](
        out.size, channels_last(grad), out, C, *input_size, OH, OW, *factors, align_corners
    )
    return channels_first(out)
