"""Pooling on the CPU: the average of windows, adaptive pooling, and their gradients.

Everything runs over N, H, W, C views, a few images at a time so that they stay in cache, and takes
one window position (kh, kw) after the other: a strided view of the input, as large as the output.
Padding is never stored; a position skips the windows for which it lies outside the input.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..geometry import Geometry, Pair
from .runtime.layout import channels_last_empty
from .runtime.precision import compute_type
from .runtime.threads import for_each_slice, scratch
from .runtime.windows import nhwc

__all__ = [
    "adaptive_max_pool2d",
    "avg_pool2d",
    "avg_pool2d_scatter",
    "for_each_image_block",
    "images_per_block",
    "plane_gather",
    "plane_scatter",
    "windows_inside",
    "write_sums",
]

_BLOCK_BYTES = 1 << 21  # of the larger image that a thread works on at a time


def write_sums(images: np.ndarray, index: np.ndarray, values: np.ndarray) -> None:
    """Write to dense ``images`` the sums of the values that have the same index in their memory."""
    sum_dtype = compute_type(values)
    total = images if images.dtype == sum_dtype else np.empty(images.shape, sum_dtype)
    total.fill(0)
    values = np.ascontiguousarray(values, sum_dtype)
    np.add.at(total.reshape(-1), index.reshape(-1), values.reshape(-1))
    if total is not images:
        images[...] = total


def avg_pool2d(x: np.ndarray, scale: np.ndarray, geometry: Geometry) -> np.ndarray:
    """(N, C, OH, OW): the sum of each window of ``x`` (N, C, H, W) times ``scale`` (OH, OW)."""
    out = channels_last_empty((*x.shape[:2], *geometry.output_size), x.dtype)
    images, sums = nhwc(x), nhwc(out)
    dtype = compute_type(x)
    scale = scale[..., None].astype(dtype)

    def pool(block: slice) -> None:
        image = images[block]
        n, _, W, C = image.shape
        OH, OW = geometry.output_size
        columns = scratch("avg_pool2d.columns", (n, OH, W, C), dtype)
        columns.fill(0)
        for kh in range(geometry.kernel_size[0]):
            windows, rows = windows_inside(geometry, 0, kh)
            columns[:, windows] += image[:, rows]
        total = scratch("avg_pool2d.total", (n, OH, OW, C), dtype)
        total.fill(0)
        for kw in range(geometry.kernel_size[1]):
            windows, pixels = windows_inside(geometry, 1, kw)
            total[:, :, windows] += columns[:, :, pixels]
        np.multiply(total, scale, out=sums[block], casting="same_kind")

    for_each_image_block(images, pool)
    return out


def avg_pool2d_scatter(grad: np.ndarray, scale: np.ndarray, geometry: Geometry) -> np.ndarray:
    """(N, C, H, W): each ``grad`` (N, C, OH, OW) times ``scale`` added to its whole window."""
    out = channels_last_empty((*grad.shape[:2], *geometry.input_size), grad.dtype)
    grads, images = nhwc(grad), nhwc(out)
    dtype = compute_type(grad)
    scale = scale[..., None].astype(dtype)

    def scatter(block: slice) -> None:
        n, H, W, C = images[block].shape
        values = grads[block] * scale
        columns = scratch("avg_pool2d.columns", (n, geometry.output_size[0], W, C), dtype)
        columns.fill(0)
        for kw in range(geometry.kernel_size[1]):
            windows, pixels = windows_inside(geometry, 1, kw)
            columns[:, :, pixels] += values[:, :, windows]
        total = scratch("avg_pool2d.total", (n, H, W, C), dtype)
        total.fill(0)
        for kh in range(geometry.kernel_size[0]):
            windows, rows = windows_inside(geometry, 0, kh)
            total[:, rows] += columns[:, windows]
        images[block] = total

    for_each_image_block(images, scatter)
    return out


def adaptive_max_pool2d(x: np.ndarray, output_size: Pair) -> tuple[np.ndarray, np.ndarray]:
    """The maximum of each window and its int64 index h * W + w, both (N, C, OH, OW).

    Window i of o takes rows floor(i * H / o) up to ceil((i + 1) * H / o), and columns likewise. Of
    equal maxima the first is meant, as in ``torch.nn.functional.adaptive_max_pool2d``.
    """
    N, C, H, W = x.shape
    out = channels_last_empty((N, C, *output_size), x.dtype)
    indices = channels_last_empty(out.shape, np.int64)
    images, maxima, places = nhwc(x), nhwc(out), nhwc(indices)

    def pool(block: slice) -> None:
        for oh, (top, bottom) in enumerate(_adaptive_windows(H, output_size[0])):
            for ow, (left, right) in enumerate(_adaptive_windows(W, output_size[1])):
                window = images[block, top:bottom, left:right]
                pixels = window.reshape(len(window), -1, C)
                place = pixels.argmax(axis=1)  # (n, C)
                h, w = np.divmod(place, right - left)
                places[block, oh, ow] = (top + h) * W + left + w
                maxima[block, oh, ow] = np.take_along_axis(pixels, place[:, None], axis=1)[:, 0]

    for_each_image_block(images, pool)
    return out, indices


def plane_scatter(grad: np.ndarray, indices: np.ndarray, input_size: Pair) -> np.ndarray:
    """(N, C, H, W): ``grad`` added at ``indices`` h * W + w (both N, C, OH, OW), others 0."""
    N, C = grad.shape[:2]
    H, W = input_size
    out = channels_last_empty((N, C, H, W), grad.dtype)
    grads, places, images = nhwc(grad), nhwc(indices), nhwc(out)
    channels = np.arange(C)

    def scatter(block: slice) -> None:
        first = np.arange(len(grads[block])).reshape(-1, 1, 1, 1) * (H * W)
        write_sums(images[block], (places[block] + first) * C + channels, grads[block])

    for_each_image_block(images, scatter)
    return out


def plane_gather(x: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """(N, C, OH, OW): ``x`` (N, C, H, W) at ``indices`` h * W + w of the same shape."""
    _, C, H, W = x.shape
    out = channels_last_empty(indices.shape, x.dtype)
    images, places, values = nhwc(x), nhwc(indices), nhwc(out)

    def gather(block: slice) -> None:
        pixels = images[block].reshape(-1, H * W, C)
        place = places[block].reshape(len(pixels), -1, C)
        taken = np.take_along_axis(pixels, place, axis=1)
        values[block] = taken.reshape(values[block].shape)

    for_each_image_block(images, gather)
    return out


def images_per_block(images: np.ndarray) -> int:
    """How many of ``images`` (N, H, W, C) a thread works on at a time."""
    return max(1, _BLOCK_BYTES // max(1, images[:1].nbytes))


def for_each_image_block(images: np.ndarray, work: Callable[[slice], None]) -> None:
    """Call ``work`` for slices of :func:`images_per_block` images, on all threads."""
    per_block = images_per_block(images)

    def run(start: int, stop: int) -> None:
        for first in range(start, stop, per_block):
            work(slice(first, min(first + per_block, stop)))

    for_each_slice(len(images), run)


def windows_inside(geometry: Geometry, axis: int, k: int) -> tuple[slice, slice]:
    """The windows whose position ``k`` lies inside the input along ``axis``, and those pixels."""
    stride = geometry.stride[axis]
    offset = k * geometry.dilation[axis] - geometry.padding[axis]
    start = max(0, -(offset // stride))  # the first window with window * stride + offset >= 0
    end = (geometry.input_size[axis] - 1 - offset) // stride + 1
    stop = max(start, min(geometry.output_size[axis], end))
    first = start * stride + offset
    return slice(start, stop), slice(first, first + (stop - start) * stride, stride)


def _adaptive_windows(size: int, output_size: int) -> list[Pair]:
    return [
        (i * size // output_size, -(-(i + 1) * size // output_size)) for i in range(output_size)
    ]
