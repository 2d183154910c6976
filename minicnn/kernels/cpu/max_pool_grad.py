"""The gradients of max-pooling on the CPU, from the argmax of each window."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..geometry import Geometry
from .pool import write_sums
from .runtime.blocks import for_each_band, for_each_image_block, images_per_block
from .runtime.layout import channels_last_empty
from .runtime.masking import select
from .runtime.precision import compute_dtype
from .runtime.taps import are_apart, inside, regrouped_columns, taps
from .runtime.threads import scratch
from .runtime.windows import nhwc, rows_of

__all__ = ["max_pool2d_gather", "max_pool2d_scatter"]

_BOOL = np.dtype(bool)


def max_pool2d_scatter(grad: np.ndarray, argmax: np.ndarray, geometry: Geometry) -> np.ndarray:
    """(N, C, H, W): each gradient (N, C, OH, OW) added to the pixel that ``argmax`` names.

    Where ``argmax`` is KH * KW, "no pixel", the gradient is dropped.
    """
    out = channels_last_empty((*grad.shape[:2], *geometry.input_size), grad.dtype)
    scatter = _scatter_apart if are_apart(geometry) else _scatter_overlapping
    scatter(nhwc(grad), nhwc(argmax), nhwc(out), geometry)
    return out


def _scatter_apart(
    grads: np.ndarray, argmax: np.ndarray, images: np.ndarray, geometry: Geometry
) -> None:
    """Write the gradients to images (N, H, W, C) when windows do not overlap, tap by tap.

    No pixel gets two gradients, so nothing is summed. Columns are written in groups by index modulo
    stride, as in :mod:`.max_pool`, and put in order at the end.
    """
    (KH, KW), (PH, PW), stride = geometry.kernel_size, geometry.padding, geometry.stride[1]
    kernel_columns = np.arange(KW, dtype=argmax.dtype).reshape(KW, 1, 1, 1, 1)

    def scatter(block: slice, rows: slice) -> None:
        image = images[block, rows]
        n, H, W, C = image.shape
        band = replace(geometry, input_size=(H, W), padding=(PH + rows.start, PW))
        groups_shape = (stride, n, H, -(-W // stride), C)
        groups = scratch("max_pool2d.regrouped", groups_shape, grads.dtype)
        groups.fill(0)
        for kh in range(KH):
            windows_h, pixel_rows = inside(band, 0, kh)
            found = argmax[block, windows_h]
            is_here = scratch("max_pool2d.equal", (KW, *found.shape), _BOOL)
            chosen = scratch("max_pool2d.chosen", is_here.shape, grads.dtype)
            np.equal(found, kernel_columns + kernel_columns.dtype.type(kh * KW), out=is_here)
            select(grads[block, windows_h], is_here, out=chosen)
            for kw in range(KW):
                windows, remainder, part = regrouped_columns(band, kw)
                groups[remainder, :, pixel_rows, part] = chosen[kw, :, :, windows]
        for remainder in range(min(stride, W)):
            pixels = image[:, :, remainder::stride]
            pixels[...] = groups[remainder, :, :, : pixels.shape[2]]

    for_each_band(images, images.nbytes, scatter)


def _scatter_overlapping(
    grads: np.ndarray, argmax: np.ndarray, images: np.ndarray, geometry: Geometry
) -> None:
    """Write the sums of gradients to images (N, H, W, C), by the index of each pixel in memory."""
    per_block, sum_dtype = images_per_block(images), compute_dtype(grads.dtype)
    corners, steps = _memory_indices(images[:per_block].shape, geometry)

    def scatter(block: slice) -> None:
        found, values = argmax[block], np.ascontiguousarray(grads[block], sum_dtype)
        index = scratch("max_pool2d_scatter.index", found.shape, corners.dtype)
        np.take(steps, found, out=index, mode="clip")
        np.add(index, corners[: len(index)], out=index)
        if found.max(initial=0) == len(steps):  # for "no pixel" add 0 to the first pixel
            is_pixel = scratch("max_pool2d_scatter.is_pixel", found.shape, _BOOL)
            np.less(found, len(steps), out=is_pixel)
            np.multiply(index, is_pixel, out=index)
            kept = scratch("max_pool2d_scatter.kept", found.shape, sum_dtype)
            select(values, is_pixel, out=kept)
            values = kept
        write_sums(images[block], index, values)

    for_each_image_block(images, scatter)


def _memory_indices(shape: tuple[int, ...], geometry: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """Indices of pixels in dense images of ``shape`` (n, H, W, C).

    Returns:
        The index of each window's first tap (n, OH, OW, C), and how far each tap is from the first
        (KH * KW,). Their sum is the index of a pixel.
    """
    n, H, W, C = shape
    (OH, OW), (KH, KW) = geometry.output_size, geometry.kernel_size
    rows = np.arange(OH) * geometry.stride[0] - geometry.padding[0]
    columns = np.arange(OW) * geometry.stride[1] - geometry.padding[1]
    pixels = (np.arange(n)[:, None, None] * H + rows[:, None]) * W + columns
    steps = (
        np.arange(KH)[:, None] * (geometry.dilation[0] * W) + np.arange(KW) * geometry.dilation[1]
    )
    return pixels[..., None] * C + np.arange(C), steps.reshape(-1) * C


def max_pool2d_gather(x: np.ndarray, argmax: np.ndarray, geometry: Geometry) -> np.ndarray:
    """(N, C, OH, OW): the pixel of ``x`` (N, C, H, W) that ``argmax`` names, 0 for "no pixel".

    This is the gradient of :func:`max_pool2d_scatter`.
    """
    out = channels_last_empty(argmax.shape, x.dtype)
    images, found, values = nhwc(x), nhwc(argmax), nhwc(out)
    values[...] = 0

    def gather(block: slice, rows: slice) -> None:
        chosen = values[block, rows]
        for tap, windows, pixels in taps(rows_of(geometry, rows)):
            is_here = found[block, rows][windows] == tap
            np.copyto(chosen[windows], images[block][pixels], where=is_here)

    for_each_band(values, x.nbytes, gather)
    return out
