"""Grouped convolution: for each group, matrix products over columns of pixels (im2col).

A group has few filters, and BLAS is slow with few. So a column has what is under the windows of R
neighbouring output pixels, and the filters are repeated for each of these pixels, S pixels further on
at stride S. In short: filters that are wider, R times as many, and R times as far apart. That takes
more multiplications, as some are by zero, but copies less, because the windows overlap.

Threads take some of the images each, or some of the groups. Beside the usual names, G groups have
Cg = C / G channels and Og = O / G filters each, and images by group are (G, N, H, W, Cg).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ...memory import empty
from ..geometry import Geometry
from .runtime.masking import clip_negative
from .runtime.precision import compute_dtype
from .runtime.taps import extents
from .runtime.threads import for_each_slice, matmul, num_threads, scratch
from .runtime.windows import (
    even_slices,
    nchw,
    nhwc,
    overlap,
    padded_size,
    phases,
    rows_of,
    windows,
)

__all__ = ["conv2d", "conv2d_input_grad", "conv2d_weight_grad", "neighbours", "widened"]

# Of the columns of a block: what fits the cache, and more for an image alone, whose blocks take so
# little time that threads would mostly wait for the interpreter's lock between them.
_BLOCK_VALUES = 1 << 19
_LONE_BLOCK_VALUES = 1 << 20
_MIN_THREADED = 1 << 20  # multiplications; with fewer, waking threads costs more than they save

# In multiplications of a large product: what it takes to copy a value of the columns, and the number
# of filters below which a multiplication takes longer.
_COPY = 15
_MANY_FILTERS = 16
_SHARED = 1.1  # how much longer a column takes that neighbours share

_BIAS_ROWS = 64  # to which the bias is added at a time, if their number can be divided by that

Block = tuple[slice, slice]  # images and output rows


def conv2d(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    geometry: Geometry,
    relu: bool,
    most: int,
) -> np.ndarray:
    """Convolution, with ReLU if wanted: see :func:`.conv.conv2d`.

    Here and below, at most ``most`` output pixels share a column.
    """
    dtype, G = compute_dtype(x.dtype), geometry.groups
    out = empty((len(x), *geometry.output_size, len(weight)), x.dtype)
    images, pixels = by_group(nhwc(x), G), by_group(out, G)
    filters = _by_filter(weight, G).transpose(0, 3, 4, 2, 1)
    biases = None if bias is None else bias.reshape(G, len(bias) // G)

    def work(some: slice, batch: slice) -> None:
        some_biases = None if biases is None else biases[some].astype(dtype, copy=False)
        some_filters = filters[some].astype(dtype, copy=False)
        target = pixels[some, batch]
        _convolve(images[some, batch], some_filters, geometry, most, target, some_biases, relu)

    _share(pixels, weight, work)
    return nchw(out)


def conv2d_input_grad(
    grad: np.ndarray, weight: np.ndarray, geometry: Geometry, most: int
) -> np.ndarray:
    """The gradient of the input: see :func:`.conv.conv2d_input_grad`."""
    dtype, G = compute_dtype(grad.dtype), geometry.groups
    out = empty((len(grad), *geometry.input_size, G * weight.shape[1]), grad.dtype)
    grads, pixels = by_group(nhwc(grad), G), by_group(out, G)
    filters = _by_filter(weight, G).transpose(0, 3, 4, 1, 2)

    def work(some: slice, batch: slice) -> None:
        for phase in phases(geometry):
            target, (kh, kw) = pixels[some, batch, phase.rows, phase.columns], phase.taps
            if kh and kw:
                some_filters = filters[some, _mirrored(kh), _mirrored(kw)].astype(dtype, copy=False)
                _convolve(grads[some, batch], some_filters, phase.geometry, most, target)
            else:
                target.fill(0)

    _share(grads, weight, work)
    return nchw(out)


def conv2d_weight_grad(
    grad: np.ndarray, x: np.ndarray, geometry: Geometry, most: int, dtype: np.dtype | None = None
) -> np.ndarray:
    """The gradient of the weight: see :func:`.conv.conv2d_weight_grad`."""
    sum_dtype, G = compute_dtype(x.dtype), geometry.groups
    grads, images = by_group(nhwc(grad), G), by_group(nhwc(x), G)
    Og, Cg = grads.shape[-1], images.shape[-1]
    R = neighbours(Og, geometry, most)
    wide = widened(geometry, R)
    weight_grad = np.zeros((G, Og, *geometry.kernel_size, Cg), sum_dtype)
    sums: dict[tuple[int, int], np.ndarray] = {}  # by the first group and image

    def work(some: slice, batch: slice) -> None:
        shape = some.stop - some.start, R * Og, math.prod(wide.kernel_size) * Cg
        product = scratch("grouped.product", shape, sum_dtype)
        by_pixel = product.reshape(-1, R, Og, *wide.kernel_size, Cg)
        total = sums[some.start, batch.start] = np.zeros_like(weight_grad[some])
        for block in _blocks(images[some, batch], wide):
            columns = _columns(images[some, batch], block, wide, sum_dtype)
            pixels = _neighbours_in_rows(
                grads[some, batch][(slice(None), *block)], wide, R, sum_dtype
            )
            matmul(pixels.swapaxes(1, 2), columns, product)
            for r, taps in _taps_of_neighbours(geometry, R):
                np.add(total, by_pixel[:, r][..., taps, :], out=total)

    _share(grads, weight_grad, work)
    for (first, _), total in sorted(sums.items()):  # in a fixed order
        weight_grad[first : first + len(total)] += total
    weight_grad = weight_grad.reshape(G * Og, *geometry.kernel_size, Cg)
    return nchw(weight_grad.astype(dtype or x.dtype, copy=False))


def by_group(images: np.ndarray, G: int) -> np.ndarray:
    """(G, N, H, W, C / G) view of (N, H, W, C)."""
    return np.moveaxis(images.reshape(*images.shape[:3], G, images.shape[3] // G), 3, 0)


def neighbours(Og: int, geometry: Geometry, most: int) -> int:
    """How many output pixels share a column: what takes the least time, by an estimate.

    With 1, a NaN reaches no other windows than its own, not even times zero.
    """

    def cost(R: int) -> float:
        width, filters = extents(widened(geometry, R))[1], R * Og
        multiply = filters * math.sqrt(max(1, _MANY_FILTERS / filters))
        return width / R * (_COPY + multiply) * (1 if R == 1 else _SHARED)

    return min(
        (R for R in (1, 2, 4, 8) if R <= max(1, min(most, geometry.output_size[1]))), key=cost
    )


def widened(geometry: Geometry, R: int) -> Geometry:
    """The windows of R neighbouring output pixels as one."""
    if R == 1:
        return geometry
    (OH, OW), (SH, SW), (DH, _) = geometry.output_size, geometry.stride, geometry.dilation
    return replace(
        geometry,
        output_size=(OH, -(-OW // R)),
        kernel_size=(geometry.kernel_size[0], (R - 1) * SW + extents(geometry)[1]),
        stride=(SH, R * SW),
        dilation=(DH, 1),
    )


def _mirrored(taps: list[int]) -> slice:
    """Taps, which are equally far apart, as a slice that begins with the last."""
    step = taps[1] - taps[0] if len(taps) > 1 else 1
    return slice(taps[-1], taps[0] - 1 if taps[0] else None, -step)


def _taps_of_neighbours(geometry: Geometry, R: int) -> list[tuple[int, slice]]:
    """For each of R neighbouring output pixels, where its taps of a row are in the wide filters."""
    if R == 1:
        return [(0, slice(None))]
    SW, DW, extent = geometry.stride[1], geometry.dilation[1], extents(geometry)[1]
    return [(r, slice(r * SW, r * SW + extent, DW)) for r in range(R)]


def _share(pixels: np.ndarray, weight: np.ndarray, work: Callable[[slice, slice], None]) -> None:
    """Call ``work(groups, images)`` for parts of a convolution, on all threads if it pays.

    Args:
        pixels: of the output, (G, N, OH, OW, Og).
        weight: the filters, which a thread transforms that takes some of the images.
        work: called for some of the groups or some of the images.
    """
    G, N = pixels.shape[:2]
    if pixels.size * weight.size // max(1, G * pixels.shape[4]) < _MIN_THREADED:
        work(slice(0, G), slice(0, N))
    elif N >= 2 * num_threads() and weight.size < pixels[:, 0].size:
        for_each_slice(N, lambda start, stop: work(slice(0, G), slice(start, stop)))
    else:
        for_each_slice(G, lambda start, stop: work(slice(start, stop), slice(0, N)), per_thread=1)


def _convolve(
    images: np.ndarray,
    filters: np.ndarray,
    geometry: Geometry,
    most: int,
    out: np.ndarray,
    bias: np.ndarray | None = None,
    relu: bool = False,
) -> None:
    """Write to ``out`` (G, N, OH, OW, Og), for some groups.

    Args:
        images: (G, N, H, W, Cg).
        filters: (G, KH, KW, Cg, Og), in the dtype to compute in.
        geometry: where the windows lie; its groups are ignored.
        most: the number of output pixels that may share a column.
        out: where to write.
        bias: (G, Og), in the same dtype, or None.
        relu: whether there is a ReLU.
    """
    dtype, (G, _, _, Cg, Og), OW = filters.dtype, filters.shape, out.shape[3]
    R = neighbours(Og, geometry, most)
    wide = widened(geometry, R)
    matrices = np.ascontiguousarray(filters)
    if R > 1:
        matrices = np.zeros((G, *wide.kernel_size, Cg, R, Og), dtype)
        for r, taps in _taps_of_neighbours(geometry, R):
            matrices[:, :, taps, :, r] = filters
    matrices = matrices.reshape(G, math.prod(wide.kernel_size) * Cg, R * Og)

    for block in _blocks(images, wide):
        columns = _columns(images, block, wide, dtype)
        product = scratch("grouped.product", (*columns.shape[:2], R * Og), dtype)
        matmul(columns, matrices, product)
        if bias is not None:
            _add_bias(product, np.tile(bias, R))
        if relu:
            clip_negative(product, out=product)
        target = out[(slice(None), *block)]
        pixels = product.reshape(*target.shape[:3], wide.output_size[1] * R, Og)
        _copy_runs(target, pixels[:, :, :, :OW])


def _add_bias(product: np.ndarray, bias: np.ndarray) -> None:
    """Add ``bias`` (G, O) to (G, P, O), several rows at a time: NumPy is slow in short inner loops."""
    G, P, O = product.shape
    rows = math.gcd(P, _BIAS_ROWS)
    by_rows = product.reshape(G, P // rows, rows * O)
    np.add(by_rows, np.tile(bias, rows)[:, None], out=by_rows)


def _copy_runs(target: np.ndarray, source: np.ndarray) -> None:
    """Copy, with the values of the last axis as one: NumPy is slow in short inner loops."""
    pitch = source.itemsize
    if target.dtype == source.dtype and target.strides[-1] == source.strides[-1] == pitch:
        run = np.dtype((np.void, source.shape[-1] * pitch))
        target, source = target.view(run), source.view(run)
    target[...] = source


def _by_filter(weight: np.ndarray, G: int) -> np.ndarray:
    """(G, Og, Cg, KH, KW) view of (O, Cg, KH, KW)."""
    return weight.reshape(G, len(weight) // G, *weight.shape[1:])


def _blocks(images: np.ndarray, wide: Geometry) -> list[Block]:
    """Blocks of whole images or of some rows of one image."""
    (G, N, _, _, Cg), (OH, OW) = images.shape, wide.output_size
    values = G * N * OH * OW * math.prod(wide.kernel_size) * Cg
    count = -(-values // (_LONE_BLOCK_VALUES if N == 1 else _BLOCK_VALUES))
    return [
        (some, rows)
        for some in even_slices(N, count)
        for rows in even_slices(OH, -(-count // max(1, N)))
    ]


def _columns(images: np.ndarray, block: Block, wide: Geometry, dtype: np.dtype) -> np.ndarray:
    """(G, P, K) in scratch memory: what is under P windows of images (G, N, H, W, Cg)."""
    band, some = rows_of(wide, block[1]), images[:, block[0]]
    (G, n, _, _, Cg), (image_part, padded_part) = some.shape, overlap(band)
    padded = scratch("grouped.padded", (G, n, *padded_size(band), Cg), dtype)
    padded.fill(0)
    _copy_runs(padded[(slice(None), *padded_part)], some[(slice(None), *image_part)])
    under = windows(padded.reshape(G * n, *padded.shape[2:]), band)
    (_, OH, OW, KH, KW, _), DW = under.shape, band.dilation[1]
    if DW == 1:  # the pixels of a row are neighbours
        under = under.reshape(G * n, OH, OW, KH, KW * Cg)
    columns = scratch("grouped.columns", under.shape, dtype)
    _copy_runs(columns, under)
    return columns.reshape(G, n * OH * OW, KH * KW * Cg)


def _neighbours_in_rows(pixels: np.ndarray, wide: Geometry, R: int, dtype: np.dtype) -> np.ndarray:
    """(G, P, R * Og) in scratch memory, from (G, n, rows, OW, Og); zeros follow the last pixels."""
    G, n, rows, OW, Og = pixels.shape
    matrix = scratch("grouped.pixels", (G, n, rows, wide.output_size[1] * R, Og), dtype)
    matrix[:, :, :, OW:] = 0
    _copy_runs(matrix[:, :, :, :OW], pixels)
    return matrix.reshape(G, n * rows * wide.output_size[1], R * Og)
