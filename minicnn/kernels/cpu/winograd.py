"""Winograd's minimal filtering: convolution with stride 1 in a fraction of the multiplications.

A tile of T * T input pixels and a filter of R * R make M * M output pixels, T = M + R - 1. Both are
taken to T * T values ("points"), multiplied point by point and summed over the channels, which is a
matrix product for each point, and the sums are taken to output pixels:

    out = A' [(G filter G') * (B' tile B)] A            (' transposes)

That is T * T multiplications for each tile and pair of channels instead of M * M * R * R: for M = 4
a quarter of them with 3 * 3 filters, a sixth with 5 * 5. It is the product of two polynomials by
way of their values at T - 1 numbers and at infinity, run backwards. The price is rounding: in
float32 errors are about 3 times those of the direct sum with 3 * 3 filters, 8 times with 5 * 5.

A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks", 2015.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..geometry import Geometry
from .masking import clip_negative
from .space_to_depth import (
    merged_filters,
    merged_geometry,
    merged_images,
    split_filters,
    split_images,
)
from .threads import for_each_slice, scratch
from .windows import mirrored, nchw, nhwc, pad, rows_of, slices

__all__ = ["conv2d", "conv2d_input_grad", "conv2d_weight_grad", "pays"]

_M = 4
# Where polynomials are evaluated: 3 * 3 filters take the first five, 5 * 5 all. Errors are small if
# powers are, and if the numbers come in pairs of opposite sign or inverse.
_NUMBERS = (0.0, 1.0, -1.0, 0.5, -2.0, 2.0, -0.5)

_STRIP_BYTES = 1 << 21  # of points that one thread transforms at a time, in its own cache
_BLOCK_BYTES = 1 << 26  # of points, of inputs and outputs together, between the three steps

FLOAT = np.dtype(np.float32)


def pays(dtype: np.dtype, N: int, weight_shape: tuple[int, ...], geometry: Geometry) -> bool:
    """Whether a convolution and its gradients are faster here than as direct sums.

    Not if they cannot be done here: filters must be square, with at most 5 * 5 pixels after the
    stride is merged, undilated and ungrouped. float64 is left to the direct sum, for precision.
    """
    (O, C, K, _), S = weight_shape, geometry.stride[0]
    R = -(-K // S)
    possible = (
        np.promote_types(dtype, np.float32) == FLOAT
        and geometry.kernel_size == (K, K)
        and 2 <= R <= 5
        and geometry.stride == (S, S)
        and geometry.dilation == (1, 1)
        and geometry.groups == 1
    )
    if not possible:
        return False

    OH, OW = geometry.output_size
    TT, merged = (_M + R - 1) ** 2, S * S * C
    tiles = N * -(-OH // _M) * -(-OW // _M)
    # Measured: a point of a tile takes as long to compute as 30 multiplications in the matrix
    # products, one of a filter as long as 5 for each pixel of the filter.
    products = tiles * TT * (merged * O + 30 * (merged + O)) + 5 * TT * R * R * merged * O
    return products < N * OH * OW * K * K * C * O


def conv2d(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    geometry: Geometry,
    relu: bool = False,
) -> np.ndarray:
    """:func:`.conv.conv2d`, summed in float32; ask :func:`pays` first."""
    if geometry.stride == (1, 1):
        images, filters = x, weight
    else:
        images, filters = merged_images(x, geometry), merged_filters(weight, geometry)
        geometry = merged_geometry(geometry)
    points = _filter_points(filters)
    out = _convolve(images, points.transpose(0, 2, 1), bias, geometry, relu)
    return out.astype(x.dtype, copy=False)


def conv2d_input_grad(grad: np.ndarray, weight: np.ndarray, geometry: Geometry) -> np.ndarray:
    """:func:`.conv.conv2d_input_grad`, summed in float32; ask :func:`pays` first."""
    if geometry.stride == (1, 1):
        points = _filter_points(weight, mirror=True)
        grad_x = _convolve(grad, points, None, mirrored(geometry))
    else:
        merged = merged_geometry(geometry)
        points = _filter_points(merged_filters(weight, geometry), mirror=True)
        grad_x = split_images(_convolve(grad, points, None, mirrored(merged)), geometry)
    return grad_x.astype(grad.dtype, copy=False)


def conv2d_weight_grad(
    grad: np.ndarray, x: np.ndarray, geometry: Geometry, dtype: np.dtype | None = None
) -> np.ndarray:
    """:func:`.conv.conv2d_weight_grad`, summed in float32; ask :func:`pays` first."""
    if geometry.stride == (1, 1):
        grad_weight = _correlate(grad, x, geometry)
    else:
        images, merged = merged_images(x, geometry), merged_geometry(geometry)
        grad_weight = split_filters(_correlate(grad, images, merged), geometry)
    return grad_weight.astype(dtype or x.dtype, copy=False)


@functools.cache
def _transforms(R: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A (T, M), G (T, R) and B' (T, T)."""
    T = _M + R - 1

    def powers(n: int) -> np.ndarray:
        """1, x, ..., x**(n-1) for each number x; for infinity the last counts alone."""
        return np.vstack([np.vander(_NUMBERS[: T - 1], n, increasing=True), np.eye(n)[-1:]])

    A, G, B = powers(_M), powers(R), np.linalg.inv(powers(T)).T
    for matrix in (A, G):  # balance the rows, by powers of 2, which round nothing
        scale = 2.0 ** np.round(np.log2(np.abs(matrix).sum(axis=1, keepdims=True)))
        matrix /= scale
        B *= scale
    return A.astype(FLOAT), G.astype(FLOAT), B.astype(FLOAT)


