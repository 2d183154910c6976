"""The taps of pooling windows: which of them lie inside the input, and on which pixels.

A tap (kh, kw) is one of the KH * KW positions in a window. Padding is never stored; instead, a tap is
skipped in the windows where it lies outside the input.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...geometry import Geometry, Pair

__all__ = ["ALL", "Index", "extents", "inside", "taps"]

ALL = slice(None)
Index = tuple[slice, slice, slice]  # images, rows, columns


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
