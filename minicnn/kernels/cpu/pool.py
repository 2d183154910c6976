"""Pooling on the CPU: the average of windows, adaptive pooling, and their gradients.

Everything runs over N, H, W, C views, a few images or rows at a time, which stay in the cache. An
average is separable: sums along kh first, then along kw, one tap of all windows at a time.
"""

from __future__ import annotations

import functools

import numpy as np

from ..geometry import Geometry, Pair, adaptive_windows
from .runtime.blocks import for_each_band, for_each_image_block
from .runtime.layout import channels_last_empty
from .runtime.precision import compute_dtype
from .runtime.taps import (
    are_apart,
    band_of,
    column_taps,
    combine,
    combine_rows,
    inside,
    pixels_under,
)
from .runtime.threads import scratch
from .runtime.windows import nhwc

__all__ = [
    "adaptive_avg_pool2d",
    "adaptive_avg_pool2d_scatter",
    "adaptive_max_pool2d",
    "avg_pool2d",
    "avg_pool2d_scatter",
    "plane_gather",
    "plane_scatter",
    "write_sums",
]


def write_sums(images: np.ndarray, index: np.ndarray, values: np.ndarray) -> None:
    """Write to each element of dense ``images`` the sum of the values with its index in memory."""
    sum_dtype = compute_dtype(values.dtype)
    total = images if images.dtype == sum_dtype else np.empty(images.shape, sum_dtype)
    total.fill(0)
    values = np.ascontiguousarray(values, sum_dtype)
    np.add.at(total.reshape(-1), index.reshape(-1), values.reshape(-1))
    if total is not images:
        images[...] = total


def avg_pool2d(x: np.ndarray, scale: np.ndarray, geometry: Geometry) -> np.ndarray:
    """(N, C, OH, OW): the sum of each window of ``x`` (N, C, H, W), times ``scale`` (OH, OW).

    Padding counts as 0.
    """
    out = channels_last_empty((*x.shape[:2], *geometry.output_size), x.dtype)
    images, means = nhwc(x), nhwc(out)
    dtype = compute_dtype(x.dtype)
    if _is_whole(geometry) and x.dtype == dtype and images.flags.c_contiguous:
        _write_means(images, scale[0, 0], means)
        return out
    factors = _factors(scale, dtype)

    def pool(block: slice, rows: slice) -> None:
        band = band_of(geometry, rows.start, rows.stop)
        pixels = pixels_under(images[block], band)
        columns = combine_rows(np.add, pixels, band, "avg_pool2d.columns", dtype, 0)
        mean = means[block, rows]
        total = mean if mean.dtype == dtype else scratch("avg_pool2d.total", mean.shape, dtype)
        combine(np.add, column_taps(columns, band, "avg_pool2d.regrouped"), total)
        np.multiply(total, factors[rows], out=mean, casting="same_kind")

    for_each_band(means, x.nbytes, pool)
    return out


def avg_pool2d_scatter(grad: np.ndarray, scale: np.ndarray, geometry: Geometry) -> np.ndarray:
    """(N, C, H, W): the gradient (N, C, OH, OW) times ``scale``, added to every pixel of its window."""
    out = channels_last_empty((*grad.shape[:2], *geometry.input_size), grad.dtype)
    grads, images = nhwc(grad), nhwc(out)
    dtype = compute_dtype(grad.dtype)
    if _is_whole(geometry) and grad.dtype == dtype:
        _spread(grads * scale[..., None].astype(dtype), images)
        return out
    factors, apart = _factors(scale, dtype), are_apart(geometry)

    def add(values: np.ndarray, pixels: np.ndarray) -> None:
        if apart:  # no pixel gets two values
            pixels[...] = values
        else:
            pixels += values

    def scatter(block: slice) -> None:
        n, H, W, C = images[block].shape
        values = scratch("avg_pool2d.values", grads[block].shape, dtype)
        np.multiply(grads[block], factors, out=values)
        columns = scratch("avg_pool2d.columns", (n, geometry.output_size[0], W, C), dtype)
        columns.fill(0)
        for kw in range(geometry.kernel_size[1]):
            windows, pixels = inside(geometry, 1, kw)
            add(values[:, :, windows], columns[:, :, pixels])
        is_exact = images.dtype == dtype
        total = images[block] if is_exact else scratch("avg_pool2d.total", (n, H, W, C), dtype)
        total.fill(0)
        for kh in range(geometry.kernel_size[0]):
            windows, rows = inside(geometry, 0, kh)
            add(columns[:, windows], total[:, rows])
        if not is_exact:
            images[block] = total

    for_each_image_block(images, scatter)
    return out


