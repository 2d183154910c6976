"""Winograd's algorithm (see :mod:`..winograd.conv`) as a step: long rows in every product.

A block of n images has TH * TW tiles of T * T pixels each. Windows along an axis overlap, so the
input is transformed along the columns first, whose windows are copied apart, and then along the rows
through overlapping views:

    padded image    (n, HP, WP, C)
    columns apart   (T, n, HP, TW, C)      copied
    transformed     (T, n, HP, TW, C)      one product with B' (T, T)
    points          (T, T, n, TH, TW, C)   one product with B' for each column point and row of tiles
    products        (T, T, n, TH, TW, O)   T * T products with the filters (C, O)
    rows            (M, T, n, TH, TW, O)   one product with A' (M, T)
    pixels          (M, M, n, TH, TW, O)   M products with A'
    out             (n, OH, OW, O)         copied, with residual and ReLU
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np

from ....memory import lasting
from ...geometry import Geometry
from ..runtime.windows import padded_size
from ..winograd.space_to_depth import merged_filters, merged_geometry
from ..winograd.transforms import tile_windows, transform_matrices
from .convolution import Convolution
from .epilogue import limited
from .products import products, slice_width
from .step import FLOAT, Call, Limits, Part, Scratch
from .views import padded, sliding

__all__ = ["points_per_pixel", "winograd"]


def _filter_points(weight: np.ndarray, M: int, width: int) -> np.ndarray:
    """(T * T, C, O) from filters (O, C, R, R), as :func:`.products.cut` returns them."""
    O, C, R, _ = weight.shape
    _, G, _ = transform_matrices(M, R)
    both_axes = np.kron(G, G)  # T*T, R*R
    flat = weight.astype(FLOAT, copy=False).reshape(O, C, R * R).transpose(1, 2, 0)  # C, R*R, O
    points = lasting((len(both_axes) * C * O,), FLOAT)
    for i in range(0, O, width):
        some = flat[:, :, i : i + width]
        part = points[len(both_axes) * C * i :][: len(both_axes) * C * some.shape[2]]
        np.matmul(both_axes, some, out=part.reshape(len(both_axes), C, -1).swapaxes(0, 1))
    return points


def winograd(conv: Convolution, scratch: Scratch, M: int, block_pixels: int) -> Part:
    """A convolution in tiles of M * M output pixels, about ``block_pixels`` at a time.

    With a stride of S, each square of S * S pixels counts as one pixel with S * S * C channels.
    """
    O, C = len(conv.weight), conv.weight.shape[1] * math.prod(conv.geometry.stride)
    blocks = conv.blocks(block_pixels, unit=M)
    tiles = len(blocks[0].x) * math.prod(_tiles(blocks[0], M).output_size)
    width = slice_width(tiles, C, O)

    def prepare() -> np.ndarray:
        return _filter_points(merged_filters(conv.weight, conv.geometry), M, width)

    filters = conv.once(("winograd", M, width), prepare)
    calls: list[Call] = []
    for block in blocks:
        scratch.release()
        calls += _block(block, scratch, filters, width, M)
    return Part(calls)


def points_per_pixel(conv: Convolution, M: int) -> float:
    """How many points of inputs and outputs there are for an output pixel."""
    O, C = len(conv.weight), conv.weight.shape[1] * math.prod(conv.geometry.stride)
    tiles = _tiles(conv, M)
    count = math.prod(tiles.output_size) * math.prod(tiles.kernel_size) * (C + O)
    return count / math.prod(conv.geometry.output_size)


def _tiles(conv: Convolution, M: int) -> Geometry:
    """The windows of the tiles over squares of pixels."""
    return tile_windows(merged_geometry(conv.geometry), M)


def _block(
    conv: Convolution, scratch: Scratch, filters: np.ndarray, width: int, M: int
) -> list[Call]:
    """The calls for a block; the filters are in slices of ``width``."""
    n, O, tiles = len(conv.x), len(conv.weight), _tiles(conv, M)
    A, _, B = transform_matrices(M, merged_geometry(conv.geometry).kernel_size[0])
    T, (TH, TW), (HP, WP) = len(B), tiles.output_size, padded_size(tiles)
    TT, count = T * T, n * TH * TW

    S = conv.geometry.stride[0]
    whole_squares = replace(conv.geometry, output_size=(1, 1), kernel_size=(HP * S, WP * S))
    image, calls = padded(conv.x, whole_squares, scratch)
    squares = sliding(sliding(image, 1, HP, S, S), 3, WP, S, S)  # n, HP, S, WP, S, C
    windows = sliding(squares.transpose(0, 1, 3, 2, 4, 5), 2, TW, T, M)  # n, HP, TW, T, S, S, C
    windows = np.moveaxis(windows, 3, 0)
    C = math.prod(windows.shape[4:])
    apart, transformed = scratch.take(T, n, HP, TW, C), scratch.take(T, n, HP, TW, C)
    calls.append(partial(np.copyto, apart.reshape(windows.shape), windows))
    calls.append(partial(np.matmul, B, apart.reshape(T, -1), transformed.reshape(T, -1)))

    points = scratch.take(TT, count, C)
    by_row = sliding(transformed.reshape(T, n, HP, TW * C), 2, TH, T, M)  # T, n, TH, T, TW*C
    target = points.reshape(T, T, n, TH, TW * C).transpose(1, 2, 3, 0, 4)
    calls.append(partial(np.matmul, B, by_row, target))

    summed = scratch.take(TT, count, O)
    calls += products(points, filters, width, summed)
    if conv.bias is not None:
        # The value at the numbers (1, 1) counts equally in every pixel of a tile.
        constant = summed[T + 1]
        bias = (conv.bias / A[1, 0] ** 2).astype(FLOAT)
        calls.append(partial(np.add, constant, bias, constant))

    rows, pixels = scratch.take(M, T * count * O), scratch.take(M, M, count * O)
    transposed = np.ascontiguousarray(A.T)
    calls.append(partial(np.matmul, transposed, summed.reshape(T, -1), rows))
    calls.append(partial(np.matmul, transposed, rows.reshape(M, T, -1), pixels))
    return calls + _write(pixels.reshape(M, M, n, TH, TW, O), conv.out, conv.residual, conv.limits)


def _write(
    pixels: np.ndarray, out: np.ndarray, residual: np.ndarray | None, limits: Limits | None
) -> list[Call]:
    """The calls that write (M, M, n, TH, TW, O) to (n, OH, OW, O), without what reaches beyond."""
    M, (OH, OW) = len(pixels), out.shape[1:3]
    calls: list[Call] = []
    for row_tiles, rows, tile_rows in _whole_and_rest(OH, M):
        for column_tiles, columns, tile_columns in _whole_and_rest(OW, M):
            source = pixels[:tile_rows, :tile_columns, :, row_tiles, column_tiles]
            target = _in_tiles(out[:, rows, columns], tile_rows, tile_columns)
            if residual is not None:
                summand = _in_tiles(residual[:, rows, columns], tile_rows, tile_columns)
                calls.append(partial(np.add, source, summand, target))
            elif limits is not None:
                calls.append(partial(np.clip, source, *limits, target))
            else:
                calls.append(partial(np.copyto, target, source))
    return calls if residual is None else calls + limited(out, limits)


def _whole_and_rest(size: int, M: int) -> list[tuple[slice, slice, int]]:
    """The tiles that fit in ``size`` pixels, and the last one: tiles, pixels, pixels in each tile."""
    whole, rest = divmod(size, M)
    parts = []
    if whole:
        parts.append((slice(0, whole), slice(0, whole * M), M))
    if rest:
        parts.append((slice(whole, whole + 1), slice(whole * M, size), rest))
    return parts


def _in_tiles(out: np.ndarray, tile_rows: int, tile_columns: int) -> np.ndarray:
    """(tile_rows, tile_columns, n, TH, TW, O) view of (n, TH * tile_rows, TW * tile_columns, O)."""
    H, W = out.shape[1:3]
    rows = sliding(out, 1, H // tile_rows, tile_rows, tile_rows)  # n, TH, rows, W, O
    tiles = sliding(rows, 3, W // tile_columns, tile_columns, tile_columns)
    view: np.ndarray = tiles.transpose(2, 4, 0, 1, 3, 5)
    return view
