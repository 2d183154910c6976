"""Windows sliding over padded channels-last images: what the convolution algorithms share.

Here images are N, H, W, C, and HP, WP the padded height and width of a ``Geometry``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ...geometry import Geometry
from .threads import scratch

__all__ = [
    "add_unpadded",
    "even_slices",
    "mirrored",
    "nchw",
    "nhwc",
    "pad",
    "padded_zeros",
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
    """Slices of at most ``step`` items that cover ``range(count)``."""
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))


def even_slices(count: int, number: int) -> list[slice]:
    """``number`` slices of ``range(count)``, equal in size up to one; fewer if some were empty."""
    number = min(count, number)
    return [slice(count * i // number, count * (i + 1) // number) for i in range(number)]


def padded_zeros(n: int, channels: int, geometry: Geometry, dtype: np.dtype) -> np.ndarray:
    """(n, HP, WP, channels) zeros, this thread's until the next call."""
    padded = scratch("padded", (n, *geometry.padded_size, channels), dtype)
    padded.fill(0)
    return padded


def pad(images: np.ndarray, geometry: Geometry, dtype: np.dtype) -> np.ndarray:
    """(n, HP, WP, C), channels-last in memory: a view of ``images`` if possible, else scratch."""
    step, pitch = images.strides[2:]
    dense = images.dtype == dtype and pitch == dtype.itemsize and step == images.shape[3] * pitch
    inside = unpadded(images, geometry) if dense else None
    if inside is not None:
        return inside
    padded = padded_zeros(len(images), images.shape[3], geometry, dtype)
    image_part, padded_part = _overlap(geometry)
    padded[padded_part] = images[image_part]
    return padded


def unpadded(images: np.ndarray, geometry: Geometry) -> np.ndarray | None:
    """(n, HP, WP, C) view of (n, H, W, C), or None if windows reach beyond the images."""
    (H, W), (HP, WP), (PH, PW) = geometry.input_size, geometry.padded_size, geometry.padding
    if PH > 0 or PW > 0 or HP - PH > H or WP - PW > W:
        return None
    return images[:, -PH : HP - PH, -PW : WP - PW]


def rows_of(geometry: Geometry, rows: slice) -> Geometry:
    """The geometry with only these output rows; the input stays whole."""
    PH, PW = geometry.padding
    return replace(
        geometry,
        output_size=(rows.stop - rows.start, geometry.output_size[1]),
        padding=(PH - rows.start * geometry.stride[0], PW),
    )


def add_unpadded(padded: np.ndarray, images: np.ndarray, geometry: Geometry) -> None:
    """Add to the images (n, H, W, C) what lies over them in (n, HP, WP, C)."""
    image_part, padded_part = _overlap(geometry)
    images[image_part] += padded[padded_part]


def mirrored(geometry: Geometry) -> Geometry:
    """Where mirrored filters lie in the output of a convolution with stride 1."""
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


def _overlap(geometry: Geometry) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Where (n, H, W) and (n, HP, WP) images overlap, in the first and in the second.

    The padded image may lack the last rows and columns, which no window reaches, and with negative
    padding also the first.
    """
    image, padded = [slice(None)], [slice(None)]
    for size, padded_size, padding in zip(
        geometry.input_size, geometry.padded_size, geometry.padding, strict=True
    ):
        first, last = max(0, -padding), min(size, padded_size - padding)
        last = max(first, last)
        image.append(slice(first, last))
        padded.append(slice(first + padding, last + padding))
    return tuple(image), tuple(padded)
