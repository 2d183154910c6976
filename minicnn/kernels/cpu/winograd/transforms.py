"""The transforms of Winograd's algorithm: filters and tiles to points, and points to pixels.

The module :mod:`.conv` explains them. A transform of T * T values is many small matrix products,
along the rows first and then along the columns; the channels are the columns of a matrix.
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
    "filter_transform",
    "output_transform",
    "scratch_points",
    "tile_transform",
    "tile_windows",
    "transform_matrices",
]

FLOAT = np.dtype(np.float32)
_LINE = 64 // FLOAT.itemsize  # values in a cache line

# Polynomials are evaluated at the first T - 1 of these. Rounding errors are small if the powers of
# the numbers are small, and if the numbers come in pairs x, -x or x, 1/x.
_NUMBERS = (0.0, 1.0, -1.0, 0.5, -2.0, 2.0, -0.5)


@functools.cache
def transform_matrices(M: int, R: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The matrices A (T, M), G (T, R) and B' (T, T)."""
    T = M + R - 1

    def powers(n: int) -> np.ndarray:
        """A row 1, x, ..., x**(n-1) for each number x; at infinity only the last power counts."""
        return np.vstack([np.vander(_NUMBERS[: T - 1], n, increasing=True), np.eye(n)[-1:]])

    A, G, B = powers(M), powers(R), np.linalg.inv(powers(T)).T
    for matrix in (A, G):  # balance the rows by powers of 2, which round nothing
        scale = 2.0 ** np.round(np.log2(np.abs(matrix).sum(axis=1, keepdims=True)))
        matrix /= scale
        B *= scale
    return A.astype(FLOAT), G.astype(FLOAT), B.astype(FLOAT)


class Strip(NamedTuple):
    """Several whole images, or some rows of tiles of one image."""

    images: slice
    rows: slice
    tiles: slice  # their indices among the tiles of the block


Block = list[Strip]


def tile_windows(geometry: Geometry, M: int) -> Geometry:
    """The overlapping T * T windows of the input; the last ones may reach beyond the output."""
    OH, OW = geometry.output_size
    T = M + geometry.kernel_size[0] - 1
    return Geometry(
        input_size=geometry.input_size,
        output_size=(-(-OH // M), -(-OW // M)),
        kernel_size=(T, T),
        stride=(M, M),
        padding=geometry.padding,
    )


def filter_transform(weight: np.ndarray, M: int, mirror: bool = False) -> np.ndarray:
    """(T*T, O, C) from filters (O, C, R, R), mirrored if wanted, in this thread's scratch memory."""
    O, C, R, _ = weight.shape
    _, G, _ = transform_matrices(M, R)
    both_axes = np.kron(G, G)  # T*T, R*R
    if mirror:
        both_axes = both_axes[:, ::-1].copy()
    points = scratch_points("filter points", len(both_axes), O, C)

    def work(start: int, stop: int) -> None:
        # R*R rows of C neighbours if the filters are channels-last: BLAS needs no copy of them
        flat = weight[start:stop].reshape(stop - start, C, R * R).astype(FLOAT, copy=False)
        np.matmul(both_axes, flat.swapaxes(1, 2), out=points[:, start:stop].swapaxes(0, 1))

    for_each_slice(O, work)
    return points


def tile_transform(
    name: str,
    x: np.ndarray,
    transform: np.ndarray,
    block: Block,
    tiles: Geometry,
) -> np.ndarray:
    """(T*T, tiles, C) from the tiles of a block, which are windows of ``x`` (N, C, H, W)."""
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
    """As :func:`empty_points`, in this thread's scratch memory."""
    return _matrices(scratch(name, (points, rows * columns + _LINE), FLOAT), rows, columns)


def empty_points(points: int, rows: int, columns: int) -> np.ndarray:
    """An uninitialised matrix for each point: (points, rows, columns).

    A cache line of padding separates the matrices. If they were a power of 2 apart, equal elements
    of all matrices would compete for a few lines of the cache.
    """
    return _matrices(empty((points, rows * columns + _LINE), FLOAT), rows, columns)


def _matrices(flat: np.ndarray, rows: int, columns: int) -> np.ndarray:
    return flat[:, :-_LINE].reshape(len(flat), rows, columns)


def _overlapping(array: np.ndarray, axis: int, size: int, step: int) -> np.ndarray:
    """A view with ``axis`` split in two: windows, one every ``step`` items, and their ``size`` items."""
    shape, strides = list(array.shape), list(array.strides)
    shape[axis : axis + 1] = [(shape[axis] - size) // step + 1, size]
    strides[axis : axis + 1] = [strides[axis] * step, strides[axis]]
    return as_strided(array, shape, strides, writeable=False)


def output_transform(
    points: np.ndarray,
    A: np.ndarray,
    block: Block,
    out: np.ndarray,
    bias: np.ndarray | None,
    relu: bool,
) -> None:
    """Write a block's pixels to ``out`` (N, OH, OW, O), from points (T*T, tiles, O)."""
    (T, M), (OW, O) = A.shape, out.shape[2:]
    TW = -(-OW // M)
    points = points.reshape(T, T, -1, O)
    # Repeated to the length of a row, because NumPy is slow in short inner loops.
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
