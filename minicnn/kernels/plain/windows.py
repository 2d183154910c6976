"""Sliding windows, one tap at a time: what convolution and pooling share."""

import math
from collections.abc import Iterator
from types import EllipsisType

from ..geometry import Geometry

Index = tuple[EllipsisType, slice, slice]  # of (..., rows, columns)


def taps(geometry: Geometry) -> Iterator[tuple[int, int, Index, Index]]:
    """Each tap kh, kw of a window, with the ``windows`` and ``pixels`` where it meets the input.

    For x (..., H, W) and out (..., OH, OW), the tap of the windows ``out[windows]`` lies on the
    pixels ``x[pixels]``. Windows whose tap lies in the padding are left out.
    """
    for kh in range(geometry.kernel_size[0]):
        window_rows, pixel_rows = _inside(geometry, 0, kh)
        for kw in range(geometry.kernel_size[1]):
            window_columns, pixel_columns = _inside(geometry, 1, kw)
            yield kh, kw, (..., window_rows, window_columns), (..., pixel_rows, pixel_columns)


def _inside(geometry: Geometry, axis: int, k: int) -> tuple[slice, slice]:
    # Tap k of window i lies on pixel i * stride + offset, which must be in range(input_size).
    stride, offset = geometry.stride[axis], k * geometry.dilation[axis] - geometry.padding[axis]
    first = max(0, math.ceil(-offset / stride))
    stop = math.ceil((geometry.input_size[axis] - offset) / stride)
    stop = max(first, min(stop, geometry.output_size[axis]))
    return slice(first, stop), slice(first * stride + offset, stop * stride + offset, stride)
