"""Windows sliding over padded channels-last images: what convolution and pooling share.

Here images are N, H, W, C, and (HP, WP) is the :func:`padded_size` of a ``Geometry``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ...geometry import Geometry, Pair
from .threads import scratch

__all__ = [
    "Phase",
    "add_unpadded",
    "even_slices",
    "mirrored",
    "nchw",
    "nhwc",
    "overlap",
    "pad",
    "padded_size",
    "padded_zeros",
    "phases",
    "rows_of",
    "slices",
    "unpadded",
    "windows",
]


def nhwc(x: np.ndarray) -> np.ndarray:
    """(N, H, W, C) view of (N, C, H, W)."""
    return x.transpose(0, 2, 3, 1)


def nchw(x: np.ndarray) -> np.ndarray:
    """(N, C, H, W) view of (N, H, W, C)."""
    return x.transpose(0, 3, 1, 2)


def slices(count: int, step: int) -> Iterator[slice]:
    """Slices of at most ``step`` items, which together cover ``range(count)``."""
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))


def even_slices(count: int, number: int) -> list[slice]:
    """``number`` slices of ``range(count)`` whose sizes differ by at most 1; none is empty."""
    number = min(count, number)
    return [slice(count * i // number, count * (i + 1) // number) for i in range(number)]


def padded_size(geometry: Geometry) -> Pair:
    """Height and width (HP, WP) of the smallest padded input that holds every window."""
    (OH, OW), (KH, KW) = geometry.output_size, geometry.kernel_size
    (SH, SW), (DH, DW) = geometry.stride, geometry.dilation
    return (OH - 1) * SH + (KH - 1) * DH + 1, (OW - 1) * SW + (KW - 1) * DW + 1


def padded_zeros(n: int, channels: int, geometry: Geometry, dtype: np.dtype) -> np.ndarray:
    """(n, HP, WP, channels) zeros in scratch memory: this thread's until its next call."""
    padded = scratch("padded", (n, *padded_size(geometry), channels), dtype)
    padded.fill(0)
    return padded


def pad(images: np.ndarray, geometry: Geometry, dtype: np.dtype) -> np.ndarray:
    """(n, HP, WP, C), channels-last in memory: a view of the images if possible, else scratch."""
    step, pitch = images.strides[2:]
    dense = images.dtype == dtype and pitch == dtype.itemsize and step == images.shape[3] * pitch
    inside = unpadded(images, geometry) if dense else None
    if inside is not None:
        return inside
    shape = len(images), *padded_size(geometry), images.shape[3]
    padded = scratch("padded", shape, dtype)
    image_part, padded_part = overlap(geometry)
    _, rows, columns = padded_part
    padded[:, : rows.start] = 0
    padded[:, rows.stop :] = 0
    padded[:, rows, : columns.start] = 0
    padded[:, rows, columns.stop :] = 0
    padded[padded_part] = images[image_part]
    return padded


def unpadded(images: np.ndarray, geometry: Geometry) -> np.ndarray | None:
    """(n, HP, WP, C) view of (n, H, W, C), or None if windows reach beyond the images."""
    (H, W), (HP, WP), (PH, PW) = geometry.input_size, padded_size(geometry), geometry.padding
    if PH > 0 or PW > 0 or HP - PH > H or WP - PW > W:
        return None
    return images[:, -PH : HP - PH, -PW : WP - PW]


def rows_of(geometry: Geometry, rows: slice) -> Geometry:
    """The geometry of some output rows only, over the whole input."""
    PH, PW = geometry.padding
    return replace(
        geometry,
        output_size=(rows.stop - rows.start, geometry.output_size[1]),
        padding=(PH - rows.start * geometry.stride[0], PW),
    )


def add_unpadded(padded: np.ndarray, images: np.ndarray, geometry: Geometry) -> None:
    """Add padded images (n, HP, WP, C), without their padding, to images (n, H, W, C)."""
    image_part, padded_part = overlap(geometry)
    images[image_part] += padded[padded_part]


def mirrored(geometry: Geometry) -> Geometry:
    """The geometry of the convolution that takes gradients of the output to the input (stride 1)."""
    (KH, KW), (DH, DW), (PH, PW) = (
        geometry.kernel_size,
        geometry.dilation,
        geometry.padding,
    )
    return replace(
        geometry,
        input_size=geometry.output_size,
        output_size=geometry.input_size,
        padding=((KH - 1) * DH - PH, (KW - 1) * DW - PW),
    )


class Phase(NamedTuple):
    """Input pixels that are under the same taps, if the stride is S: each S-th row and column.

    So their gradients are a convolution of stride 1, with those taps in reverse order.
    """

    rows: slice
    columns: slice
    taps: tuple[list[int], list[int]]  # the kh and kw
    geometry: Geometry  # from the output's gradient to these pixels


def phases(geometry: Geometry) -> Iterator[Phase]:
    """All phases of the input, which together are the input."""
    for rows, H, KH, PH, DH in _axis_phases(geometry, 0):
        for columns, W, KW, PW, DW in _axis_phases(geometry, 1):
            windows = (len(KH), len(KW)), (1, 1), (PH, PW), (DH, DW), geometry.groups
            yield Phase(rows, columns, (KH, KW), Geometry(geometry.output_size, (H, W), *windows))


def _axis_phases(geometry: Geometry, axis: int) -> Iterator[tuple[slice, int, list[int], int, int]]:
    """Along one axis: the pixels, their number, their taps; padding and dilation of the gradient."""
    size, S, P = geometry.input_size[axis], geometry.stride[axis], geometry.padding[axis]
    K, D = geometry.kernel_size[axis], geometry.dilation[axis]
    for first in range(min(S, size)):
        # Pixel first + S * i is under tap k of window i + (first + P - k * D) / S.
        taps = [k for k in range(K) if (first + P - k * D) % S == 0]
        padding = (taps[-1] * D - P - first) // S if taps else 0
        yield slice(first, None, S), -(-(size - first) // S), taps, padding, D // math.gcd(S, D)


def windows(padded: np.ndarray, geometry: Geometry) -> np.ndarray:
    """(n, OH, OW, KH, KW, C) view of (n, HP, WP, C)."""
    n, _, _, C = padded.shape
    image, row, step, pitch = padded.strides
    (SH, SW), (DH, DW) = geometry.stride, geometry.dilation
    return as_strided(
        padded,
        (n, *geometry.output_size, *geometry.kernel_size, C),
        (image, SH * row, SW * step, DH * row, DW * step, pitch),
        writeable=False,
    )


def overlap(geometry: Geometry) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Where images (n, H, W) and padded images (n, HP, WP) overlap: slices of both.

    The padded images lack rows and columns at the end that no window reaches, and with negative
    padding also some at the start.
    """
    image, padded = [slice(None)], [slice(None)]
    for size, extent, padding in zip(
        geometry.input_size, padded_size(geometry), geometry.padding, strict=True
    ):
        first, last = max(0, -padding), min(size, extent - padding)
        last = max(first, last)
        image.append(slice(first, last))
        padded.append(slice(first + padding, last + padding))
    return tuple(image), tuple(padded)