def _is_whole(geometry: Geometry) -> bool:
    """Whether there is one window, which is the whole image, as in global pooling."""
    whole = geometry.output_size == (1, 1) and geometry.kernel_size == geometry.input_size
    return whole and geometry.padding == (0, 0)


def _write_means(images: np.ndarray, scale: float, out: np.ndarray) -> None:
    """The sum of each image (N, H, W, C) times ``scale``, to ``out`` (N, 1, 1, C): BLAS sums pixels."""
    N, H, W, C = images.shape
    pixels = images.reshape(N, H * W, C)
    factors = np.full((1, H * W), scale, images.dtype)

    def work(block: slice) -> None:
        np.matmul(factors, pixels[block], out=out[block, 0])

    for_each_image_block(images, work)


def _spread(values: np.ndarray, images: np.ndarray) -> None:
    """Write ``values`` (N, 1, 1, C) to all pixels of dense images (N, H, W, C), in whole rows."""
    N, H, W, C = images.shape
    rows = np.broadcast_to(values, (N, 1, W, C)).reshape(N, 1, W * C)
    by_row = images.reshape(N, H, W * C)

    def work(block: slice) -> None:
        by_row[block] = rows[block]

    for_each_image_block(images, work)


def _factors(scale: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """``scale`` (OH, OW) for windows (n, OH, OW, C); one number in memory if all are equal.

    Multiplying by one number is a single pass over memory, by several it is one for each pixel.
    """
    factors = scale[..., None].astype(dtype)
    if (factors == factors[0, 0]).all():
        return np.broadcast_to(factors[0, 0], factors.shape)
    return factors


def adaptive_avg_pool2d(x: np.ndarray, output_size: Pair) -> np.ndarray:
    """(N, C, OH, OW): the mean of each window, as ``torch.nn.functional.adaptive_avg_pool2d``.

    Windows are those of :func:`adaptive_max_pool2d`.
    """
    out = channels_last_empty((*x.shape[:2], *output_size), x.dtype)
    images, means = nhwc(x), nhwc(out)
    scale = _adaptive_scale(x.shape[2:], output_size, x.dtype)
    if output_size == (1, 1) and x.dtype == scale.dtype and images.flags.c_contiguous:
        _write_means(images, scale[0, 0, 0], means)
        return out
    window_rows, window_columns = map(adaptive_windows, x.shape[2:], output_size)

    def pool(block: slice) -> None:
        image = images[block]
        n, _, W, C = image.shape
        columns = scratch("adaptive_avg_pool2d.columns", (n, output_size[0], W, C), scale.dtype)
        for oh, (top, bottom) in enumerate(window_rows):
            np.add.reduce(image[:, top:bottom], axis=1, dtype=scale.dtype, out=columns[:, oh])
        total = scratch("adaptive_avg_pool2d.total", (n, *output_size, C), scale.dtype)
        for ow, (left, right) in enumerate(window_columns):
            np.add.reduce(columns[:, :, left:right], axis=2, out=total[:, :, ow])
        np.multiply(total, scale, out=means[block], casting="same_kind")

    for_each_image_block(images, pool)
    return out


def adaptive_avg_pool2d_scatter(grad: np.ndarray, input_size: Pair) -> np.ndarray:
    """(N, C, H, W): the gradient of :func:`adaptive_avg_pool2d`."""
    out = channels_last_empty((*grad.shape[:2], *input_size), grad.dtype)
    grads, images = nhwc(grad), nhwc(out)
    scale = _adaptive_scale(input_size, grad.shape[2:], grad.dtype)
    window_rows, window_columns = map(adaptive_windows, input_size, grad.shape[2:])

    def scatter(block: slice) -> None:
        values = grads[block] * scale
        n, OH, _, C = values.shape
        columns = scratch("adaptive_avg_pool2d.columns", (n, OH, input_size[1], C), scale.dtype)
        columns.fill(0)
        for ow, (left, right) in enumerate(window_columns):
            columns[:, :, left:right] += values[:, :, ow : ow + 1]
        total = images[block]
        if total.dtype != scale.dtype:
            total = scratch("adaptive_avg_pool2d.total", total.shape, scale.dtype)
        total.fill(0)
        for oh, (top, bottom) in enumerate(window_rows):
            total[:, top:bottom] += columns[:, oh : oh + 1]
        if total.dtype != images.dtype:
            images[block] = total

    for_each_image_block(images, scatter)
    return out


@functools.lru_cache(maxsize=64)
def _adaptive_scale(input_size: Pair, output_size: Pair, dtype: np.dtype) -> np.ndarray:
    """1 / (number of pixels) of each window, (OH, OW, 1)."""
    rows, columns = (
        [stop - start for start, stop in adaptive_windows(I, O)]
        for I, O in zip(input_size, output_size)
    )
    return (1 / np.outer(rows, columns))[..., None].astype(compute_dtype(dtype))


def adaptive_max_pool2d(x: np.ndarray, output_size: Pair) -> tuple[np.ndarray, np.ndarray]:
    """The maximum of each window, and its index h * W + w (int64), both (N, C, OH, OW).

    As ``torch.nn.functional.adaptive_max_pool2d``: window i of OH covers the rows from
    floor(i * H / OH) up to ceil((i + 1) * H / OH), likewise for columns, and the index is of the first
    of equal maxima, or of the last NaN.
    """
    N, C, H, W = x.shape
    out = channels_last_empty((N, C, *output_size), x.dtype)
    indices = channels_last_empty(out.shape, np.int64)
    images, maxima, pixel_indices = nhwc(x), nhwc(out), nhwc(indices)

    def pool(block: slice) -> None:
        for oh, (top, bottom) in enumerate(adaptive_windows(H, output_size[0])):
            for ow, (left, right) in enumerate(adaptive_windows(W, output_size[1])):
                window = images[block, top:bottom, left:right]
                pixels = window.reshape(len(window), -1, C)
                argmax = pixels.argmax(axis=1)  # (n, C)
                best = np.take_along_axis(pixels, argmax[:, None], axis=1)[:, 0]
                if np.isnan(best).any():
                    from_end = np.isnan(pixels[:, ::-1]).argmax(axis=1)
                    argmax = np.where(np.isnan(best), pixels.shape[1] - 1 - from_end, argmax)
                h, w = np.divmod(argmax, right - left)
                pixel_indices[block, oh, ow] = (top + h) * W + left + w
                maxima[block, oh, ow] = best

    for_each_image_block(images, pool)
    return out, indices


def plane_scatter(grad: np.ndarray, indices: np.ndarray, input_size: Pair) -> np.ndarray:
    """(N, C, H, W): ``grad`` (N, C, OH, OW) added at the ``indices`` h * W + w of its shape."""
    N, C = grad.shape[:2]
    H, W = input_size
    out = channels_last_empty((N, C, H, W), grad.dtype)
    grads, pixel_indices, images = nhwc(grad), nhwc(indices), nhwc(out)
    channels = np.arange(C)

    def scatter(block: slice) -> None:
        first = np.arange(len(grads[block])).reshape(-1, 1, 1, 1) * (H * W)
        write_sums(images[block], (pixel_indices[block] + first) * C + channels, grads[block])

    for_each_image_block(images, scatter)
    return out


def plane_gather(x: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """(N, C, OH, OW): ``x`` (N, C, H, W) at ``indices`` h * W + w of the same shape."""
    _, C, H, W = x.shape
    out = channels_last_empty(indices.shape, x.dtype)
    images, pixel_indices, values = nhwc(x), nhwc(indices), nhwc(out)

    def gather(block: slice) -> None:
        pixels = images[block].reshape(-1, H * W, C)
        index = pixel_indices[block].reshape(len(pixels), -1, C)
        taken = np.take_along_axis(pixels, index, axis=1)
        values[block] = taken.reshape(values[block].shape)

    for_each_image_block(images, gather)
    return out
