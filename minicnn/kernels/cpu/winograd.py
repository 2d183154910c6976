"""Winograd's minimal filtering: convolution with stride 1 in a fraction of the multiplications.

A tile of T * T input pixels and a filter of R * R make M * M output pixels, T = M + R - 1. Both are
taken to T * T values ("points"), multiplied point by point and summed over the channels, which is a
matrix product for each point, and the sums are taken to output pixels:

    out = A' [(G filter G') * (B' tile B)] A            (' transposes)

That is T * T multiplications for each tile and pair of channels instead of M * M * R * R: for M = 4
a quarter of them with 3 * 3 filters, a sixth with 5 * 5. It is the product of two polynomials by
way of their values at T - 1 numbers and at infinity, run backwards. The price is rounding, which
grows with T: see :func:`tiles`.

A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks", 2015.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..geometry import Geometry
from .space_to_depth import (
    merged_filters,
    merged_geometry,
    merged_images,
    split_filters,
    split_images,
)
from .threads import for_each_slice, num_threads, scratch
from .windows import mirrored, nchw, nhwc, pad, rows_of, slices

__all__ = ["conv2d", "conv2d_input_grad", "conv2d_weight_grad", "cost", "possible", "tiles"]

# Where polynomials are evaluated: T - 1 of them, the first ones. Errors are small if powers are,
# and if the numbers come in pairs of opposite sign or inverse.
_NUMBERS = (0.0, 1.0, -1.0, 0.5, -2.0, 2.0, -0.5)

# If the points of the filters are few, each thread takes blocks of tiles through all three steps in
# its own cache. If they are many, they are read seldom: both threads share large blocks.
_FEW_FILTERS = 1 << 22  # bytes
_OWN_BLOCK = 3 << 19  # bytes of points, of inputs and outputs together
_SHARED_BLOCK = 1 << 26

FLOAT = np.dtype(np.float32)


def possible(dtype: np.dtype, weight_shape: tuple[int, ...], geometry: Geometry) -> bool:
    """Whether a convolution and its gradients can be done here.

    Filters must be square, with 2 * 2 to 5 * 5 pixels after the stride is merged, undilated and
    ungrouped. float64 is left to the direct sum, for precision.
    """
    K, S = weight_shape[2], geometry.stride[0]
    return (
        np.promote_types(dtype, np.float32) == FLOAT
        and geometry.kernel_size == (K, K)
        and geometry.stride == (S, S)
        and 2 <= -(-K // S) <= 5
        and geometry.dilation == (1, 1)
        and geometry.groups == 1
    )


def tiles(R: int) -> tuple[int, ...]:
    """The output tile sizes M for filters of R * R pixels (after the stride is merged).

    In float32 the relative error (in the Frobenius norm) is 2e-7 for T = 4, 7e-7 for T = 6 and 2e-6
    for T = 8, the last one here; T = 9 would have 2e-5.
    """
    return tuple(range(2, 10 - R))


def cost(
    pass_: str, N: int, weight_shape: tuple[int, ...], geometry: Geometry, M: int
) -> float:
    """The estimated time of a pass, in multiplications of a direct sum by matrix products.

    Args:
        pass_: "forward", "input_grad" or "weight_grad".
        N: the number of images.
        weight_shape: (O, C, KH, KW).
        geometry: that of the convolution.
        M: one of :func:`tiles`.
    """
    (O, C, K, _), S = weight_shape, geometry.stride[0]
    R = -(-K // S)
    size = geometry.output_size if pass_ != "input_grad" else geometry.input_size
    if S > 1:
        size = tuple(n + R - 1 for n in geometry.output_size) if pass_ == "input_grad" else size
    TT, merged = (M + R - 1) ** 2, S * S * C
    count = N * math.prod(-(-n // M) for n in size)
    # Measured: a point of a tile takes as long to compute as 30 multiplications in the matrix
    # products, one of a filter as long as 5 for each pixel of the filter.
    return count * TT * (merged * O + 30 * (merged + O)) + 5 * TT * R * R * merged * O


def conv2d(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    geometry: Geometry,
    relu: bool,
    M: int,
) -> np.ndarray:
    """:func:`.conv.conv2d` in tiles of M * M pixels, summed in float32; if :func:`possible`."""
    if geometry.stride != (1, 1):
        x, weight = merged_images(x, geometry), merged_filters(weight, geometry)
        geometry = merged_geometry(geometry)
    filters = _filter_points(weight.swapaxes(0, 1), M)
    return _convolve(x, filters, bias, geometry, relu, M).astype(x.dtype, copy=False)


def conv2d_input_grad(
    grad: np.ndarray, weight: np.ndarray, geometry: Geometry, M: int
) -> np.ndarray:
    """:func:`.conv.conv2d_input_grad` in tiles of M * M pixels; if :func:`possible`."""
    if geometry.stride == (1, 1):
        filters = _filter_points(weight[:, :, ::-1, ::-1], M)
        grad_x = _convolve(grad, filters, None, mirrored(geometry), False, M)
    else:
        merged = mirrored(merged_geometry(geometry))
        filters = _filter_points(merged_filters(weight, geometry)[:, :, ::-1, ::-1], M)
        grad_x = split_images(_convolve(grad, filters, None, merged, False, M), geometry)
    return grad_x.astype(grad.dtype, copy=False)


def conv2d_weight_grad(
    grad: np.ndarray,
    x: np.ndarray,
    geometry: Geometry,
    M: int,
    dtype: np.dtype | None = None,
) -> np.ndarray:
    """:func:`.conv.conv2d_weight_grad` in tiles of M * M pixels; if :func:`possible`."""
    if geometry.stride == (1, 1):
        grad_weight = _correlate(grad, x, geometry, M)
    else:
        images, merged = merged_images(x, geometry), merged_geometry(geometry)
        grad_weight = split_filters(_correlate(grad, images, merged, M), geometry)
    return grad_weight.astype(dtype or x.dtype, copy=False)


@functools.cache
def _transforms(M: int, R: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A (T, M), G (T, R) and B' (T, T)."""
    T = M + R - 1

    def powers(n: int) -> np.ndarray:
        """1, x, ..., x**(n-1) for each number x; for infinity the last counts alone."""
        return np.vstack([np.vander(_NUMBERS[: T - 1], n, increasing=True), np.eye(n)[-1:]])

    A, G, B = powers(M), powers(R), np.linalg.inv(powers(T)).T
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


