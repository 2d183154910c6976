"""Convolution as matrix products over columns of pixels (im2col), some output pixels at a time.

Where :mod:`.winograd` is faster, it does the work.

Beside the usual names: P output pixels in a block, G groups, Cg = C / G and Og = O / G, and
K = KH * KW * Cg values in a column. A column holds them in (KH, KW, Cg) order, so that it is KH
runs of KW * C neighbours in a channels-last image.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ..geometry import Geometry
from . import winograd
from .masking import clip_negative
from .precision import compute_type
from .threads import for_each_slice, scratch
from .windows import (
    add_unpadded,
    mirrored,
    nchw,
    nhwc,
    pad,
    padded_zeros,
    rows_of,
    slices,
    windows,
)

__all__ = ["col2im", "conv2d", "conv2d_input_grad", "conv2d_weight_grad", "im2col"]

# Output pixels in a matrix product. Below 200 BLAS loses a tenth of its speed, above 5000 half:
# the columns no longer fit the cache.
_BLOCK_PIXELS = 700


def conv2d(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    geometry: Geometry,
    relu: bool = False,
) -> np.ndarray:
    """Slide filters over images, as ``torch.nn.functional.conv2d``.

    Args:
        x: (N, C, H, W).
        weight: (O, C / groups, KH, KW).
        bias: (O,), float32 or of the dtype of ``x``, or None.
        geometry: where the windows lie.
        relu: whether negative results become 0.

    Returns:
        (N, O, OH, OW), channels-last in memory.
    """
    if winograd.pays(x.dtype, len(x), weight.shape, geometry):
        return winograd.conv2d(x, weight, bias, geometry, relu)

    N, O, G = len(x), len(weight), geometry.groups
    dtype = compute_type(x)
    filters = _filter_matrix(weight, G, dtype).transpose(0, 2, 1)  # G, K, Og
    out = np.empty((N, *geometry.output_size, O), dtype)

    def work(start: int, stop: int) -> None:
        for block, columns in _column_blocks(x[start:stop], geometry, dtype):
            pixels = out[start:stop][block]  # n, rows, OW, O
            np.matmul(columns, filters, out=_grouped(pixels, G))
            if bias is not None:
                np.add(pixels, bias, out=pixels)
            if relu:
                clip_negative(pixels, out=pixels)

    for_each_slice(N, work)
    return nchw(out.astype(x.dtype, copy=False))


def conv2d_input_grad(grad: np.ndarray, weight: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The gradient of :func:`conv2d` by ``x``, which is also the transposed convolution.

    Args:
        grad: (N, O, OH, OW).
        weight: (O, C / groups, KH, KW).
        geometry: that of the convolution.

    Returns:
        (N, C, H, W), channels-last in memory.
    """
    if winograd.pays(grad.dtype, len(grad), weight.shape, geometry):
        return winograd.conv2d_input_grad(grad, weight, geometry)
    if geometry.stride == (
        1,
        1,
    ):  # the copies of im2col cost less than the sums of col2im
        filters = _mirrored_filters(weight, geometry.groups)
        return conv2d(grad, filters, None, mirrored(geometry))

    N, G, (Cg, KH, KW) = len(grad), geometry.groups, weight.shape[1:]
    dtype = compute_type(grad)
    filters = _filter_matrix(weight, G, dtype)  # G, Og, K
    grad_x = np.zeros((N, *geometry.input_size, G * Cg), dtype)

    def work(start: int, stop: int) -> None:
        for images, rows in _blocks(stop - start, geometry):
            pixels = nhwc(grad[start:stop])[images, rows].astype(dtype, order="C", copy=False)
            columns = scratch("columns", (G, pixels[..., 0].size, KH * KW * Cg), dtype)
            np.matmul(_grouped(pixels, G), filters, out=columns)
            by_window = columns.reshape(G, *pixels.shape[:3], KH, KW, Cg)

            band = rows_of(geometry, rows)
            padded = padded_zeros(len(pixels), G * Cg, band, dtype)
            by_group = padded.reshape(*padded.shape[:3], G, Cg)
            _add_windows(by_group, np.moveaxis(by_window, 0, -2), band)
            add_unpadded(padded, grad_x[start:stop][images], band)

    for_each_slice(N, work)
    return nchw(grad_x.astype(grad.dtype, copy=False))


def conv2d_weight_grad(
    grad: np.ndarray, x: np.ndarray, geometry: Geometry, dtype: np.dtype | None = None
) -> np.ndarray:
    """The gradient of :func:`conv2d` by ``weight``.

    Args:
        grad: (N, O, OH, OW).
        x: (N, C, H, W).
        geometry: that of the convolution.
        dtype: that of the result, by default of ``x``.

    Returns:
        (O, C / groups, KH, KW), in this order in memory.
    """
    O, G, Cg = grad.shape[1], geometry.groups, x.shape[1] // geometry.groups
    if winograd.pays(x.dtype, len(x), (O, Cg, *geometry.kernel_size), geometry):
        return winograd.conv2d_weight_grad(grad, x, geometry, dtype)

    KH, KW = geometry.kernel_size
    sum_dtype = compute_type(x)
    shape = G, O // G, KH * KW * Cg
    sums: dict[int, np.ndarray] = {}  # by the first image of the thread's slice

    def work(start: int, stop: int) -> None:
        images = nhwc(grad)[start:stop]
        total, product = np.zeros(shape, sum_dtype), scratch("product", shape, sum_dtype)
        for block, columns in _column_blocks(x[start:stop], geometry, sum_dtype):
            pixels = images[block].astype(sum_dtype, order="C", copy=False)  # n, rows, OW, O
            np.matmul(_grouped(pixels, G).transpose(0, 2, 1), columns, out=product)
            np.add(total, product, out=total)
        sums[start] = total

    for_each_slice(len(x), work)
    total = np.zeros(shape, sum_dtype)
    for start in sorted(sums):  # a fixed order, so that a sum rounds the same way in every run
        np.add(total, sums[start], out=total)
    return nchw(total.reshape(O, KH, KW, Cg)).astype(dtype or x.dtype, order="C")


