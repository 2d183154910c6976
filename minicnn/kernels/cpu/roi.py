"""Regions of interest on the CPU: two matrix products for each box.

Bilinear interpolation treats rows and columns alike. So the bins of a box are rows @ pixels @ columns,
where the matrix ``rows`` (OH, h) says how much each of h rows of pixels adds to a row of bins.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .. import plain
from ..geometry import Pair
from ..plain.roi import bins_of, rounded
from .runtime.layout import channels_last_empty
from .runtime.precision import compute_dtype
from .runtime.threads import for_each_slice

__all__ = ["roi_align", "roi_align_backward", "roi_pool"]


def roi_align(
    x: np.ndarray, rois: np.ndarray, output_size: Pair, spatial_scale: float, sampling_ratio: int,
    aligned: bool,
) -> np.ndarray:  # fmt: skip
    """(K, C, OH, OW): the mean of interpolated samples in each bin of each box (K, 5)."""
    options = spatial_scale, sampling_ratio, aligned
    dtype = compute_dtype(x.dtype)
    images = np.ascontiguousarray(x.transpose(0, 2, 3, 1), dtype)
    rows, columns = _weights(rois, x.shape[2:], output_size, *options)
    numbers = rois[:, 0].astype(int)
    out = channels_last_empty((len(rois), x.shape[1], *output_size), x.dtype)
    bins = out.transpose(0, 2, 3, 1)

    def work(start: int, stop: int) -> None:
        for k in range(start, stop):
            pixels = images[numbers[k], rows.pixels[k], columns.pixels[k]]  # (h, w, C)
            h, w, C = pixels.shape
            partly = rows.matrix(k) @ pixels.reshape(h, w * C)  # (OH, w * C)
            bins[k] = columns.matrix(k) @ partly.reshape(-1, w, C)

    for_each_slice(len(rois), work)
    sums = out.sum((1, 2, 3), dtype=np.float64)
    spread = ~np.isfinite(sums)  # 0 times an infinite pixel or NaN is NaN in all bins of its box
    if spread.any():
        out[spread] = plain.roi_align(x, rois[spread], output_size, *options)
    return out


def roi_align_backward(
    grad: np.ndarray, rois: np.ndarray, input_shape: tuple[int, ...], spatial_scale: float,
    sampling_ratio: int, aligned: bool,
) -> np.ndarray:  # fmt: skip
    """(N, C, H, W): the gradient of ``x`` in :func:`roi_align`."""
    options = spatial_scale, sampling_ratio, aligned
    dtype = compute_dtype(grad.dtype)
    bins = np.ascontiguousarray(grad.transpose(0, 2, 3, 1), dtype)
    size = input_shape[2], input_shape[3]
    rows, columns = _weights(rois, size, grad.shape[2:], *options)
    numbers = rois[:, 0].astype(int)
    out = channels_last_empty(input_shape, dtype)
    images = out.transpose(0, 2, 3, 1)

    def work(start: int, stop: int) -> None:
        images[start:stop] = 0
        for k in np.flatnonzero((numbers >= start) & (numbers < stop)).tolist():
            pixels = images[numbers[k], rows.pixels[k], columns.pixels[k]]  # (h, w, C), a view
            partly = columns.matrix(k).T @ bins[k]  # (OH, w, C)
            pixels += (rows.matrix(k).T @ partly.reshape(len(partly), -1)).reshape(pixels.shape)

    if not np.isfinite(bins.sum(dtype=np.float64)):  # as above
        out[...] = plain.roi_align_backward(bins.transpose(0, 3, 1, 2), rois, input_shape, *options)
    else:
        for_each_slice(input_shape[0], work)
    return out.astype(grad.dtype, copy=False)


def roi_pool(
    x: np.ndarray, rois: np.ndarray, output_size: Pair, spatial_scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """(K, C, OH, OW): the maximum in each bin of each box (K, 5), and h * W + w or -1."""
    C, (H, W) = x.shape[1], x.shape[2:]
    lowest = np.finfo(np.float32).min
    images = np.ascontiguousarray(x.transpose(0, 2, 3, 1), compute_dtype(x.dtype))
    images = np.where(images > lowest, images, -np.inf)  # without NaN
    boxes = rounded(rois[:, 1:].astype(compute_dtype(rois.dtype)) * spatial_scale)
    out = channels_last_empty((len(rois), C, *output_size), x.dtype)
    argmax = channels_last_empty(out.shape, np.int64)
    maxima, places = out.transpose(0, 2, 3, 1), argmax.transpose(0, 2, 3, 1)

    def work(start: int, stop: int) -> None:
        for k in range(start, stop):
            x1, y1, x2, y2 = boxes[k]
            columns = list(bins_of(x1, x2, W, output_size[1], images.dtype))
            rows = list(bins_of(y1, y2, H, output_size[0], images.dtype))
            # of each row of pixels the first maximum in each bin, then the first of these rows
            band = images[int(rois[k, 0]), rows[0][0] : rows[-1][1]]  # (h, W, C)
            if not len(band):
                maxima[k], places[k] = 0, -1
                continue
            in_row, column = _first_maxima(band, columns, 1)  # (h, OW, C)
            local = [(top - rows[0][0], bottom - rows[0][0]) for top, bottom in rows]
            highest, row = _first_maxima(in_row, local, 0)  # (OH, OW, C)
            found = highest > lowest
            column = np.take_along_axis(column, row, 0)
            empty = _empty(rows)[:, None, None] | _empty(columns)[:, None]
            maxima[k] = np.where(found, highest, np.where(empty, 0, lowest))
            places[k] = np.where(found, (row + rows[0][0]) * W + column, -1)

    for_each_slice(len(rois), work)
    return out, argmax


def _first_maxima(
    x: np.ndarray, bins: list[tuple[int, int]], axis: int
) -> tuple[np.ndarray, np.ndarray]:
    """The maximum in each bin along an axis, and its position there; -inf and 0 in empty bins."""
    shape = (*x.shape[:axis], len(bins), *x.shape[axis + 1 :])
    maxima, positions = np.full(shape, -np.inf, x.dtype), np.zeros(shape, np.int32)
    x, out, places = (np.moveaxis(each, axis, 0) for each in (x, maxima, positions))
    for i, (start, stop) in enumerate(bins):
        for position in range(start, stop):
            better = x[position] > out[i]
            np.copyto(places[i], position, where=better)
            np.maximum(out[i], x[position], out=out[i])
    return maxima, positions


def _empty(bins: list[tuple[int, int]]) -> np.ndarray:
    return np.array([start >= stop for start, stop in bins])


class _Axis(NamedTuple):
    """What pixels along one axis add to the bins of each box, of K."""

    weights: np.ndarray  # (K, bins, most pixels of a box)
    pixels: list[slice]  # of the image

    def matrix(self, k: int) -> np.ndarray:
        """The weights of box ``k``, (bins, pixels)."""
        pixels = self.pixels[k]
        return self.weights[k, :, : pixels.stop - pixels.start]


def _weights(
    rois: np.ndarray, input_size: Pair, output_size: Pair, spatial_scale: float,
    sampling_ratio: int, aligned: bool,
) -> tuple[_Axis, _Axis]:  # fmt: skip
    boxes = rois[:, 1:].astype(compute_dtype(rois.dtype)) * spatial_scale - (0.5 if aligned else 0)
    x1, y1, x2, y2 = boxes.T
    return (
        _axis(y1, y2, input_size[0], output_size[0], sampling_ratio, aligned),
        _axis(x1, x2, input_size[1], output_size[1], sampling_ratio, aligned),
    )


def _axis(
    start: np.ndarray, end: np.ndarray, size: int, bins: int, sampling_ratio: int, aligned: bool
) -> _Axis:
    """The weights along one axis, from where the boxes start and end, (K,)."""
    length = end - start if aligned else np.maximum(end - start, 1)
    bin_size = length / start.dtype.type(bins)
    counts = np.full(len(start), sampling_ratio)
    if sampling_ratio <= 0:
        counts = np.where(np.isfinite(bin_size), np.maximum(np.ceil(bin_size), 0), 0).astype(int)
    first, last = (
        np.clip(np.nan_to_num(edge, posinf=size), 0, size - 1).astype(int)
        for edge in (np.minimum(start, start + length), np.maximum(start, start + length))
    )
    width = int((last - first).max(initial=0)) + 2
    weights = np.zeros((len(start), bins, width), start.dtype)
    row = np.arange(bins)[:, None]
    for count in np.unique(counts[counts > 0]):
        some = np.flatnonzero(counts == count)
        box = some[:, None, None]
        samples = (np.arange(count, dtype=start.dtype) + 0.5) * bin_size[box] / count
        position = start[box] + row.astype(start.dtype) * bin_size[box] + samples
        inside = (position >= -1) & (position <= size)
        position = np.clip(np.where(inside, position, 0), 0, size - 1)
        low = position.astype(int)
        share = position - low.astype(start.dtype)
        # NumPy adds faster at an index of one dimension
        index = (box * bins + row) * width + np.clip(low - first[box], 0, width - 2)
        for offset, weight in enumerate((1 - share, share)):
            added = (weight * inside / start.dtype.type(count)).ravel()
            np.add.at(weights.reshape(-1), index.ravel() + offset, added)
    return _Axis(weights, [slice(f, min(n + 2, size)) for f, n in zip(first, last, strict=True)])
