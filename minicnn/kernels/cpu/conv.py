"""Convolution as matrix products over columns of pixels (im2col), a block of output pixels at a time.

Beside the usual names: P output pixels in a block, G groups, Cg = C / G and Og = O / G, and
K = KH * KW * Cg values in a column. A column holds them in (KH, KW, Cg) order, so that it is KH runs
of KW * C neighbours in a channels-last image.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..geometry import Geometry
from .threads import for_each_slice, scratch

__all__ = ["col2im", "conv2d", "conv2d_input_grad", "conv2d_weight_grad", "im2col"]

# Output pixels in a matrix product. Below 200 BLAS loses a tenth of its speed, above 5000 half:
# the columns no longer fit the cache.
_BLOCK_PIXELS = 700

Block = tuple[slice, slice]  # images, output rows


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
        bias: (O,) or None.
        geometry: where the windows lie.
        relu: whether negative results become 0.

    Returns:
        (N, O, OH, OW), channels-last in memory.
    """
    N, O, G = len(x), len(weight), geometry.groups
    dtype = _compute_type(x)
    filters = _filter_matrix(weight, G, dtype).transpose(0, 2, 1)  # G, K, Og
    out = np.empty((N, *geometry.output_size, O), dtype)

    def work(start: int, stop: int) -> None:
        for block, columns in _column_blocks(x[start:stop], geometry, dtype):
            pixels = out[start:stop][block]  # n, rows, OW, O
            np.matmul(columns, filters, out=_grouped(pixels, G))
            if bias is not None:
                np.add(pixels, bias, out=pixels)
            if relu:
                np.maximum(pixels, 0, out=pixels)

    for_each_slice(N, work)
    return _nchw(out.astype(x.dtype, copy=False))


