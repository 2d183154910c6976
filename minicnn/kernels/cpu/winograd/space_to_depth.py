"""Convolution with stride S as one with stride 1, over smaller images with S * S * C channels.

Each S * S square of the padded image becomes one pixel. So does each square of a filter, which is
first padded with zeros below and to the right, until its size is a multiple of S.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ....memory import empty, zeros
from ...geometry import Geometry
from ..runtime.threads import for_each_slice
from ..runtime.windows import add_unpadded, nchw, nhwc, pad

__all__ = [
    "merged_filters",
    "merged_geometry",
    "merged_images",
    "split_filters",
    "split_images",
]


def merged_geometry(geometry: Geometry) -> Geometry:
    """The geometry of the convolution with stride 1."""
    (OH, OW), (KH, KW), (SH, SW) = (
        geometry.output_size,
        geometry.kernel_size,
        geometry.stride,
    )
    RH, RW = -(-KH // SH), -(-KW // SW)
    return Geometry((OH - 1 + RH, OW - 1 + RW), (OH, OW), (RH, RW))


def merged_images(x: np.ndarray, geometry: Geometry) -> np.ndarray:
    """(N, SH * SW * C, H', W') from (N, C, H, W), padded and in float32."""
    N, C, (SH, SW) = len(x), x.shape[1], geometry.stride
    H, W = merged_geometry(geometry).input_size
    merged = empty((N, H, W, SH, SW, C), np.float32)
    padding = _whole_squares(geometry)

    def work(start: int, stop: int) -> None:
        for n in range(start, stop):
            padded = pad(nhwc(x[n : n + 1]), padding, merged.dtype)
            merged[n] = padded.reshape(H, SH, W, SW, C).swapaxes(1, 2)

    for_each_slice(N, work)
    return nchw(merged.reshape(N, H, W, -1))


def split_images(merged: np.ndarray, geometry: Geometry) -> np.ndarray:
    """(N, C, H, W), the inverse of :func:`merged_images`; pixels in no window are 0."""
    N, (SH, SW), (H, W) = len(merged), geometry.stride, merged.shape[2:]
    C = merged.shape[1] // (SH * SW)
    squares = nhwc(merged).reshape(N, H, W, SH, SW, C).swapaxes(2, 3)
    x = zeros((N, *geometry.input_size, C), merged.dtype)
    padding = _whole_squares(geometry)

    def work(start: int, stop: int) -> None:
        for n in range(start, stop):
            add_unpadded(squares[n].reshape(1, H * SH, W * SW, C), x[n : n + 1], padding)

    for_each_slice(N, work)
    return nchw(x)


def merged_filters(weight: np.ndarray, geometry: Geometry) -> np.ndarray:
    """(O, SH * SW * C, RH, RW) from (O, C, KH, KW)."""
    (O, C, KH, KW), (SH, SW) = weight.shape, geometry.stride
    RH, RW = merged_geometry(geometry).kernel_size
    padded = np.zeros((O, C, RH * SH, RW * SW), np.float32)
    padded[:, :, :KH, :KW] = weight
    squares = padded.reshape(O, C, RH, SH, RW, SW).transpose(0, 3, 5, 1, 2, 4)
    return squares.reshape(O, -1, RH, RW)


def split_filters(merged: np.ndarray, geometry: Geometry) -> np.ndarray:
    """(O, C, KH, KW), channels-last, the inverse of :func:`merged_filters`."""
    (SH, SW), (KH, KW), (RH, RW) = (
        geometry.stride,
        geometry.kernel_size,
        merged.shape[2:],
    )
    squares = nhwc(merged).reshape(len(merged), RH, RW, SH, SW, -1).transpose(0, 1, 3, 2, 4, 5)
    padded = squares.reshape(len(merged), RH * SH, RW * SW, -1)
    return nchw(np.ascontiguousarray(padded[:, :KH, :KW]))


def _whole_squares(geometry: Geometry) -> Geometry:
    """The geometry with filters, and therefore padded images, that consist of whole squares."""
    (RH, RW), (SH, SW) = merged_geometry(geometry).kernel_size, geometry.stride
    return replace(geometry, kernel_size=(RH * SH, RW * SW))
