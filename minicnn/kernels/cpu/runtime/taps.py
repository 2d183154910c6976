"""The taps of pooling windows: which of them lie inside the input, and on which pixels.

A tap (kh, kw) is one of the KH * KW positions in a window. Padding is never stored; instead, a tap is
skipped in the windows where it lies outside the input.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from ...geometry import Geometry, Pair
from .layout import write_channels_last
from .threads import scratch

__all__ = [
    "ALL",
    "Index",
    "Tap",
    "are_apart",
    "column_taps",
    "combine",
    "extents",
    "inside",
    "pixels_under",
    "regrouped_columns",
    "row_taps",
    "taps",
]

ALL = slice(None)
Index = tuple[slice, slice, slice]  # images, rows, columns
Tap = tuple[Index, np.ndarray]  # the windows where it is inside the input; the pixels under it

_LONG_RUN = 32  # values; shorter runs of memory are copied together before several passes over them


def are_apart(geometry: Geometry) -> bool:
    """Whether no two windows have a pixel in common."""
    extent = extents(geometry)
    return geometry.stride[0] >= extent[0] and geometry.stride[1] >= extent[1]


def extents(geometry: Geometry) -> Pair:
    """The height and width of a window, in pixels from its first tap to its last."""
    (KH, KW), (DH, DW) = geometry.kernel_size, geometry.dilation
    return (KH - 1) * DH + 1, (KW - 1) * DW + 1


def inside(geometry: Geometry, axis: int, k: int) -> tuple[slice, slice]:
    """The windows whose tap ``k`` along ``axis`` is inside the input, and the pixels under it."""
    stride = geometry.stride[axis]
    offset = k * geometry.dilation[axis] - geometry.padding[axis]
    start = max(0, -(offset // stride))  # the first window with window * stride + offset >= 0
    end = (geometry.input_size[axis] - 1 - offset) // stride + 1
    stop = max(start, min(geometry.output_size[axis], end))
    first = start * stride + offset
    return slice(start, stop), slice(first, first + (stop - start) * stride, stride)


def taps(geometry: Geometry) -> Iterator[tuple[int, Index, Index]]:
    """For each tap kh * KW + kw, the windows where it is inside the input, and the pixels there."""
    KH, KW = geometry.kernel_size
    for kh in range(KH):
        window_rows, pixel_rows = inside(geometry, 0, kh)
        for kw in range(KW):
            window_columns, pixel_columns = inside(geometry, 1, kw)
            windows, pixels = (ALL, window_rows, window_columns), (ALL, pixel_rows, pixel_columns)
            yield kh * KW + kw, windows, pixels


def pixels_under(images: np.ndarray, band: Geometry) -> tuple[np.ndarray, Geometry]:
    """The pixels (n, H, W, C) under a band of windows, and the band's geometry in them.

    They are ``images`` if these are channels-last in memory, else a copy of the rows in the band.
    """
    if images.strides[3] == images.itemsize or images.shape[3] == 1:
        return images, band
    height = (band.output_size[0] - 1) * band.stride[0] + extents(band)[0]
    top = max(0, -band.padding[0])
    rows = images[:, top : max(top, height - band.padding[0])]
    pixels = scratch("pixels_under", rows.shape, images.dtype)
    write_channels_last(rows, out=pixels)
    padding = band.padding[0] + top, band.padding[1]
    return pixels, replace(band, input_size=pixels.shape[1:3], padding=padding)


def row_taps(pixels: np.ndarray, band: Geometry) -> list[Tap]:
    """The taps kh = 0, 1, ... in every column of pixels (n, H, W, C)."""
    found = []
    for kh in range(band.kernel_size[0]):
        windows, rows = inside(band, 0, kh)
        found.append(((ALL, windows, ALL), pixels[:, rows]))
    return found


def column_taps(columns: np.ndarray, band: Geometry, name: str) -> list[Tap]:
    """The taps kw = 0, 1, ... in every row of ``columns`` (n, OH, W, C).

    With a stride along the row they are runs of C values. If these are short, the columns are first
    regrouped by index modulo stride, in this thread's scratch memory of that ``name``.
    """
    (n, OH, W, C), stride = columns.shape, band.stride[1]
    taps_of_rows = [inside(band, 1, kw) for kw in range(band.kernel_size[1])]
    if stride == 1 or C >= _LONG_RUN:
        return [((ALL, ALL, windows), columns[:, :, part]) for windows, part in taps_of_rows]

    groups = scratch(name, (stride, n, OH, -(-W // stride), C), columns.dtype)
    for remainder in range(min(stride, W)):
        group = columns[:, :, remainder::stride]
        groups[remainder, :, :, : group.shape[2]] = group
    found = []
    for kw in range(band.kernel_size[1]):
        windows, remainder, part = regrouped_columns(band, kw)
        found.append(((ALL, ALL, windows), groups[remainder, :, :, part]))
    return found


def regrouped_columns(geometry: Geometry, kw: int) -> tuple[slice, int, slice]:
    """Where the columns under tap ``kw`` are after regrouping by index modulo stride.

    Returns:
        The windows whose tap is inside the input, the group of their columns (all have the same
        remainder), and their slice of this group.
    """
    windows, columns = inside(geometry, 1, kw)
    first, remainder = divmod(columns.start, geometry.stride[1])
    return windows, remainder, slice(first, first + windows.stop - windows.start)


def combine(operation: np.ufunc, tap_list: Sequence[Tap], out: np.ndarray, identity: float) -> None:
    """Write ``operation``, such as np.maximum, over all taps, ``identity`` where none is inside."""
    (_, result), *others = tap_list
    if not (others and result.shape == others[0][1].shape == out.shape):
        out.fill(identity)
        result, others = out, list(tap_list)
    for windows, values in others:
        operation(values, result[windows], out=out[windows], dtype=out.dtype)
        result = out
