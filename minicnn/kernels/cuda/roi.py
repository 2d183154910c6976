"""Regions of interest on the GPU: boxes of feature maps, brought to one size."""

from __future__ import annotations

import cupy
import numpy as np

from ..geometry import Pair
from .runtime.layout import channels_first, channels_last
from .runtime.module import FLOATS, HALVES, CudaFile, accumulator

__all__ = ["roi_align", "roi_align_backward", "roi_pool"]

cuda_file = CudaFile("roi.cu")
_roi_align = cuda_file.kernel("roi_align", HALVES + FLOATS)
_roi_align_backward = cuda_file.kernel("roi_align_backward", HALVES + FLOATS)
_roi_pool = cuda_file.kernel("roi_pool", HALVES + FLOATS)


def roi_align(
    x: cupy.ndarray, rois: cupy.ndarray, output_size: Pair, spatial_scale: float,
    sampling_ratio: int, aligned: bool,
) -> cupy.ndarray:  # fmt: skip
    """(K, C, OH, OW): the mean of interpolated samples in each bin of each box (K, 5)."""
    C = x.shape[1]
    out = cupy.empty((len(rois), *output_size, C), x.dtype)
    options = float(spatial_scale), sampling_ratio, aligned
    boxes = cupy.ascontiguousarray(rois)
    _roi_align[x.dtype](out.size, channels_last(x), boxes, out, *x.shape, *output_size, *options)
    return channels_first(out)


def roi_align_backward(
    grad: cupy.ndarray, rois: cupy.ndarray, input_shape: tuple[int, ...], spatial_scale: float,
    sampling_ratio: int, aligned: bool,
) -> cupy.ndarray:  # fmt: skip
    """(N, C, H, W): the gradient of ``x`` in :func:`roi_align`.

    The order of its sums, and so their last bits, vary from run to run.
    """
    (N, C, H, W), output_size = input_shape, grad.shape[2:]
    sums = cupy.zeros((N, H, W, C), accumulator(grad.dtype))
    options = float(spatial_scale), sampling_ratio, aligned
    boxes = cupy.ascontiguousarray(rois)
    _roi_align_backward[grad.dtype](
        grad.size, channels_last(grad), boxes, sums, *input_shape, *output_size, *options
    )
    return channels_first(sums.astype(grad.dtype, copy=False))


def roi_pool(
    x: cupy.ndarray, rois: cupy.ndarray, output_size: Pair, spatial_scale: float
) -> tuple[cupy.ndarray, cupy.ndarray]:
    """(K, C, OH, OW): the maximum in each bin of each box, and where: h * W + w or -1, int64."""
    out = cupy.empty((len(rois), *output_size, x.shape[1]), x.dtype)
    argmax = cupy.empty(out.shape, np.int64)
    boxes = cupy.ascontiguousarray(rois)
    images, scale = channels_last(x), float(spatial_scale)
    _roi_pool[x.dtype](out.size, images, boxes, out, argmax, *x.shape, *output_size, scale)
    return channels_first(out), channels_first(argmax)