class _Strip(NamedTuple):
    """Some rows of tiles of one image."""

    image: int
    rows: slice
    tiles: slice  # where they are among the tiles of the block


def _tiles(geometry: Geometry) -> Geometry:
    """The overlapping T * T windows of the input; the last tiles may reach beyond the output."""
    OH, OW = geometry.output_size
    T = _M + geometry.kernel_size[0] - 1
    return Geometry(
        input_size=geometry.input_size,
        output_size=(-(-OH // _M), -(-OW // _M)),
        kernel_size=(T, T),
        stride=(_M, _M),
        padding=geometry.padding,
    )


def _blocks(N: int, channels: int, tiles: Geometry) -> Iterator[list[_Strip]]:
    """The tiles of N images in blocks of about ``_BLOCK_BYTES``, those in strips for one thread."""
    TH, TW = tiles.output_size
    tile_bytes = channels * tiles.kernel_size[0] ** 2 * FLOAT.itemsize
    strip_rows = max(1, _STRIP_BYTES // (tile_bytes * TW))
    block: list[_Strip] = []
    count = 0
    for n in range(N):
        for rows in slices(TH, strip_rows):
            size = (rows.stop - rows.start) * TW
            if block and (count + size) * tile_bytes > _BLOCK_BYTES:
                yield block
                block, count = [], 0
            block.append(_Strip(n, rows, slice(count, count + size)))
            count += size
    if block:
        yield block


def _filter_points(weight: np.ndarray, mirror: bool = False) -> np.ndarray:
    """(T*T, O, C) from (O, C, R, R), in this thread's scratch memory."""
    O, C, R, _ = weight.shape
    _, G, _ = _transforms(R)
    both_axes = np.kron(G[:, ::-1], G[:, ::-1]) if mirror else np.kron(G, G)  # T*T, R*R
    flat = np.ascontiguousarray(weight, FLOAT).reshape(O * C, R * R)
    points = scratch("filter points", (len(both_axes), O * C), FLOAT)

    def work(start: int, stop: int) -> None:
        np.matmul(both_axes, flat[start:stop].T, out=points[:, start:stop])

    for_each_slice(O * C, work)
    return points.reshape(-1, O, C)


def _points(
    name: str,
    x: np.ndarray,
    transform: np.ndarray,
    block: list[_Strip],
    tiles: Geometry,
) -> np.ndarray:
    """(T*T, tiles, C) of a block, from (N, C, H, W); the tiles are windows of it."""
    C, T, K = x.shape[1], *transform.shape
    points = scratch(name, (T, T, block[-1].tiles.stop, C), FLOAT)

    def work(start: int, stop: int) -> None:
        for image, rows, span in block[start:stop]:
            strip = rows_of(tiles, rows)
            TH, TW = strip.output_size
            padded = pad(nhwc(x[image : image + 1]), strip, FLOAT)[0]
            HP, WP, _ = padded.shape
            by_row = sliding_window_view(padded.reshape(HP, WP * C), K, axis=0)[::_M]
            columns = scratch("columns", (TH, T, WP * C), FLOAT)
            np.matmul(transform, by_row.transpose(0, 2, 1), out=columns)  # TH, K, WP*C
            by_tile = sliding_window_view(columns.reshape(TH, T, WP, C), K, axis=2)[:, :, ::_M]
            out = points[:, :, span].reshape(T, T, TH, TW, C)
            # TH, T, TW, K, C -> TH, T, TW, T, C
            np.matmul(transform, by_tile.swapaxes(3, 4), out=out.transpose(2, 0, 3, 1, 4))

    for_each_slice(len(block), work)
    return points.reshape(T * T, -1, C)


def _convolve(
    x: np.ndarray,
    filters: np.ndarray,
    bias: np.ndarray | None,
    geometry: Geometry,
    relu: bool = False,
) -> np.ndarray:
    """(N, O, OH, OW) from images (N, C, H, W) and filter points (T*T, C, O)."""
    N, (TT, C, O), tiles = len(x), filters.shape, _tiles(geometry)
    _, _, B = _transforms(geometry.kernel_size[0])
    out = np.empty((N, *geometry.output_size, O), FLOAT)
    for block in _blocks(N, C + O, tiles):
        x_points = _points("input points", x, B, block, tiles)
        out_points = scratch("output points", (TT, block[-1].tiles.stop, O), FLOAT)
        _multiply(x_points, filters, out_points)
        _pixels(out_points, block, out, bias, relu)
    return nchw(out)


def _correlate(grad: np.ndarray, x: np.ndarray, geometry: Geometry) -> np.ndarray:
    """(O, C, R, R) from gradients (N, O, OH, OW) and images (N, C, H, W)."""
    (N, O), C, R = grad.shape[:2], x.shape[1], geometry.kernel_size[0]
    A, G, B = _transforms(R)
    tiles = _tiles(geometry)
    grad_tiles = Geometry(geometry.output_size, tiles.output_size, (_M, _M), (_M, _M))
    sums = scratch("filter points", (len(B) ** 2, O, C), FLOAT)
    sums.fill(0)
    for block in _blocks(N, C + O, tiles):
        x_points = _points("input points", x, B, block, tiles)
        grad_points = _points("output points", grad, A, block, grad_tiles)
        _multiply(grad_points.transpose(0, 2, 1), x_points, sums, add=True)

    weight_grad = np.empty((O * C, R * R), FLOAT)
    by_filter = sums.reshape(-1, O * C).T
    both_axes = np.kron(G, G)  # T*T, R*R

    def work(start: int, stop: int) -> None:
        np.matmul(by_filter[start:stop], both_axes, out=weight_grad[start:stop])

    for_each_slice(O * C, work)
    return weight_grad.reshape(O, C, R, R)


def _multiply(a: np.ndarray, b: np.ndarray, out: np.ndarray, add: bool = False) -> None:
    """Write, or add, to ``out`` the matrix product of each point."""

    def work(start: int, stop: int) -> None:
        if not add:
            np.matmul(a[start:stop], b[start:stop], out=out[start:stop])
            return
        product = scratch("product", out.shape[1:], FLOAT)
        for point in range(start, stop):
            np.matmul(a[point], b[point], out=product)
            np.add(out[point], product, out=out[point])

    for_each_slice(len(out), work)


def _pixels(
    points: np.ndarray,
    block: list[_Strip],
    out: np.ndarray,
    bias: np.ndarray | None,
    relu: bool,
) -> None:
    """Write the output pixels of a block, in (N, OH, OW, O), from points (T*T, tiles, O)."""
    OW, O = out.shape[2:]
    T, TW = math.isqrt(len(points)), -(-OW // _M)
    A, _, _ = _transforms(T - _M + 1)
    points = points.reshape(T, T, -1, O)

    def work(start: int, stop: int) -> None:
        for image, rows, span in block[start:stop]:
            TH = rows.stop - rows.start
            by_column = points[:, :, span].reshape(T, T, -1).swapaxes(0, 1)
            columns = scratch("columns", (T, _M, TH * TW * O), FLOAT)
            np.matmul(A.T, by_column, out=columns)
            by_tile = columns.reshape(T, _M, TH, TW, O).transpose(2, 1, 3, 0, 4)
            pixels = scratch("padded", (TH, _M, TW, _M, O), FLOAT)
            np.matmul(A.T, by_tile, out=pixels)  # TH, M, TW, T, O -> TH, M, TW, M, O

            kept = out[image, rows.start * _M : rows.stop * _M]
            pixels = pixels.reshape(TH * _M, TW * _M, O)[: len(kept), :OW]
            np.add(pixels, 0 if bias is None else bias, out=kept)
            if relu:
                clip_negative(kept, out=kept)

    for_each_slice(len(block), work)
