"""The taps of pooling windows: which of them lie inside the input, and on which pixels.

A tap (kh, kw) is one of the KH * KW positions in a window. Padding is never stored; instead, a tap is
skipped in the windows where it lies outside the input.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ...geometry import Geometry, Pair
from .layout import write_channels_last
from .threads import scratch

__all__ = [
    "ALL",
    "Band",
    "Index",
    "are_apart",
    "band_of",
    "channels_last",
    "column_taps",
    "combine",
    "combine_rows",
    "extents",
    "fill_padding",
    "inside",
    "pixels_under",
    "regrouped_columns",
    "taps",
]

ALL = slice(None)
Index = tuple[slice, slice, slice]  # images, rows, columns

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


class Band(NamedTuple):
    """The windows of some output rows, and what is under them."""

    geometry: Geometry  # of these windows in the pixels under them
    rows: slice  # of the input, under the windows
    columns: slice
    padded_columns: slice  # where these columns are after padding
    padded_width: int
    row_taps: tuple[tuple[slice, slice], ...]  # for each kh what :func:`inside` returns
    whole_tap: int | None  # the first kh that is inside the input in all rows of windows
    rows_outside: list[int]  # the rows of windows that have no tap inside the input


@functools.lru_cache(maxsize=512)
def band_of(geometry: Geometry, start: int, stop: int) -> Band:
    """The band of the output rows from ``start`` to ``stop``."""
    (PH, PW), (SH, SW), (height, width) = geometry.padding, geometry.stride, extents(geometry)
    H, W = geometry.input_size
    top = min(H, max(0, start * SH - PH))
    bottom = max(top, min(H, (stop - 1) * SH - PH + height))
    padded_width = (geometry.output_size[1] - 1) * SW + width
    columns = slice(0, min(W, padded_width - PW))
    part = replace(
        geometry,
        input_size=(bottom - top, columns.stop),
        output_size=(stop - start, geometry.output_size[1]),
        padding=(PH + top - start * SH, PW),
    )
    row_taps = tuple(inside(part, 0, kh) for kh in range(part.kernel_size[0]))
    rows_inside = [range(windows.start, windows.stop) for windows, _ in row_taps]
    return Band(
        geometry=part,
        rows=slice(top, bottom),
        columns=columns,
        padded_columns=slice(PW, PW + columns.stop),
        padded_width=padded_width,
        row_taps=row_taps,
        whole_tap=next(
            (kh for kh, some in enumerate(rows_inside) if len(some) == stop - start), None
        ),
        rows_outside=sorted(set(range(stop - start)).difference(*rows_inside)),
    )


def pixels_under(images: np.ndarray, band: Band) -> np.ndarray:
    """The pixels (n, h, w, C) of images (n, H, W, C) under a band, channels-last in memory."""
    return channels_last(images[:, band.rows, band.columns], "pixels_under")


def channels_last(images: np.ndarray, name: str) -> np.ndarray:
    """``images`` (n, H, W, C) if channels are neighbours in memory, else a copy in scratch memory."""
    if images.strides[3] == images.itemsize or images.shape[3] == 1:
        return images
    copy = scratch(name, images.shape, images.dtype)
    write_channels_last(images, out=copy)
    return copy


def combine_rows(
    operation: np.ufunc, pixels: np.ndarray, band: Band, name: str, dtype: np.dtype, identity: float
) -> np.ndarray:
    """``operation``, such as np.maximum, over the taps kh in every column of pixels (n, h, w, C).

    Returns:
        (n, OH, padded width, C) in this thread's scratch memory of that ``name``: ``identity`` in the
        padding, and where no tap is inside the input.
    """
    shape = len(pixels), band.geometry.output_size[0], band.padded_width, pixels.shape[3]
    padded = scratch(name, shape, dtype)
    fill_padding(padded, band, identity)
    out = padded[:, :, band.padded_columns]
    if all(windows.stop - windows.start == shape[1] for windows, _ in band.row_taps):
        combine(operation, [pixels[:, rows] for _, rows in band.row_taps], out)
        return padded
    first, others = band.whole_tap, list(band.row_taps)
    if first is None:
        out.fill(identity)
    else:
        np.copyto(out, pixels[:, others.pop(first)[1]])
    for windows, rows in others:
        part = out[:, windows]
        operation(part, pixels[:, rows], out=part, dtype=dtype)
    return padded


def fill_padding(padded: np.ndarray, band: Band, value: float) -> None:
    """Write ``value`` to the padding on both sides of columns (n, OH, padded width, C)."""
    inner = band.padded_columns
    if inner.start > 0:
        padded[:, :, : inner.start] = value
    if inner.stop < band.padded_width:
        padded[:, :, inner.stop :] = value


def combine(operation: np.ufunc, arrays: Sequence[np.ndarray], out: np.ndarray) -> None:
    """Write ``operation`` over all arrays, which have the shape of ``out``."""
    result, *others = arrays
    if not others:
        np.copyto(out, result)
    for values in others:
        operation(result, values, out=out, dtype=out.dtype)
        result = out


def column_taps(padded: np.ndarray, band: Band, name: str) -> list[np.ndarray]:
    """The taps kw = 0, 1, ... in every row of columns (n, OH, padded width, C): (n, OH, OW, C) each.

    With a stride along the row they are runs of C values. If these are short, the columns are first
    regrouped by index modulo stride, in this thread's scratch memory of that ``name``.
    """
    (n, OH, W, C), geometry = padded.shape, band.geometry
    stride, dilation, OW = geometry.stride[1], geometry.dilation[1], geometry.output_size[1]
    offsets = [kw * dilation for kw in range(geometry.kernel_size[1])]
    if stride == 1 or C >= _LONG_RUN:
        length = (OW - 1) * stride + 1
        return [padded[:, :, first : first + length : stride] for first in offsets]

    groups = scratch(name, (stride, n, OH, -(-W // stride), C), padded.dtype)
    for remainder in range(min(stride, W)):
        group = padded[:, :, remainder::stride]
        groups[remainder, :, :, : group.shape[2]] = group
    firsts = [divmod(offset, stride) for offset in offsets]
    return [groups[remainder, :, :, first : first + OW] for first, remainder in firsts]


def regrouped_columns(geometry: Geometry, kw: int) -> tuple[slice, int, slice]:
    """Where the columns under tap ``kw`` are after regrouping by index modulo stride.

    Returns:
        The windows whose tap is inside the input, the group of their columns (all have the same
        remainder), and their slice of this group.
    """
    windows, columns = inside(geometry, 1, kw)
    first, remainder = divmod(columns.start, geometry.stride[1])
    return windows, remainder, slice(first, first + windows.stop - windows.start)