def _windows(geometry: Geometry, M: int) -> Geometry:
    """The overlapping T * T windows of the input; the last tiles may reach beyond the output."""
    OH, OW = geometry.output_size
    T = M + geometry.kernel_size[0] - 1
    return Geometry(
        input_size=geometry.input_size,
        output_size=(-(-OH // M), -(-OW // M)),
        kernel_size=(T, T),
        stride=(M, M),
        padding=geometry.padding,
    )


Block = list[_Strip]


def _for_each_block(
    N: int,
    tiles: Geometry,
    channels: tuple[int, int],
    work: Callable[[int, Iterator[Block]], None],
) -> None:
    """Call ``work(i, blocks)`` for the tiles of N images, once or once for each thread."""
    TT = math.prod(tiles.kernel_size)
    TH, TW = tiles.output_size
    tile_bytes = sum(channels) * TT * FLOAT.itemsize
    own = math.prod(channels) * TT * FLOAT.itemsize <= _FEW_FILTERS
    strip_rows = max(1, min(_OWN_BLOCK // (tile_bytes * TW), N * TH // num_threads()))
    strips = [(n, rows) for n in range(N) for rows in slices(TH, strip_rows)]

    def blocks(start: int, stop: int) -> None:
        limit = (_OWN_BLOCK if own else _SHARED_BLOCK) // tile_bytes
        work(start, _blocks(strips[start:stop], TW, limit))

    if own:
        for_each_slice(len(strips), blocks)
    else:
        blocks(0, len(strips))


def _blocks(strips: list[tuple[int, slice]], TW: int, limit: int) -> Iterator[Block]:
    """The strips in blocks of at most ``limit`` tiles, if one strip has no more."""
    block: Block = []
    count = 0
    for image, rows in strips:
        size = (rows.stop - rows.start) * TW
        if block and count + size > limit:
            yield block
            block, count = [], 0
        block.append(_Strip(image, rows, slice(count, count + size)))
        count += size
    if block:
        yield block


def _filter_points(weight: np.ndarray, M: int) -> np.ndarray:
    """(T*T, C, O) from (C, O, R, R), in this thread's scratch memory."""
    C, O, R, _ = weight.shape
    _, G, _ = _transforms(M, R)
    both_axes = np.kron(G, G)  # T*T, R*R
    points = scratch("filter points", (len(both_axes), C, O), FLOAT)

    def work(start: int, stop: int) -> None:
        flat = weight[start:stop].reshape(stop - start, O, R * R).astype(FLOAT, copy=False)
        np.matmul(both_axes, flat.swapaxes(1, 2), out=points[:, start:stop].swapaxes(0, 1))

    for_each_slice(C, work)
    return points


def _points(
    name: str,
    x: np.ndarray,
    transform: np.ndarray,
    block: Block,
    tiles: Geometry,
) -> np.ndarray:
    """(T*T, tiles, C) of a block, from (N, C, H, W); the tiles are windows of it."""
    C, (T, K), M = x.shape[1], transform.shape, tiles.stride[0]
    points = scratch(name, (T, T, block[-1].tiles.stop, C), FLOAT)

    def work(start: int, stop: int) -> None:
        for image, rows, span in block[start:stop]:
            strip = rows_of(tiles, rows)
            TH, TW = strip.output_size
            padded = pad(nhwc(x[image : image + 1]), strip, FLOAT)[0]
            HP, WP, _ = padded.shape
            by_row = sliding_window_view(padded.reshape(HP, WP * C), K, axis=0)[::M]
            columns = scratch("columns", (TH, T, WP * C), FLOAT)
            np.matmul(transform, by_row.transpose(0, 2, 1), out=columns)  # TH, K, WP*C
            by_tile = sliding_window_view(columns.reshape(TH, T, WP, C), K, axis=2)[:, :, ::M]
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
    relu: bool,
    M: int,
) -> np.ndarray:
    """(N, O, OH, OW) from images (N, C, H, W) and filter points (T*T, C, O)."""
    N, (TT, C, O), tiles = len(x), filters.shape, _windows(geometry, M)
    A, _, B = _transforms(M, geometry.kernel_size[0])
    out = np.empty((N, *geometry.output_size, O), FLOAT)

    def work(_: int, blocks: Iterator[Block]) -> None:
        for block in blocks:
            x_points = _points("input points", x, B, block, tiles)
            out_points = scratch("output points", (TT, block[-1].tiles.stop, O), FLOAT)
            _multiply(x_points, filters, out_points)
            _pixels(out_points, A, block, out, bias, relu)

    _for_each_block(N, tiles, (C, O), work)
    return nchw(out)


def _correlate(grad: np.ndarray, x: np.ndarray, geometry: Geometry, M: int) -> np.ndarray:
    """(O, C, R, R) from gradients (N, O, OH, OW) and images (N, C, H, W)."""
    (N, O), C, R = grad.shape[:2], x.shape[1], geometry.kernel_size[0]
    A, G, B = _transforms(M, R)
    tiles = _windows(geometry, M)
    grad_tiles = Geometry(geometry.output_size, tiles.output_size, (M, M), (M, M))
    sums: dict[int, np.ndarray] = {}

    def work(start: int, blocks: Iterator[Block]) -> None:
        total = scratch("filter points", (len(B) ** 2, O, C), FLOAT)
        for i, block in enumerate(blocks):
            x_points = _points("input points", x, B, block, tiles)
            grad_points = _points("output points", grad, A, block, grad_tiles)
            _multiply(grad_points.transpose(0, 2, 1), x_points, total, add=i > 0)
        sums[start] = total

    _for_each_block(N, tiles, (C, O), work)
    weight_grad = np.empty((O, C, R * R), FLOAT)
    both_axes = np.kron(G, G)  # T*T, R*R

    def add_up(start: int, stop: int) -> None:
        first, *others = [sums[i][:, start:stop] for i in sorted(sums)]  # in a fixed order
        for other in others:
            np.add(first, other, out=first)
        np.matmul(first.transpose(1, 2, 0), both_axes, out=weight_grad[start:stop])

    for_each_slice(O, add_up)
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
    A: np.ndarray,
    block: Block,
    out: np.ndarray,
    bias: np.ndarray | None,
    relu: bool,
) -> None:
    """Write the output pixels of a block, in (N, OH, OW, O), from points (T*T, tiles, O)."""
    (T, M), (OW, O) = A.shape, out.shape[2:]
    TW = -(-OW // M)
    points = points.reshape(T, T, -1, O)

    def work(start: int, stop: int) -> None:
        for image, rows, span in block[start:stop]:
            TH = rows.stop - rows.start
            by_column = points[:, :, span].reshape(T, T, -1).swapaxes(0, 1)
            columns = scratch("columns", (T, M, TH * TW * O), FLOAT)
            np.matmul(A.T, by_column, out=columns)
            by_tile = columns.reshape(T, M, TH, TW, O).transpose(2, 1, 3, 0, 4)
            pixels = scratch("padded", (TH, M, TW, M, O), FLOAT)
            np.matmul(A.T, by_tile, out=pixels)  # TH, M, TW, T, O -> TH, M, TW, M, O

            kept = out[image, rows.start * M : rows.stop * M]
            pixels = pixels.reshape(TH * M, TW * M, O)[: len(kept), :OW]
            np.add(pixels, 0 if bias is None else bias, out=kept)
            if relu:
                np.maximum(kept, 0, out=kept)

    for_each_slice(len(block), work)
