"""Regions of interest: boxes of feature maps, brought to one size.

``rois`` is (K, 5): the number of an image, and x1, y1, x2, y2, which times ``spatial_scale`` are
pixels of ``x``.
"""

import itertools
from collections.abc import Iterator

import numpy as np

from ...typing import Array
from ..geometry import Pair
from .arrays import widen


def roi_align(
    x: Array,
    rois: Array,
    output_size: Pair,
    spatial_scale: float,
    sampling_ratio: int,
    aligned: bool,
) -> Array:
    """x (N, C, H, W) -> (K, C, OH, OW): each box in OH x OW bins, each bin the mean of its samples.

    A bin has ``sampling_ratio`` samples along each axis, or if that is not positive as many as it is
    pixels long, rounded up. A sample blends the four nearest pixels; it is 0 if it lies more than a
    pixel outside the image, and in boxes that are not finite. With ``aligned`` coordinate 0 is the
    corner of the first pixel, else its centre, and boxes are at least a pixel long.
    """
    images = widen(x)
    out = np.zeros((len(rois), x.shape[1], *output_size), images.dtype)
    for k, roi in enumerate(widen(rois)):
        box = roi[1:] * spatial_scale - (0.5 if aligned else 0)
        image = images[int(roi[0])]
        for pixels, weights in _taps(box, x.shape[2:], output_size, sampling_ratio, aligned):
            out[k] += (image[pixels] * weights).sum((2, 4))
    return out.astype(x.dtype)


def roi_align_backward(
    grad: Array, rois: Array, input_shape: tuple[int, ...], spatial_scale: float,
    sampling_ratio: int, aligned: bool,
) -> Array:  # fmt: skip
    """grad (K, C, OH, OW) -> (N, C, H, W)."""
    values = widen(grad)
    out = np.zeros(input_shape, values.dtype)
    for roi, bins in zip(widen(rois), values):
        box = roi[1:] * spatial_scale - (0.5 if aligned else 0)
        sizes = input_shape[2:], bins.shape[1:]
        for pixels, weights in _taps(box, *sizes, sampling_ratio, aligned):
            np.add.at(out[int(roi[0])], pixels, bins[:, :, None, :, None] * weights)
    return out.astype(grad.dtype)


def _taps(box, input_size, output_size, sampling_ratio, aligned):
    """Yields an index and weights, both (..., OH, samples, OW, samples), for each of four pixels."""
    x1, y1, x2, y2 = box
    rows = _axis(y1, y2, input_size[0], output_size[0], sampling_ratio, aligned)
    columns = _axis(x1, x2, input_size[1], output_size[1], sampling_ratio, aligned)
    for (row, row_weights), (column, column_weights) in itertools.product(rows, columns):
        index = ..., row[:, :, None, None], column
        yield index, row_weights[:, :, None, None] * column_weights


def _axis(start, end, size, bins, sampling_ratio, aligned):
    """The lower and the upper pixel of each sample along an axis, (bins, samples), with weights."""
    dtype = start.dtype
    length = end - start if aligned else np.maximum(end - start, 1)
    bin_size = length / dtype.type(bins)
    count = sampling_ratio
    if count <= 0:
        count = max(int(np.ceil(bin_size)), 0) if np.isfinite(bin_size) else 0
    first = start + np.arange(bins, dtype=dtype)[:, None] * bin_size
    position = first + (np.arange(count, dtype=dtype) + 0.5) * bin_size / count
    inside = (position >= -1) & (position <= size)
    position = np.clip(np.where(inside, position, 0), 0, size - 1)
    low = position.astype(int)
    share, mean = position - low.astype(dtype), inside.astype(dtype) / max(count, 1)
    return (low, (1 - share) * mean), (np.minimum(low + 1, size - 1), share * mean)


def roi_pool(x: Array, rois: Array, output_size: Pair, spatial_scale: float) -> tuple[Array, Array]:
    """x (N, C, H, W) -> the maximum in each of OH x OW bins of a box, and where, (K, C, OH, OW).

    Corners are rounded to pixels, and belong to the box. The argmax is h * W + w of the first maximum,
    int64. A bin wholly outside the image gives 0 and the argmax -1. NaN is no maximum: where a bin has
    no number above the lowest of float32, it gives that one and the argmax -1.
    """
    K, C, (H, W) = len(rois), x.shape[1], x.shape[2:]
    lowest = np.finfo(np.float32).min
    out = np.zeros((K, C, *output_size), widen(x).dtype)
    argmax = np.full(out.shape, -1, np.int64)
    for k, roi in enumerate(widen(rois)):
        x1, y1, x2, y2 = rounded(roi[1:] * spatial_scale)
        image = widen(x[int(roi[0])])
        rows = bins_of(y1, y2, H, output_size[0], roi.dtype)
        columns = bins_of(x1, x2, W, output_size[1], roi.dtype)
        for (i, (top, bottom)), (j, (left, right)) in itertools.product(
            enumerate(rows), enumerate(columns)
        ):
            pixels = image[:, top:bottom, left:right].reshape(C, -1)
            if not pixels.size:
                continue
            numbers = np.where(pixels > lowest, pixels, -np.inf)  # without NaN
            best = numbers.argmax(1)
            maximum = numbers.max(1)
            found = maximum > lowest
            place = (top + best // (right - left)) * W + left + best % (right - left)
            out[k, :, i, j] = np.where(found, maximum, lowest)
            argmax[k, :, i, j] = np.where(found, place, -1)
    return out.astype(x.dtype), argmax


def rounded(box: Array) -> Array:
    """Halves away from zero, as in C; a coordinate that is not finite becomes 0."""
    box = np.where(np.isfinite(box), box, 0)
    whole = np.trunc(box)
    return (whole + np.sign(box) * (abs(box - whole) >= 0.5)).astype(int)


def bins_of(
    first: int, last: int, size: int, bins: int, dtype: np.dtype
) -> Iterator[tuple[int, int]]:
    """Yields where each bin of a box starts and ends along an axis of ``size`` pixels."""
    bin_size = dtype.type(max(last - first + 1, 1)) / dtype.type(bins)
    for i in range(bins):
        edges = int(np.floor(dtype.type(i) * bin_size)), int(np.ceil(dtype.type(i + 1) * bin_size))
        start, end = (min(max(int(first) + edge, 0), size) for edge in edges)
        yield start, end
