"""Convolution as matrix products over columns of pixels (im2col), some output pixels at a time.

Beside the usual names there are P output pixels in a block, and K = KH * KW * C values in a column.
They have the order (KH, KW, C): in a channels-last image these are KH runs of KW * C neighbours.
Channels-last filters, as layers have them, have the same order. There are no groups here: see
:mod:`.conv_grouped`.

With few pixels there is one matrix product, which the threads share. Otherwise each thread
multiplies blocks of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ...memory import empty, zeros
from ..geometry import Geometry
from .runtime.masking import clip_negative
from .runtime.precision import compute_dtype
from .runtime.threads import for_each_slice, multiply, num_threads, scratch
from .runtime.windows import (
    add_unpadded,
    even_slices,
    mirrored,
    nchw,
    nhwc,
    pad,
    padded_zeros,
    rows_of,
    unpadded,
    windows,
)

__all__ = ["col2im", "conv2d", "conv2d_input_grad", "conv2d_weight_grad", "cost", "im2col"]

# Values in a block, in its columns and its output together. Larger blocks leave the cache; with
# smaller ones the calls themselves take too long.
_BLOCK_VALUES = 1 << 20
_BLOCK_PIXELS = 700  # a block has at least as many, because BLAS is slow with fewer

# Transposing small filters for many pixels saves up to 30 % of the product: see threads.matmul().
_MANY_PIXELS = 4096
_SMALL_FILTERS = 1 << 17  # values

# With less work than this, waking threads costs more than they save.
_MIN_THREADED = 1 << 17  # values

Block = tuple[slice, slice]  # images and output rows


def cost(N: int, weight_shape: tuple[int, ...], geometry: Geometry) -> float:
    """The estimated time of each of the three passes, in multiplications of a matrix product.

    Args:
        N: number of images.
        weight_shape: (O, C / groups, KH, KW).
        geometry: of the convolution.
    """
    O, filters = weight_shape[0], math.prod(weight_shape)
    P = N * math.prod(geometry.output_size)
    columns, outputs = P * geometry.groups * filters // O, P * O
    # What a value costs to copy and to read; in most cases within 15 % of the measured time.
    return 1.1 * P * filters + 15 * columns + 40 * outputs + 15 * filters


def conv2d(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    geometry: Geometry,
    relu: bool = False,
) -> np.ndarray:
    """Convolution, with ReLU if wanted: see :func:`.conv.conv2d`."""
    filters = _filter_matrix(weight, compute_dtype(x.dtype)).T  # K, O
    many = len(x) * math.prod(geometry.output_size) >= _MANY_PIXELS
    if many and filters.size <= _SMALL_FILTERS:
        filters = np.ascontiguousarray(filters)  # BLAS is slow with few rows the other way
    return _convolve(x, filters, bias, geometry, relu)


def _convolve(
    x: np.ndarray,
    filters: np.ndarray,
    bias: np.ndarray | None,
    geometry: Geometry,
    relu: bool = False,
) -> np.ndarray:
    """:func:`conv2d` with filters (K, O) in the dtype to compute in."""
    N, (K, O), dtype, OW = len(x), filters.shape, filters.dtype, geometry.output_size[1]
    out = empty((N, *geometry.output_size, O), dtype)
    # Repeated to the length of a row, because NumPy is slow in short inner loops.
    biases = None if bias is None else np.tile(bias.astype(dtype), (OW, 1))
    weight_shape = O, K // math.prod(geometry.kernel_size), *geometry.kernel_size
    blocks = _blocks(N, weight_shape, geometry)

    def work(start: int, stop: int) -> None:
        for block in blocks[start:stop]:
            columns = _columns(x, block, geometry, dtype)
            pixels = out[block]  # n, rows, OW, O
            multiply(columns, filters, _matrix(pixels))
            if biases is not None:
                np.add(pixels, biases, out=pixels)
            if relu:
                clip_negative(pixels, out=pixels)

    for_each_slice(len(blocks), work)
    return nchw(out.astype(x.dtype, copy=False))


def conv2d_input_grad(grad: np.ndarray, weight: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The gradient of the input: see :func:`.conv.conv2d_input_grad`."""
    N, (C, KH, KW) = len(grad), weight.shape[1:]
    dtype = compute_dtype(grad.dtype)
    few = _few_pixels(N, weight.shape, geometry)
    if geometry.stride == (1, 1) and (not few or (KH, KW) == (1, 1)):
        # a convolution with mirrored filters: im2col's copies cost less than col2im's sums
        return _convolve(grad, _mirrored_filters(weight, dtype), None, mirrored(geometry))

    filters = _filter_matrix(weight, dtype)  # O, K
    grad_x = zeros((N, *geometry.input_size, C), dtype)

    def work(start: int, stop: int) -> None:  # whole images, because their windows overlap
        for images, rows in _blocks(stop - start, weight.shape, geometry):
            pixels = nhwc(grad[start:stop])[images, rows].astype(dtype, order="C", copy=False)
            columns = scratch("columns", (pixels[..., 0].size, KH * KW * C), dtype)
            multiply(_matrix(pixels), filters, columns)
            by_window = columns.reshape(*pixels.shape[:3], KH, KW, C)

            band, target = rows_of(geometry, rows), grad_x[start:stop][images]
            inside = unpadded(target, band)
            padded = padded_zeros(len(pixels), C, band, dtype) if inside is None else inside
            _add_windows(padded, by_window, band)
            if inside is None:
                add_unpadded(padded, target, band)

    if few:
        work(0, N)
    else:
        for_each_slice(N, work)
    return nchw(grad_x.astype(grad.dtype, copy=False))


