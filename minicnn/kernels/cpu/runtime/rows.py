"""Arrays as matrices with one row for each sample or line of pixels, some rows at a time.

Channels-last images become a matrix with a row for each n and h and W * C columns. A pass over such
rows runs over long stretches of memory, even if there are few channels.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .precision import compute_dtype
from .threads import for_each_slice

__all__ = ["as_rows", "channel_sums", "for_each_row_block", "from_rows", "tile_channels"]

# Of the rows in a block. Passes over a block run in the cache that cores share; with smaller blocks
# the passes are so short that threads wait for the interpreter lock.
_BLOCK_BYTES = 1 << 21
_MIN_THREADED_BYTES = 1 << 21  # with less work, threads cost more than they save


def as_rows(x: np.ndarray) -> np.ndarray:
    """(N, C) -> itself, (N, C, L) -> (N, L * C), (N, C, H, W) -> (N * H, W * C).

    A view if ``x`` is channels-last in memory, else a copy.
    """
    if x.ndim == 2:
        return x
    return x.transpose(0, *range(2, x.ndim), 1).reshape(-1, x.shape[-1] * x.shape[1])


def from_rows(rows: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A view of ``shape`` (N, C, ...): undoes :func:`as_rows`."""
    N, C, *spatial = shape
    return rows.reshape(N, *spatial, C).transpose(0, -1, *range(1, len(shape) - 1))


def tile_channels(channels: np.ndarray, rows: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Values by channel (C,), repeated to the width of ``rows``."""
    return np.tile(channels.astype(dtype), rows.shape[1] // len(channels))


def for_each_row_block(rows: np.ndarray, work: Callable[[slice], None]) -> None:
    """Call ``work`` for blocks of ``rows`` that fit the cache, on all threads if it pays."""
    per_block = _rows_per_block(rows)

    def run(start: int, stop: int) -> None:
        for block in range(start, stop):
            work(slice(block * per_block, min((block + 1) * per_block, len(rows))))

    blocks = -(-len(rows) // per_block)
    if rows.nbytes < _MIN_THREADED_BYTES:
        run(0, blocks)
    else:
        for_each_slice(blocks, run)


def channel_sums(
    rows: np.ndarray, shape: tuple[int, ...], *terms: Callable[[slice], np.ndarray]
) -> list[np.ndarray]:
    """For each term, its sum by channel (C,) in float64, over all rows.

    Args:
        rows: from :func:`as_rows`.
        shape: (N, C, ...), of the array they are from.
        terms: functions that take a block of rows, as a slice, and return what to sum, as an array of
            that shape. They are called one after the other, while the block is in the cache.
    """
    if not rows.size:
        return [np.zeros(shape[1]) for _ in terms]
    per_block, dtype = _rows_per_block(rows), compute_dtype(rows.dtype)
    blocks = -(-len(rows) // per_block)
    sums = np.zeros((len(terms), blocks, rows.shape[1]), dtype)

    def work(at: slice) -> None:
        for term, total in zip(terms, sums, strict=True):
            np.add.reduce(term(at), axis=0, dtype=dtype, out=total[at.start // per_block])

    for_each_row_block(rows, work)
    by_channel = (len(terms), sums[0].size // max(shape[1], 1), shape[1])
    return list(sums.reshape(by_channel).sum(axis=1, dtype=np.float64))


def _rows_per_block(rows: np.ndarray) -> int:
    blocks = max(1, -(-rows.nbytes // _BLOCK_BYTES))
    return max(1, -(-len(rows) // blocks))