def conv2d_input_grad(grad: np.ndarray, weight: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The gradient of :func:`conv2d` by ``x``; as a function of its own, the transposed convolution.

    Args:
        grad: (N, O, OH, OW).
        weight: (O, C / groups, KH, KW).
        geometry: that of the convolution.

    Returns:
        (N, C, H, W), channels-last in memory.
    """
    if geometry.stride == (1, 1):  # the copies of im2col cost less than the sums of col2im
        return conv2d(grad, _mirrored(weight, geometry.groups), None, _mirrored_geometry(geometry))

    N, G, (Cg, KH, KW) = len(grad), geometry.groups, weight.shape[1:]
    dtype = _compute_type(grad)
    filters = _filter_matrix(weight, G, dtype)  # G, Og, K
    grad_x = np.empty((N, *geometry.input_size, G * Cg), grad.dtype)

    def work(start: int, stop: int) -> None:
        images = _nhwc(grad)[start:stop]
        per_block, rows_per_block = _block_size(geometry)
        for n in _slices(len(images), per_block):
            padded = _padded_zeros(len(images[n]), G * Cg, geometry, dtype)
            by_group = padded.reshape(*padded.shape[:3], G, Cg)
            for rows in _slices(geometry.output_size[0], rows_per_block):
                pixels = images[n, rows].astype(dtype, order="C", copy=False)  # n, rows, OW, O
                columns = scratch("columns", (G, pixels[..., 0].size, KH * KW * Cg), dtype)
                np.matmul(_grouped(pixels, G), filters, out=columns)
                windows = columns.reshape(G, *pixels.shape[:3], KH, KW, Cg)
                _add_windows(by_group, np.moveaxis(windows, 0, -2), geometry, rows.start)
            _crop(padded, grad_x[start:stop][n], geometry)

    for_each_slice(N, work)
    return _nchw(grad_x)


def conv2d_weight_grad(grad: np.ndarray, x: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The gradient of :func:`conv2d` by ``weight``.

    Args:
        grad: (N, O, OH, OW).
        x: (N, C, H, W).
        geometry: that of the convolution.

    Returns:
        (O, C / groups, KH, KW), channels-last in memory.
    """
    O, G, Cg = grad.shape[1], geometry.groups, x.shape[1] // geometry.groups
    KH, KW = geometry.kernel_size
    dtype = _compute_type(x)
    shape = G, O // G, KH * KW * Cg
    sums: dict[int, np.ndarray] = {}  # by the first image of the thread's slice

    def work(start: int, stop: int) -> None:
        images = _nhwc(grad)[start:stop]
        total, product = np.zeros(shape, dtype), scratch("product", shape, dtype)
        for block, columns in _column_blocks(x[start:stop], geometry, dtype):
            pixels = images[block].astype(dtype, order="C", copy=False)  # n, rows, OW, O
            np.matmul(_grouped(pixels, G).transpose(0, 2, 1), columns, out=product)
            np.add(total, product, out=total)
        sums[start] = total

    for_each_slice(len(x), work)
    total = np.zeros(shape, dtype) if not sums else sums.pop(0)
    for start in sorted(sums):  # a fixed order, so that a sum rounds the same way in every run
        np.add(total, sums[start], out=total)
    return _nchw(total.reshape(O, KH, KW, Cg).astype(x.dtype, copy=False))


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
            padded = _pad(_nhwc(x)[n : n + 1], geometry, x.dtype)
            columns[n] = _windows(padded, geometry)[0].transpose(4, 2, 3, 0, 1)

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
    windows = columns.reshape(N, C, *geometry.kernel_size, *geometry.output_size)
    dtype = _compute_type(columns)
    x = np.empty((N, *geometry.input_size, C), columns.dtype)

    def work(start: int, stop: int) -> None:
        for n in range(start, stop):
            padded = _padded_zeros(1, C, geometry, dtype)
            _add_windows(padded, windows[n : n + 1].transpose(0, 4, 5, 2, 3, 1), geometry)
            _crop(padded, x[n : n + 1], geometry)

    for_each_slice(N, work)
    return _nchw(x)


# -- memory layout: inside this file images are N, H, W, C ------------------------------------


def _nhwc(x: np.ndarray) -> np.ndarray:
    return x.transpose(0, 2, 3, 1)


def _nchw(x: np.ndarray) -> np.ndarray:
    return x.transpose(0, 3, 1, 2)


def _grouped(pixels: np.ndarray, groups: int) -> np.ndarray:
    """(G, P, Og) view of contiguous (n, rows, OW, O)."""
    return pixels.reshape(-1, groups, pixels.shape[-1] // groups).transpose(1, 0, 2)


def _compute_type(x: np.ndarray) -> np.dtype:
    return np.promote_types(x.dtype, np.float32)  # BLAS has no float16


# -- filters ----------------------------------------------------------------------------------


def _filter_matrix(weight: np.ndarray, groups: int, dtype: np.dtype) -> np.ndarray:
    """(G, Og, K): a view if the weight is channels-last and of this dtype, else a copy."""
    matrix = weight.transpose(0, 2, 3, 1).astype(dtype, order="C", copy=False)
    return matrix.reshape(groups, len(weight) // groups, -1)


def _mirrored(weight: np.ndarray, groups: int) -> np.ndarray:
    """(C, Og, KH, KW) filters that take a gradient by the output to one by the input."""
    O, Cg, KH, KW = weight.shape
    grouped = weight[:, :, ::-1, ::-1].reshape(groups, O // groups, Cg, KH, KW)
    return grouped.transpose(0, 2, 1, 3, 4).reshape(groups * Cg, O // groups, KH, KW)


def _mirrored_geometry(geometry: Geometry) -> Geometry:
    """Where mirrored filters lie in the output of a convolution with stride 1."""
    (KH, KW), (DH, DW), (PH, PW) = geometry.kernel_size, geometry.dilation, geometry.padding
    return Geometry(
        input_size=geometry.output_size,
        output_size=geometry.input_size,
        kernel_size=geometry.kernel_size,
        padding=((KH - 1) * DH - PH, (KW - 1) * DW - PW),
        dilation=geometry.dilation,
        groups=geometry.groups,
    )


# -- padding ----------------------------------------------------------------------------------


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


def _padded_zeros(n: int, channels: int, geometry: Geometry, dtype: np.dtype) -> np.ndarray:
    padded = scratch("padded", (n, *geometry.padded_size, channels), dtype)
    padded.fill(0)
    return padded


def _pad(images: np.ndarray, geometry: Geometry, dtype: np.dtype) -> np.ndarray:
    """(n, HP, WP, C) with every window inside; the images themselves if they are fit for that."""
    _, step, pitch = images.strides[1:]
    fit = (
        geometry.padding == (0, 0)
        and geometry.padded_size[0] <= geometry.input_size[0]
        and geometry.padded_size[1] <= geometry.input_size[1]
        and images.dtype == dtype
        and pitch == dtype.itemsize
        and step == images.shape[-1] * pitch
    )
    if fit:
        return images
    padded = _padded_zeros(len(images), images.shape[-1], geometry, dtype)
    image_part, padded_part = _overlap(geometry)
    padded[padded_part] = images[image_part]
    return padded


def _crop(padded: np.ndarray, out: np.ndarray, geometry: Geometry) -> None:
    """Undo :func:`_pad`; what was outside the padded image is 0."""
    image_part, padded_part = _overlap(geometry)
    out[...] = 0
    out[image_part] = padded[padded_part]


# -- columns ----------------------------------------------------------------------------------


def _slices(count: int, step: int) -> Iterator[slice]:
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))


def _block_size(geometry: Geometry) -> tuple[int, int]:
    """The images and output rows that make about ``_BLOCK_PIXELS`` output pixels."""
    OH, OW = geometry.output_size
    blocks_per_image = max(1, round(OH * OW / _BLOCK_PIXELS))
    return max(1, _BLOCK_PIXELS // max(1, OH * OW)), max(1, math.ceil(OH / blocks_per_image))


def _windows(padded: np.ndarray, geometry: Geometry) -> np.ndarray:
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


def _column_blocks(
    x: np.ndarray, geometry: Geometry, dtype: np.dtype
) -> Iterator[tuple[Block, np.ndarray]]:
    """The im2col of images as (G, P, K) blocks, each of which overwrites the one before."""
    G, C, (KH, KW) = geometry.groups, x.shape[1], geometry.kernel_size
    OH, OW = geometry.output_size
    images_per_block, rows_per_block = _block_size(geometry)
    for n in _slices(len(x), images_per_block):
        padded = _pad(_nhwc(x[n]), geometry, dtype)
        windows = _windows(padded, geometry).reshape(len(padded), OH, OW, KH, KW, G, C // G)
        windows = np.moveaxis(windows, -2, 0)  # G, n, OH, OW, KH, KW, Cg
        for rows in _slices(OH, rows_per_block):
            columns = block = windows[:, :, rows]
            if (KH, KW) != (1, 1) or geometry.stride != (1, 1):
                columns = scratch("columns", block.shape, dtype)
                np.copyto(columns, block)
            yield (n, rows), columns.reshape(G, -1, KH * KW * C // G)


def _add_windows(
    padded: np.ndarray, windows: np.ndarray, geometry: Geometry, first_row: int = 0
) -> None:
    """Add (n, rows, OW, KH, KW, ...) windows to their pixels in (n, HP, WP, ...)."""
    rows, OW, KH, KW = windows.shape[1:5]
    (SH, SW), (DH, DW) = geometry.stride, geometry.dilation
    for kh in range(KH):
        h = first_row * SH + kh * DH
        for kw in range(KW):
            w = kw * DW
            pixels = padded[:, h : h + (rows - 1) * SH + 1 : SH, w : w + (OW - 1) * SW + 1 : SW]
            np.add(pixels, windows[:, :, :, kh, kw], out=pixels)
