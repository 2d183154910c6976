"""The transforms of Winograd's algorithm: filters and tiles to points, and points to pixels.

See :mod:`.winograd` for what they are. Transforms of T * T values are many small matrix products,
rows first and then columns, in which the channels are the columns of a matrix.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ....memory import empty
from ...geometry import Geometry
from ..runtime.masking import clip_negative
from ..runtime.threads import for_each_slice, scratch
from ..runtime.windows import nhwc, pad, rows_of

__all__ = [
    "FLOAT",
    "Block",
    "Strip",
    "empty_points",
    "filter_points",
    "pixels",
    "scratch_points",
    "tile_points",
    "tile_windows",
    "transforms",
]

FLOAT = np.dtype(np.float32)
_LINE = 64 // FLOAT.itemsize  # numbers in a line of the cache

# Where polynomials are evaluated: T - 1 of them, the first ones. Errors are small if powers are,
# and if the numbers come in pairs of opposite sign or inverse.
_NUMBERS = (0.0, 1.0, -1.0, 0.5, -2.0, 2.0, -0.5)


@functools.cache
def transforms(M: int, R: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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


class Strip(NamedTuple):
    """Several whole images, or some rows of tiles of one image."""

    images: slice
    rows: slice
    tiles: slice  # where they are among the tiles of the block


Block = list[Strip]


def tile_windows(geometry: Geometry, M: int) -> Geometry:
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


def filter_points(weight: np.ndarray, M: int, mirror: bool = False) -> np.ndarray:
    """(T*T, C, O) from (C, O, R, R), which may be mirrored, in this thread's scratch memory."""
    C, O, R, _ = weight.shape
    _, G, _ = transforms(M, R)
    both_axes = np.kron(G, G)  # T*T, R*R
    if mirror:
        both_axes = both_axes[:, ::-1].copy()
    points = scratch_points("filter points", len(both_axes), C, O)

    def work(start: int, stop: int) -> None:
        flat = weight[start:stop].reshape(stop - start, O, R * R).astype(FLOAT, copy=False)
        np.matmul(both_axes, flat.swapaxes(1, 2), out=points[:, start:stop].swapaxes(0, 1))

    for_each_slice(C, work)
    return points


def tile_points(
    name: str,
    x: np.ndarray,
    transform: np.ndarray,
    block: Block,
    tiles: Geometry,
) -> np.ndarray:
    """(T*T, tiles, C) of a block, from (N, C, H, W); the tiles are windows of it."""
    C, (T, K), M = x.shape[1], transform.shape, tiles.stride[0]
    points = scratch_points(name, T * T, block[-1].tiles.stop, C)
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


def scratch_points(name: str, points: int, rows: int, columns: int) -> np.ndarray:
    """This thread's memory for a matrix of each point (see :func:`empty_points`)."""
    return _matrices(scratch(name, (points, rows * columns + _LINE), FLOAT), rows, columns)


def empty_points(points: int, rows: int, columns: int) -> np.ndarray:
    """An uninitialised matrix of each point: (points, rows, columns).

    One cache line lies between them: with a power of 2 from one to the next, the same element of
    all would have to share a few lines of the cache.
    """
    return _matrices(empty((points, rows * columns + _LINE), FLOAT), rows, columns)


def _matrices(flat: np.ndarray, rows: int, columns: int) -> np.ndarray:
    return flat[:, :-_LINE].reshape(len(flat), rows, columns)


def _overlapping(array: np.ndarray, axis: int, size: int, step: int) -> np.ndarray:
    """A view with windows of ``size`` items, one every ``step``, as two axes instead of one."""
    shape, strides = list(array.shape), list(array.strides)
    shape[axis : axis + 1] = [(shape[axis] - size) // step + 1, size]
    strides[axis : axis + 1] = [strides[axis] * step, strides[axis]]
    return as_strided(array, shape, strides, writeable=False)


def pixels(
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
    # Of the size of a row: NumPy's loops are then long.
    biases = None if bias is None else np.tile(bias.astype(FLOAT), (OW, 1))

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
            if biases is not None:
                np.add(kept, biases, out=kept)
            if relu:
                clip_negative(kept, out=kept)

    for_each_slice(len(block), work)