def conv2d_weight_grad(
    grad: np.ndarray, x: np.ndarray, geometry: Geometry, dtype: np.dtype | None = None
) -> np.ndarray:
    """The gradient of the weight: see :func:`.conv.conv2d_weight_grad`."""
    N, O, C, (KH, KW) = len(x), grad.shape[1], x.shape[1], geometry.kernel_size
    sum_dtype, images = compute_dtype(x.dtype), nhwc(grad)
    few = _few_pixels(N, (O, C, KH, KW), geometry)
    blocks = _blocks(N, (O, C, KH, KW), geometry)

    def product(block: Block, out: np.ndarray) -> None:
        columns = _columns(x, block, geometry, sum_dtype)
        pixels = images[block].astype(sum_dtype, order="C", copy=False)  # n, rows, OW, O
        multiply(_matrix(pixels).T, columns, out)

    shape = O, KH * KW * C
    if few:
        weight_grad = empty(shape, sum_dtype)
        product(blocks[0], weight_grad)
        return nchw(weight_grad.reshape(O, KH, KW, C).astype(dtype or x.dtype, copy=False))

    sums: dict[int, np.ndarray] = {}  # one for each thread, by its first block

    def work(start: int, stop: int) -> None:
        total, summand = empty(shape, sum_dtype), scratch("product", shape, sum_dtype)
        product(blocks[start], total)
        for block in blocks[start + 1 : stop]:
            product(block, summand)
            np.add(total, summand, out=total)
        sums[start] = total

    for_each_slice(len(blocks), work, per_thread=1)
    weight_grad, *others = (sums[start].reshape(O, KH, KW, C) for start in sorted(sums))

    def add(start: int, stop: int) -> None:  # in a fixed order, so every run rounds the same
        total = weight_grad[start:stop]
        for other in others:
            np.add(total, other[start:stop], out=total)

    if others:
        _for_each_filter(weight_grad, add)
    return nchw(weight_grad.astype(dtype or x.dtype, copy=False))