def im2col(x: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The windows of images as columns, as ``torch.nn.functional.unfold``.

    Args:
        x: (N, C, H, W).
        geometry: where the windows lie; its groups are ignored.

    Returns:
        (N, C * KH * KW, OH * OW).
    """
    N, C = x.shape[:2]
    columns = np.empty((N, C, *geometry.kernel_size, *geometry.output_size), x.dtype)

    def work(start: int, stop: int) -> None:
        for n in range(start, stop):
            padded = pad(nhwc(x[n : n + 1]), geometry, x.dtype)
            columns[n] = windows(padded, geometry)[0].transpose(4, 2, 3, 0, 1)

    for_each_slice(N, work)
    return columns.reshape(N, C * math.prod(geometry.kernel_size), -1)


def col2im(columns: np.ndarray, geometry: Geometry) -> np.ndarray:
    """Images from columns, as ``torch.nn.functional.fold``: pixels in several windows are summed.

    Args:
        columns: (N, C * KH * KW, OH * OW).
        geometry: where the windows lie; its groups are ignored.

    Returns:
        (N, C, H, W), channels-last in memory.
    """
    N, C = len(columns), columns.shape[1] // math.prod(geometry.kernel_size)
    by_window = columns.reshape(N, C, *geometry.kernel_size, *geometry.output_size)
    dtype = compute_type(columns)
    x = np.zeros((N, *geometry.input_size, C), dtype)

    def work(start: int, stop: int) -> None:
        for n in range(start, stop):
            padded = padded_zeros(1, C, geometry, dtype)
            _add_windows(padded, by_window[n : n + 1].transpose(0, 4, 5, 2, 3, 1), geometry)
            add_unpadded(padded, x[n : n + 1], geometry)

    for_each_slice(N, work)
    return nchw(x.astype(columns.dtype, copy=False))


def _grouped(pixels: np.ndarray, groups: int) -> np.ndarray:
    """(G, P, Og) view of contiguous (n, rows, OW, O)."""
    return pixels.reshape(-1, groups, pixels.shape[-1] // groups).transpose(1, 0, 2)


def _filter_matrix(weight: np.ndarray, groups: int, dtype: np.dtype) -> np.ndarray:
    """(G, Og, K): a view if the weight is channels-last and of this dtype, else a copy."""
    matrix = weight.transpose(0, 2, 3, 1).astype(dtype, order="C", copy=False)
    return matrix.reshape(groups, len(weight) // groups, -1)


def _mirrored_filters(weight: np.ndarray, groups: int) -> np.ndarray:
    """(C, Og, KH, KW) filters that take a gradient by the output to one by the input."""
    O, Cg, KH, KW = weight.shape
    grouped = weight[:, :, ::-1, ::-1].reshape(groups, O // groups, Cg, KH, KW)
    return grouped.transpose(0, 2, 1, 3, 4).reshape(groups * Cg, O // groups, KH, KW)


def _blocks(N: int, geometry: Geometry) -> Iterator[tuple[slice, slice]]:
    """Images and output rows of each block: several whole images, or some rows of one."""
    OH, OW = geometry.output_size
    blocks_per_image = max(1, round(OH * OW / _BLOCK_PIXELS))
    for images in slices(N, max(1, _BLOCK_PIXELS // (OH * OW))):
        for rows in slices(OH, math.ceil(OH / blocks_per_image)):
            yield images, rows


def _column_blocks(
    x: np.ndarray, geometry: Geometry, dtype: np.dtype
) -> Iterator[tuple[tuple[slice, slice], np.ndarray]]:
    """The blocks and their im2col (G, P, K), each of which overwrites the one before."""
    G, C, (KH, KW) = geometry.groups, x.shape[1], geometry.kernel_size
    for images, rows in _blocks(len(x), geometry):
        band = rows_of(geometry, rows)
        padded = pad(nhwc(x[images]), band, dtype)
        columns = windows(padded, band)  # n, rows, OW, KH, KW, C
        columns = columns.reshape(*columns.shape[:-1], G, C // G)
        columns = np.moveaxis(columns, -2, 0)  # G, n, rows, OW, KH, KW, Cg
        if (KH, KW) != (1, 1) or geometry.stride != (1, 1):
            gathered = scratch("columns", columns.shape, dtype)
            np.copyto(gathered, columns)
            columns = gathered
        yield (images, rows), columns.reshape(G, -1, KH * KW * C // G)


def _add_windows(padded: np.ndarray, columns: np.ndarray, geometry: Geometry) -> None:
    """Add (n, OH, OW, KH, KW, ...) columns to their pixels in (n, HP, WP, ...)."""
    (OH, OW), (SH, SW), (DH, DW) = (
        geometry.output_size,
        geometry.stride,
        geometry.dilation,
    )
    for kh in range(geometry.kernel_size[0]):
        rows = slice(kh * DH, kh * DH + (OH - 1) * SH + 1, SH)
        for kw in range(geometry.kernel_size[1]):
            pixels = padded[:, rows, kw * DW : kw * DW + (OW - 1) * SW + 1 : SW]
            np.add(pixels, columns[:, :, :, kh, kw], out=pixels)
