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
from numpy.lib.stride_tricks import as_strided

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
# its own cache. If they are many, they are read seldom: the threads share large blocks, and each
# transforms strips of them. In bytes of points, of inputs and outputs together:
_FEW_FILTERS = 1 << 22
_OWN_BLOCK = 1 << 22
_SHARED_BLOCK = 1 << 26
_SHARED_STRIP = 12 << 20
_PRODUCT = 1 << 19  # bytes of a product that is added to a sum

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
    images = x
    if geometry.stride != (1, 1):
        images, weight = merged_images(x, geometry), merged_filters(weight, geometry)
        geometry = merged_geometry(geometry)
    filters = _filter_points(weight.swapaxes(0, 1), M)
    return _convolve(images, filters, bias, geometry, relu, M).astype(x.dtype, copy=False)


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
    """Several whole images, or some rows of tiles of one image."""

    images: slice
    rows: slice
    tiles: slice  # where they are among the tiles of the block


_Block = list[_Strip]


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


def _for_each_block(
    N: int,
    tiles: Geometry,
    channels: tuple[int, int],
    work: Callable[[int, Iterator[_Block]], None],
) -> None:
    """Call ``work(i, blocks)`` for the tiles of N images, once or once for each thread."""
    TT = math.prod(tiles.kernel_size)
    tile_bytes = sum(channels) * TT * FLOAT.itemsize
    own = math.prod(channels) * TT * FLOAT.itemsize <= _FEW_FILTERS
    strip, block = (_OWN_BLOCK, _OWN_BLOCK) if own else (_SHARED_STRIP, _SHARED_BLOCK)
    strips = _strips(N, tiles, strip // tile_bytes)

    def blocks(start: int, stop: int) -> None:
        work(start, _blocks(strips[start:stop], tiles.output_size[1], block // tile_bytes))

    if own:
        for_each_slice(len(strips), blocks)
    else:
        blocks(0, len(strips))


def _strips(N: int, tiles: Geometry, limit: int) -> list[tuple[slice, slice]]:
    """Images and rows of strips of at most ``limit`` tiles, if possible one for each thread."""
    TH, TW = tiles.output_size
    limit = min(limit, -(-N * TH * TW // num_threads()))
    images = max(1, limit // (TH * TW))
    rows = max(1, min(TH, limit // TW))
    return [(i, r) for i in slices(N, images) for r in slices(TH, rows)]


def _blocks(strips: list[tuple[slice, slice]], TW: int, limit: int) -> Iterator[_Block]:
    """The strips in blocks of at most ``limit`` tiles, if one strip has no more."""
    block: _Block = []
    count = 0
    for images, rows in strips:
        size = (images.stop - images.start) * (rows.stop - rows.start) * TW
        if block and count + size > limit:
            yield block
            block, count = [], 0
        block.append(_Strip(images, rows, slice(count, count + size)))
        count += size
    if block:
        yield block


def _filter_points(weight: np.ndarray, M: int) -> np.ndarray:
    """(T*T, C, O) from (C, O, R, R), in this thread's scratch memory."""
    C, O, R, _ = weight.shape
    _, G, _ = _transforms(M, R)
    both_axes = np.kron(G, G)  # T*T, R*R
    points = _scratch_points("filter points", len(both_axes), C, O)

    def work(start: int, stop: int) -> None:
        flat = weight[start:stop].reshape(stop - start, O, R * R).astype(FLOAT, copy=False)
        np.matmul(both_axes, flat.swapaxes(1, 2), out=points[:, start:stop].swapaxes(0, 1))

    for_each_slice(C, work)
    return points


def _points(
    name: str,
    x: np.ndarray,
    transform: np.ndarray,
    block: _Block,
    tiles: Geometry,
) -> np.ndarray:
    """(T*T, tiles, C) of a block, from (N, C, H, W); the tiles are windows of it."""
    C, (T, K), M = x.shape[1], transform.shape, tiles.stride[0]
    points = _scratch_points(name, T * T, block[-1].tiles.stop, C)
    by_axes = points.reshape(T, T, -1, C)

    def work(start: int, stop: int) -> None:
        for images, rows, span in block[start:stop]:
            strip = rows_of(tiles, rows)
            TH, TW = strip.output_size
            padded = pad(nhwc(x[images]), strip, FLOAT)
            n, HP, WP, _ = padded.shape
            by_row = _overlapping(padded.reshape(n, HP, WP * C), 1, K, M)
            columns = scratch("columns", (n, TH, T, WP * C), FLOAT)
            np.matmul(transform, by_row, out=columns)  # n, TH, K, WP*C -> n, TH, T, WP*C
            by_tile = _overlapping(columns.reshape(n, TH, T, WP, C), 3, K, M)
            out = by_axes[:, :, span].reshape(T, T, n, TH, TW, C)
            # n, TH, T, TW, K, C -> n, TH, T, TW, T, C
            np.matmul(transform, by_tile, out=out.transpose(2, 3, 0, 4, 1, 5))

    for_each_slice(len(block), work)
    return points


def _scratch_points(name: str, points: int, rows: int, columns: int) -> np.ndarray:
    """Scratch memory for a matrix of each point.

    One cache line lies between them: with a power of 2 from one to the next, the same element of
    all would have to share a few lines of the cache.
    """
    line = 64 // FLOAT.itemsize
    flat = scratch(name, (points, rows * columns + line), FLOAT)
    return flat[:, :-line].reshape(points, rows, columns)


def _overlapping(array: np.ndarray, axis: int, size: int, step: int) -> np.ndarray:
    """A view with windows of ``size`` items, one every ``step``, as two axes instead of one."""
    shape, strides = list(array.shape), list(array.strides)
    shape[axis : axis + 1] = [(shape[axis] - size) // step + 1, size]
    strides[axis : axis + 1] = [strides[axis] * step, strides[axis]]
    return as_strided(array, shape, strides, writeable=False)


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

    def work(_: int, blocks: Iterator[_Block]) -> None:
        for block in blocks:
            x_points = _points("input points", x, B, block, tiles)
            out_points = _scratch_points("output points", TT, block[-1].tiles.stop, O)
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

    def work(start: int, blocks: Iterator[_Block]) -> None:
        total = _scratch_points("filter points", len(B) ** 2, O, C)
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
        step = max(1, _PRODUCT // out[0].nbytes)
        for part in slices(stop - start, step):
            points = slice(start + part.start, start + part.stop)
            product = scratch("product", out[points].shape, FLOAT)
            np.matmul(a[points], b[points], out=product)
            np.add(out[points], product, out=out[points])

    for_each_slice(len(out), work)


def _pixels(
    points: np.ndarray,
    A: np.ndarray,
    block: _Block,
    out: np.ndarray,
    bias: np.ndarray | None,
    relu: bool,
) -> None:
    """Write the output pixels of a block, in (N, OH, OW, O), from points (T*T, tiles, O)."""
    (T, M), (OH, OW, O) = A.shape, out.shape[1:]
    TW = -(-OW // M)
    points = points.reshape(T, T, -1, O)
    zeros = np.zeros((OW, O), FLOAT)  # NumPy compares with an array faster than with a number

    def work(start: int, stop: int) -> None:
        for images, rows, span in block[start:stop]:
            n, TH = images.stop - images.start, rows.stop - rows.start
            by_tile = points[:, :, span].reshape(T, T, n, TH, TW, O).transpose(2, 3, 0, 4, 1, 5)
            columns = scratch("columns", (n, TH, T, TW, M, O), FLOAT)
            np.matmul(A.T, by_tile, out=columns)  # n, TH, T, TW, T, O -> n, TH, T, TW, M, O
            columns = columns.reshape(n, TH, T, -1)[..., : OW * O]

            kept = out[images, rows.start * M : rows.stop * M]  # without rows beyond the output
            whole, rest = divmod(kept.shape[1], M)
            whole_tiles = kept[:, : whole * M].reshape(n, whole, M, OW * O)
            np.matmul(A.T, columns[:, :whole], out=whole_tiles)
            if rest:
                last = kept[:, whole * M :].reshape(n, rest, OW * O)
                np.matmul(A.T[:rest], columns[:, whole], out=last)
            if bias is not None:
                np.add(kept, bias, out=kept)
            if relu:
                np.maximum(kept, zeros, out=kept)

    for_each_slice(len(block), work)
