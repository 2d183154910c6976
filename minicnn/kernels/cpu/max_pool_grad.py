"""The gradients of max-pooling on the CPU, from the argmax of each window."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np

from ..geometry import Geometry
from .runtime.blocks import MIN_THREADED_BYTES, for_each_band, for_each_image_block
from .runtime.layout import channels_last_empty
from .runtime.masking import select
from .runtime.precision import compute_dtype
from .runtime.taps import are_apart, channels_last, inside, regrouped_columns, taps
from .runtime.threads import num_threads, scratch
from .runtime.windows import nhwc, rows_of, slices

__all__ = ["max_pool2d_gather", "max_pool2d_scatter"]

_BOOL = np.dtype(bool)

# Gradients that are scattered together. Those of a single image fit the second-level cache, with their
# indices. For several images there are threads, and short passes would wait for the interpreter lock.
_VALUES_OF_ONE_IMAGE, _VALUES = 1 << 15, 1 << 18


def max_pool2d_scatter(grad: np.ndarray, argmax: np.ndarray, geometry: Geometry) -> np.ndarray:
    """(N, C, H, W): each gradient (N, C, OH, OW) added to the pixel that ``argmax`` names.

    Where ``argmax`` is KH * KW, "no pixel", the gradient is dropped.
    """
    out = channels_last_empty((*grad.shape[:2], *geometry.input_size), grad.dtype)
    scatter = _scatter_taps if _pays_by_taps(geometry, out) else _scatter_indices
    scatter(nhwc(grad), nhwc(argmax), nhwc(out), geometry)
    return out


def _pays_by_taps(geometry: Geometry, out: np.ndarray) -> bool:
    """Whether the taps of all windows, one after the other, are the faster way to write ``out``.

    With a stride of 1 it is where threads share the work: ``np.add.at`` keeps the interpreter lock.
    """
    if geometry.stride != (1, 1) or out.dtype != compute_dtype(out.dtype):
        return are_apart(geometry)
    return num_threads() > 1 and out.nbytes >= MIN_THREADED_BYTES


def _scatter_taps(
    grads: np.ndarray, argmax: np.ndarray, images: np.ndarray, geometry: Geometry
) -> None:
    """Write the sums of gradients to images (N, H, W, C), tap by tap.

    Columns are written in groups by index modulo stride and put in order at the end. Where windows do
    not overlap, no pixel gets two gradients, so nothing is summed.
    """
    (KH, KW), (PH, PW), stride = geometry.kernel_size, geometry.padding, geometry.stride[1]
    kernel_columns = np.arange(KW, dtype=argmax.dtype).reshape(KW, 1, 1, 1, 1)
    apart = are_apart(geometry)

    def scatter(block: slice, rows: slice) -> None:
        image = images[block, rows]
        n, H, W, C = image.shape
        band = replace(geometry, input_size=(H, W), padding=(PH + rows.start, PW))
        groups = image[None]
        if stride > 1:
            groups_shape = (stride, n, H, -(-W // stride), C)
            groups = scratch("max_pool2d.regrouped", groups_shape, grads.dtype)
        groups.fill(0)
        row_taps = [inside(band, 0, kh) for kh in range(KH)]
        top = min(windows_h.start for windows_h, _ in row_taps)
        bottom = max(windows_h.stop for windows_h, _ in row_taps)
        band_grads = channels_last(grads[block, top:bottom], "max_pool2d.grads")
        for kh, (windows_h, pixel_rows) in enumerate(row_taps):
            found = argmax[block, windows_h]
            is_here = scratch("max_pool2d.equal", (KW, *found.shape), _BOOL)
            chosen = scratch("max_pool2d.chosen", is_here.shape, grads.dtype)
            np.equal(found, kernel_columns + kernel_columns.dtype.type(kh * KW), out=is_here)
            values = band_grads[:, windows_h.start - top : windows_h.stop - top]
            select(values, is_here, out=chosen)
            for kw in range(KW):
                windows, remainder, part = regrouped_columns(band, kw)
                pixels = groups[remainder, :, pixel_rows, part]
                if apart:
                    pixels[...] = chosen[kw, :, :, windows]
                else:
                    np.add(pixels, chosen[kw, :, :, windows], out=pixels)
        for remainder in range(min(stride, W) if stride > 1 else 0):
            pixels = image[:, :, remainder::stride]
            pixels[...] = groups[remainder, :, :, : pixels.shape[2]]

    for_each_band(images, images.nbytes, scatter)


def _scatter_indices(
    grads: np.ndarray, argmax: np.ndarray, images: np.ndarray, geometry: Geometry
) -> None:
    """Write the sums of gradients to images (N, H, W, C), by the index of each pixel in memory.

    The indices take more memory than the gradients, so a few rows of windows have their turn at a
    time, or a few images if these are small.
    """
    (_, H, W, C), (OH, OW) = images.shape, geometry.output_size
    sum_dtype = compute_dtype(grads.dtype)
    is_one = len(images) == 1
    per_band = _VALUES_OF_ONE_IMAGE if is_one else _VALUES
    row_count = min(OH, max(1, per_band // (OW * C)))
    image_count = min(len(images), max(1, per_band // (OH * OW * C)))
    indices_of = _kept_memory_indices if is_one else _memory_indices  # they are small for one
    corners, steps = indices_of((image_count, row_count, OW, C), geometry)

    def scatter(block: slice) -> None:
        image = images[block]
        is_exact = image.dtype == sum_dtype
        total = image if is_exact else scratch("max_pool2d.total", image.shape, sum_dtype)
        total.fill(0)
        for some in slices(len(image), image_count):
            for rows in slices(OH, row_count):
                found = argmax[block][some, rows]
                values = np.ascontiguousarray(grads[block][some, rows], sum_dtype)
                first = (some.start * H + rows.start * geometry.stride[0]) * W * C
                _add_band(
                    values,
                    found,
                    total.reshape(-1),
                    corners[: len(values), : values.shape[1]],
                    steps + first,
                )
        if not is_exact:
            image[...] = total

    for_each_image_block(images, scatter)


def _add_band(
    values: np.ndarray,
    found: np.ndarray,
    pixels: np.ndarray,
    corners: np.ndarray,
    steps: np.ndarray,
) -> None:
    """Add values (n, h, OW, C) to the flat ``pixels`` that ``found``, an argmax, names.

    The index of a pixel is its window's corner (n, h, OW, C) plus the step of the tap (KH * KW,).
    """
    index = scratch("max_pool2d_scatter.index", found.shape, corners.dtype)
    np.take(steps, found, out=index, mode="clip")
    np.add(index, corners, out=index)
    if found.max(initial=0) == len(steps):  # for "no pixel" add 0 to the first pixel
        is_pixel = scratch("max_pool2d_scatter.is_pixel", found.shape, _BOOL)
        np.less(found, len(steps), out=is_pixel)
        np.multiply(index, is_pixel, out=index)
        kept = scratch("max_pool2d_scatter.kept", found.shape, values.dtype)
        select(values, is_pixel, out=kept)
        values = kept
    np.add.at(pixels, index.reshape(-1), values.reshape(-1))


def _memory_indices(
    shape: tuple[int, int, int, int], geometry: Geometry
) -> tuple[np.ndarray, np.ndarray]:
    """Indices of pixels in dense images (N, H, W, C).

    Returns:
        The index of the first tap of each window, for a band of ``shape`` (n, h, OW, C) at the top,
        and how far each tap is from the first (KH * KW,). Their sum is the index of a pixel.
    """
    (n, rows, OW, C), (H, W), (KH, KW) = shape, geometry.input_size, geometry.kernel_size
    first_rows = np.arange(rows) * geometry.stride[0] - geometry.padding[0]
    columns = np.arange(OW) * geometry.stride[1] - geometry.padding[1]
    pixels = (np.arange(n)[:, None, None] * H + first_rows[:, None]) * W + columns
    steps = (
        np.arange(KH)[:, None] * (geometry.dilation[0] * W) + np.arange(KW) * geometry.dilation[1]
    )
    return pixels[..., None] * C + np.arange(C), steps.reshape(-1) * C


_kept_memory_indices = functools.lru_cache(maxsize=32)(_memory_indices)


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
