"""Arrays as matrices with one row for each sample or for some pixels, a block of rows at a time.

Channels-last images become a matrix with a row for some neighbouring pixels, so that channels can be
repeated to the width of a row and a pass runs over long stretches of memory.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import nullcontext

import numpy as np

from ....memory import empty
from .layout import write_channels_last
from .precision import compute_dtype
from .threads import for_each_slice, one_blas_thread

__all__ = [
    "as_rows",
    "channel_sums",
    "for_each_row_block",
    "from_rows",
    "is_one_block",
    "tile_channels",
]

# Of the rows in a block. Passes over a block run in the cache that cores share; with smaller blocks
# the passes are so short that threads wait for the interpreter lock. For a single block, threads cost
# more than they save.
_BLOCK_BYTES = 1 << 22
_MIN_BLAS_THREADED = 9216  # values, from which on OpenBLAS uses threads to sum them

# Values in a row: a pass that takes a value for each column from one row, as channels are, has NumPy
# copy it to a buffer of 8192 values, unless a row fills the buffer. That takes half as long again.
# Images of few values have no use for rows of this width: writing them would take as long.
_WIDE_ROW, _NARROW_ROW = 8192, 256
_MIN_WIDE_ROWS = 5
_MAX_SUMMED_ROWS = 256  # by BLAS, in one sum; more are summed in several columns


def as_rows(x: np.ndarray) -> np.ndarray:
    """(N, C) -> itself, (N, C, ...) -> (N * pixels / p, p * C): p pixels in each row.

    A view if ``x`` is channels-last in memory, else a copy.
    """
    if x.ndim == 2:
        return x
    C, W = x.shape[1], x.shape[-1]
    pixels_last = x.transpose(0, *range(2, x.ndim), 1)
    if not pixels_last.flags.c_contiguous:
        pixels_last = _copy(pixels_last)
    return pixels_last.reshape(-1, C * _pixels_per_row(x.size // max(C, 1), C, W))


def _copy(images: np.ndarray) -> np.ndarray:
    copy = empty(images.shape, images.dtype)

    def work(start: int, stop: int) -> None:
        write_channels_last(images[start:stop], out=copy[start:stop])

    if images.nbytes <= _BLOCK_BYTES:
        work(0, len(images))
    else:
        for_each_slice(len(images), work)
    return copy


@functools.lru_cache(maxsize=256)
def _pixels_per_row(pixels: int, C: int, W: int) -> int:
    """A divisor of ``pixels``; W where none near the wanted width is."""
    width = _WIDE_ROW if pixels * C >= _MIN_WIDE_ROWS * _WIDE_ROW else _NARROW_ROW
    first = -(-width // max(C, 1))
    return next((count for count in range(first, 4 * first) if pixels % count == 0), W)


def from_rows(rows: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A view of ``shape`` (N, C, ...): undoes :func:`as_rows`."""
    N, C, *spatial = shape
    return rows.reshape(N, *spatial, C).transpose(0, -1, *range(1, len(shape) - 1))


def tile_channels(channels: np.ndarray, rows: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Values by channel (C,), repeated to the width of ``rows``."""
    if len(channels) == rows.shape[1]:
        return channels.astype(dtype)
    tiled = np.empty(rows.shape[1], dtype)
    tiled.reshape(-1, len(channels))[...] = channels  # a fifth of the time of np.tile
    return tiled


def for_each_row_block(rows: np.ndarray, work: Callable[[slice], None]) -> None:
    """Call ``work`` for blocks of ``rows`` that fit the cache, on all threads if it pays."""
    if rows.nbytes <= _BLOCK_BYTES:
        if len(rows):
            work(slice(0, len(rows)))
        return
    per_block = _rows_per_block(rows)

    def run(start: int, stop: int) -> None:
        for block in range(start, stop):
            work(slice(block * per_block, min((block + 1) * per_block, len(rows))))

    for_each_slice(-(-len(rows) // per_block), run)


def channel_sums(
    rows: np.ndarray, shape: tuple[int, ...], *terms: Callable[[slice], np.ndarray]
) -> np.ndarray:
    """For each term, its sum by channel in float64, over all rows: (terms, C).

    Args:
        rows: from :func:`as_rows`.
        shape: (N, C, ...), of the array they are from.
        terms: functions that take a block of rows, as a slice, and return what to sum, as an array of
            that shape. They are called one after the other, while the block is in the cache.
    """
    if not rows.size:
        return np.zeros((len(terms), shape[1]))
    per_block, dtype = _rows_per_block(rows), compute_dtype(rows.dtype)
    blocks = -(-len(rows) // per_block)
    width = _summed_width(per_block, rows.shape[1], shape[1])
    sums = np.empty((len(terms), blocks, width), dtype)

    def work(at: slice) -> None:
        for term, total in zip(terms, sums, strict=True):
            values, out = term(at).reshape(-1, width), total[at.start // per_block]
            if values.dtype == dtype:  # BLAS takes half as long as NumPy's sum
                np.matmul(_ones(len(values), dtype), values, out=out)
            else:
                np.add.reduce(values, axis=0, dtype=dtype, out=out)

    # Sums are too short for BLAS's own threads: waking them can take longer, and afterwards they spin
    # on the CPUs that the next kernel's threads need. It does not wake them for small arrays.
    with one_blas_thread() if rows.size >= _MIN_BLAS_THREADED else nullcontext():
        for_each_row_block(rows, work)
    if sums.shape[1:] == (1, shape[1]):
        return sums[:, 0].astype(np.float64)
    by_channel = (len(terms), -1, shape[1])
    return np.add.reduce(sums.reshape(by_channel), axis=1, dtype=np.float64)


@functools.lru_cache(maxsize=256)
def _summed_width(row_count: int, width: int, C: int) -> int:
    """The width in which rows are summed: the smallest that leaves not too many rows for a sum."""
    pixels = row_count * (width // C)  # in a block
    for columns in range(1, width // C):
        if (
            (width // C) % columns == 0
            and columns * C >= _NARROW_ROW
            and pixels <= _MAX_SUMMED_ROWS * columns
        ):
            return columns * C
    return width


@functools.lru_cache(maxsize=64)
def _ones(count: int, dtype: np.dtype) -> np.ndarray:
    return np.ones(count, dtype)


def is_one_block(rows: np.ndarray) -> bool:
    """Whether :func:`for_each_row_block` has all rows in a single block."""
    return rows.nbytes <= _BLOCK_BYTES


def _rows_per_block(rows: np.ndarray) -> int:
    """Rows in a block. Where there are several, their number is a multiple of 4: equal shares."""
    if is_one_block(rows):
        return max(1, len(rows))
    blocks = -(-rows.nbytes // _BLOCK_BYTES)
    return max(1, -(-len(rows) // (-(-blocks // 4) * 4)))