def im2col(x: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The windows of images as columns, as ``torch.nn.functional.unfold``.

    Args:
        x: (N, C, H, W).
        geometry: where the windows lie; its groups are ignored.

    Returns:
        (N, C * KH * KW, OH * OW).
    """
    N, C = x.shape[:2]
    columns = empty((N, C, *geometry.kernel_size, *geometry.output_size), x.dtype)

    def work(start: int, stop: int) -> None:
        for n in range(start, stop):
            padded = pad(nhwc(x[n : n + 1]), geometry, x.dtype)
            columns[n] = windows(padded, geometry)[0].transpose(4, 2, 3, 0, 1)

    for_each_slice(N, work)
    rows, pixels = math.prod(geometry.kernel_size), math.prod(geometry.output_size)
    return columns.reshape(N, C * rows, pixels)


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
    dtype = compute_dtype(columns.dtype)
    x = zeros((N, *geometry.input_size, C), dtype)

    def work(start: int, stop: int) -> None:
        for n in range(start, stop):
            padded = padded_zeros(1, C, geometry, dtype)
            _add_windows(padded, by_window[n : n + 1].transpose(0, 4, 5, 2, 3, 1), geometry)
            add_unpadded(padded, x[n : n + 1], geometry)

    for_each_slice(N, work)
    return nchw(x.astype(columns.dtype, copy=False))


def _matrix(pixels: np.ndarray) -> np.ndarray:
    """(P, O) view of contiguous (n, rows, OW, O)."""
    return pixels.reshape(math.prod(pixels.shape[:3]), pixels.shape[3])


def _few_pixels(N: int, weight_shape: tuple[int, ...], geometry: Geometry) -> bool:
    """Whether all images together have no more columns than there are filters."""
    return N * math.prod(geometry.output_size) <= weight_shape[0]


def _filter_matrix(weight: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """(O, K): a view if the weight is channels-last and has this dtype, else a copy."""
    filters = nhwc(weight)
    shape = len(weight), math.prod(weight.shape[1:])
    if filters.flags.c_contiguous and filters.dtype == dtype:
        return filters.reshape(shape)

    matrix = empty(filters.shape, dtype)

    def work(start: int, stop: int) -> None:
        matrix[start:stop] = filters[start:stop]

    _for_each_filter(matrix, work)
    return matrix.reshape(shape)


def _mirrored_filters(weight: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """(KH * KW * O, C): the filters that turn a gradient of the output into one of the input.

    Filters of one pixel are mirrored already.
    """
    (O, C), (KH, KW) = weight.shape[:2], weight.shape[2:]
    filters = _filter_matrix(weight, dtype)  # O, K
    if (KH, KW) == (1, 1):
        return filters
    matrix = empty((KH * KW, O, C), dtype)
    source, target = filters.reshape(O, KH * KW, C)[:, ::-1], matrix.swapaxes(0, 1)

    def work(start: int, stop: int) -> None:
        target[start:stop] = source[start:stop]

    _for_each_filter(target, work)
    return matrix.reshape(KH * KW * O, C)


def _blocks(N: int, weight_shape: tuple[int, ...], geometry: Geometry) -> list[Block]:
    """Blocks of whole images or of some rows of one image, equally many for each thread."""
    (OH, OW), (O, C, KH, KW) = geometry.output_size, weight_shape
    values = KH * KW * C + O  # for each pixel
    wanted = -(-N * OH * OW // max(_BLOCK_PIXELS, _BLOCK_VALUES // values))
    if wanted <= 1 or _few_pixels(N, weight_shape, geometry):
        return [(slice(0, N), slice(0, OH))]
    threads = num_threads()
    images = even_slices(N, -(-wanted // threads) * threads)
    parts = 1
    if len(images) == N:
        multiple = threads if N % threads else 1
        parts = -(-wanted // (N * multiple)) * multiple
    return [(some, rows) for some in images for rows in even_slices(OH, parts)]


def _for_each_filter(filters: np.ndarray, work: Callable[[int, int], None]) -> None:
    """Call ``work(start, stop)`` for slices of the filters, on all threads if there are many."""
    if filters.size < _MIN_THREADED:
        work(0, len(filters))
    else:
        for_each_slice(len(filters), work)


def _columns(x: np.ndarray, block: Block, geometry: Geometry, dtype: np.dtype) -> np.ndarray:
    """(P, K): a view of ``x`` (N, C, H, W) if possible, else in this thread's scratch memory."""
    C, (KH, KW), (images, rows) = x.shape[1], geometry.kernel_size, block
    alone = (KH, KW) == (1, 1) and geometry.stride == (1, 1) and geometry.padding == (0, 0)
    if alone and geometry.output_size == geometry.input_size:  # each pixel is a window
        return _matrix(nhwc(x)[images, rows].astype(dtype, order="C", copy=False))
    band = rows_of(geometry, rows)
    pixels = windows(pad(nhwc(x[images]), band, dtype), band)  # n, rows, OW, KH, KW, C
    columns = scratch("columns", pixels.shape, dtype)
    np.copyto(columns, pixels)
    return columns.reshape(math.prod(pixels.shape[:3]), KH * KW * C)


def _add_windows(padded: np.ndarray, columns: np.ndarray, geometry: Geometry) -> None:
    """Add each value of the columns (n, OH, OW, KH, KW, C) to its pixel in (n, HP, WP, C)."""
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
