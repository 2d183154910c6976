"""Winograd's minimal filtering: convolution with stride 1 in a fraction of the multiplications.

A tile of T * T input pixels and a filter of R * R give M * M output pixels, with T = M + R - 1. Both
are transformed to T * T values ("points") and multiplied point by point. The products are summed
over the channels, which is one matrix product for each point, and transformed to output pixels:

    out = A' [(G filter G') * (B' tile B)] A            (' transposes)

This takes T * T multiplications for each tile and pair of channels instead of M * M * R * R: for
M = 4 a quarter of them with 3 * 3 filters, a sixth with 5 * 5. Behind it is the multiplication of
polynomials by their values at T - 1 numbers and at infinity, transposed. The price is a rounding
error that grows with T: see :func:`tiles`.

A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks", 2015.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from ....dtypes import HALVES
from ....memory import empty
from ...geometry import Geometry
from ..runtime.threads import for_each_slice, matmul, num_threads, scratch
from ..runtime.windows import even_slices, mirrored, nchw, slices
from .space_to_depth import (
    merged_filters,
    merged_geometry,
    merged_images,
    split_filters,
    split_images,
)
from .transforms import (
    FLOAT,
    Block,
    Strip,
    empty_points,
    filter_transform,
    output_transform,
    scratch_points,
    tile_transform,
    tile_windows,
    transform_matrices,
)

__all__ = [
    "FIXED_COST",
    "conv2d",
    "conv2d_input_grad",
    "conv2d_weight_grad",
    "cost",
    "possible",
    "tiles",
]

FIXED_COST = 3e7  # of any pass, however small, in the unit of cost()

# The largest M for each R. T is at most 8. For R = 2, which 3 * 3 filters with stride 2 produce, it
# is at most 6: 7 of the 16 pixels of a merged filter are then 0, and they add to the error, but not
# to the result.
_LARGEST_TILE = {2: 5, 3: 6, 4: 5, 5: 4}

# Small filters stay in the cache, so each thread takes its own blocks of tiles through all three
# steps. Large filters should be read rarely, so the threads share large blocks of tiles, and each
# thread transforms strips of a block. All sizes are in bytes of transformed values, and those of
# tiles count inputs and outputs together.
_SMALL_FILTERS = 1 << 21
_OWN_BLOCK = 1 << 22
_SHARED_BLOCK = 1 << 26
_SHARED_STRIP = 12 << 20
_PRODUCT = 1 << 19  # of a product before it is added to a sum


def possible(dtype: np.dtype, weight_shape: tuple[int, ...], geometry: Geometry) -> bool:
    """Whether Winograd's algorithm can do a convolution and its gradients.

    Filters must be square, with 2 * 2 to 5 * 5 pixels after the stride is merged into channels, and
    without dilation and groups. It is not for float64, which promises more precision, nor for
    integers, whose results must be exact.
    """
    K, S = weight_shape[2], geometry.stride[0]
    return (
        dtype in (FLOAT, *HALVES)
        and geometry.kernel_size == (K, K)
        and geometry.stride == (S, S)
        and -(-K // S) in _LARGEST_TILE
        and geometry.dilation == (1, 1)
        and geometry.groups == 1
    )


def tiles(R: int) -> tuple[int, ...]:
    """The output tile sizes M for filters of R * R pixels (after the stride is merged).

    The relative error in float32, measured in the Frobenius norm with 512 channels, is 5e-7 for
    T = 4, 2e-6 for T = 6 and 6e-6 for T = 8; with fewer channels it is smaller. T = 9 would exceed
    2e-5.
    """
    return tuple(range(2, _LARGEST_TILE[R] + 1))


def cost(pass_: str, N: int, weight_shape: tuple[int, ...], geometry: Geometry, M: int) -> float:
    """The estimated time of a pass, in multiplications of a matrix product.

    Args:
        pass_: "forward", "input_grad" or "weight_grad".
        N: number of images.
        weight_shape: (O, C, KH, KW).
        geometry: of the convolution, which must be :func:`possible`.
        M: one of :func:`tiles`.
    """
    (O, C), S = weight_shape[:2], geometry.stride[0]
    if S > 1:
        geometry, C = merged_geometry(geometry), S * S * C
    TT = (M + geometry.kernel_size[0] - 1) ** 2
    size = geometry.input_size if pass_ == "input_grad" else geometry.output_size
    tiles = N * math.prod(-(-n // M) for n in size)
    pixels = N * (math.prod(geometry.input_size) * C + math.prod(geometry.output_size) * O)
    # Fitted to measured times of the layers of AlexNet, VGG-16, ResNet-34 and GoogLeNet with 1, 4
    # and 32 images and all tile sizes, on two cores that do 90 multiplications per ns together. A
    # point of a tile takes as long as 30 multiplications, a point of a filter 80 (it is written
    # and read again), a pixel 20.
    multiplications = tiles * TT * C * O
    points = 30 * tiles * TT * (C + O) + 80 * TT * C * O
    return multiplications + points + 20 * pixels + FIXED_COST


def conv2d(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    geometry: Geometry,
    relu: bool,
    M: int,
) -> np.ndarray:
    """Convolution, with ReLU if wanted, in tiles of M * M pixels and summed in float32.

    The convolution must be :func:`possible`.
    """
    images = x
    if geometry.stride != (1, 1):
        images, weight = merged_images(x, geometry), merged_filters(weight, geometry)
        geometry = merged_geometry(geometry)
    filters = filter_transform(weight, M).swapaxes(1, 2)
    return _convolve(images, filters, bias, geometry, relu, M).astype(x.dtype, copy=False)


def conv2d_input_grad(
    grad: np.ndarray, weight: np.ndarray, geometry: Geometry, M: int
) -> np.ndarray:
    """The gradient of the input in tiles of M * M pixels; it must be :func:`possible`."""
    if geometry.stride == (1, 1):
        filters = filter_transform(weight, M, mirror=True)
        grad_x = _convolve(grad, filters, None, mirrored(geometry), False, M)
    else:
        merged = mirrored(merged_geometry(geometry))
        filters = filter_transform(merged_filters(weight, geometry), M, mirror=True)
        grad_x = split_images(_convolve(grad, filters, None, merged, False, M), geometry)
    return grad_x.astype(grad.dtype, copy=False)


def conv2d_weight_grad(
    grad: np.ndarray,
    x: np.ndarray,
    geometry: Geometry,
    M: int,
    dtype: np.dtype | None = None,
) -> np.ndarray:
    """The gradient of the weight in tiles of M * M pixels; it must be :func:`possible`."""
    if geometry.stride == (1, 1):
        grad_weight = _correlate(grad, x, geometry, M)
    else:
        images, merged = merged_images(x, geometry), merged_geometry(geometry)
        grad_weight = split_filters(_correlate(grad, images, merged, M), geometry)
    return grad_weight.astype(dtype or x.dtype, copy=False)


def _for_each_block(
    N: int,
    tiles: Geometry,
    channels: tuple[int, int],
    work: Callable[[int, Iterator[Block]], None],
) -> None:
    """Call ``work(start, blocks)`` for the tiles of N images.

    With small filters each thread calls it with blocks of its own, and sorting by ``start`` gives
    the same order in every run. With large filters it is called once, and the threads share the
    strips of each block.

    Args:
        N: number of images.
        tiles: from :func:`tile_windows`.
        channels: of the input and of the output.
        work: one thread may call it several times.
    """
    TT = math.prod(tiles.kernel_size)
    tile_bytes = sum(channels) * TT * FLOAT.itemsize
    own = math.prod(channels) * TT * FLOAT.itemsize <= _SMALL_FILTERS
    strip, block = (_OWN_BLOCK, _OWN_BLOCK) if own else (_SHARED_STRIP, _SHARED_BLOCK)
    strips = _strips(N, tiles, strip // tile_bytes)

    def blocks(start: int, stop: int) -> None:
        work(start, _blocks(strips[start:stop], tiles.output_size[1], block // tile_bytes))

    if own:
        for_each_slice(len(strips), blocks, per_thread=1)
    else:
        blocks(0, len(strips))


def _strips(N: int, tiles: Geometry, limit: int) -> list[tuple[slice, slice]]:
    """Strips of about ``limit`` tiles (images, rows of tiles), equally many for each thread."""
    (TH, TW), threads = tiles.output_size, num_threads()
    limit = max(1, min(limit, -(-N * TH * TW // threads)))
    images = limit // (TH * TW)
    if images:
        return [(some, slice(0, TH)) for some in even_slices(N, -(-N // images))]
    multiple = threads if N % threads else 1
    parts = -(-TH * TW // (limit * multiple)) * multiple
    return [(one, rows) for one in even_slices(N, N) for rows in even_slices(TH, parts)]


def _blocks(strips: list[tuple[slice, slice]], TW: int, limit: int) -> Iterator[Block]:
    """The strips in blocks of at most ``limit`` tiles, or of one strip that is larger."""
    block: Block = []
    count = 0
    for images, rows in strips:
        size = (images.stop - images.start) * (rows.stop - rows.start) * TW
        if block and count + size > limit:
            yield block
            block, count = [], 0
        block.append(Strip(images, rows, slice(count, count + size)))
        count += size
    if block:
        yield block


def _convolve(
    x: np.ndarray,
    filters: np.ndarray,
    bias: np.ndarray | None,
    geometry: Geometry,
    relu: bool,
    M: int,
) -> np.ndarray:
    """(N, O, OH, OW) from images (N, C, H, W) and filter points (T*T, C, O)."""
    N, (TT, C, O), tiles = len(x), filters.shape, tile_windows(geometry, M)
    A, _, B = transform_matrices(M, geometry.kernel_size[0])
    out = empty((N, *geometry.output_size, O), FLOAT)

    def work(_: int, blocks: Iterator[Block]) -> None:
        for block in blocks:
            x_points = tile_transform("input points", x, B, block, tiles)
            out_points = scratch_points("output points", TT, block[-1].tiles.stop, O)
            _multiply(x_points, filters, out_points)
            output_transform(out_points, A, block, out, bias, relu)

    _for_each_block(N, tiles, (C, O), work)
    return nchw(out)


def _correlate(grad: np.ndarray, x: np.ndarray, geometry: Geometry, M: int) -> np.ndarray:
    """(O, C, R, R), channels-last, from gradients (N, O, OH, OW) and images (N, C, H, W)."""
    (N, O), C, R = grad.shape[:2], x.shape[1], geometry.kernel_size[0]
    if not N:
        return nchw(np.zeros((O, R, R, C), FLOAT))
    A, G, B = transform_matrices(M, R)
    tiles = tile_windows(geometry, M)
    grad_tiles = Geometry(geometry.output_size, tiles.output_size, (M, M), (M, M))
    sums: dict[int, np.ndarray] = {}

    def work(start: int, blocks: Iterator[Block]) -> None:
        total = empty_points(len(B) ** 2, O, C)  # not scratch: one thread may run several slices
        for i, block in enumerate(blocks):
            x_points = tile_transform("input points", x, B, block, tiles)
            grad_points = tile_transform("output points", grad, A, block, grad_tiles)
            _multiply(grad_points.transpose(0, 2, 1), x_points, total, add=i > 0)
        sums[start] = total

    _for_each_block(N, tiles, (C, O), work)
    weight_grad = empty((O, R * R, C), FLOAT)
    both_axes = np.kron(G, G).T  # R*R, T*T

    def add_up(start: int, stop: int) -> None:
        # in a fixed order, so that rounding is the same in every run
        first, *others = [sums[i][:, start:stop] for i in sorted(sums)]
        for other in others:
            np.add(first, other, out=first)
        np.matmul(both_axes, first.swapaxes(0, 1), out=weight_grad[start:stop])

    for_each_slice(O, add_up)
    return nchw(weight_grad.reshape(O, R, R, C))


def _multiply(a: np.ndarray, b: np.ndarray, out: np.ndarray, add: bool = False) -> None:
    """Write the matrix product of each point to ``out``, or add it."""

    def work(start: int, stop: int) -> None:
        if not add:
            matmul(a[start:stop], b[start:stop], out[start:stop])
            return
        step = max(1, _PRODUCT // out[0].nbytes)
        for part in slices(stop - start, step):
            points = slice(start + part.start, start + part.stop)
            product = scratch("product", out[points].shape, FLOAT)
            np.matmul(a[points], b[points], out=product)
            np.add(out[points], product, out=out[points])

    for_each_slice(len(out), work)
