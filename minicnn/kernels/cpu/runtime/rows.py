"""Arrays as matrices with one row per sample or line of pixels, some rows at a time.

A channels-last image is a matrix of W * C columns, with one row per n and h: passes over it then
run over long stretches of memory however few channels there are.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .precision import compute_type
from .threads import for_each_slice

__all__ = ["as_rows", "channel_sums", "for_each_row_block", "from_rows", "tile_channels"]

# Of rows that a thread works on at a time. Passes over them run in the cache that cores share:
# shorter ones make threads queue for the interpreter lock.
_BLOCK_BYTES = 1 << 21
_MIN_THREADED_BYTES = 1 << 21  # with fewer, threads cost more than they save


def as_rows(x: np.ndarray) -> np.ndarray:
    """(N, C) -> itself, (N, C, L) -> (N, L * C), (N, C, H, W) -> (N * H, W * C).

    A view if the memory is channels-last, else a copy.
    """
    if x.ndim == 2:
        return x
    return x.transpose(0, *range(2, x.ndim), 1).reshape(-1, x.shape[-1] * x.shape[1])


def from_rows(rows: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The inverse of :func:`as_rows`: a view of ``shape`` (N, C, ...)."""
    N, C, *spatial = shape
    return rows.reshape(N, *spatial, C).transpose(0, -1, *range(1, len(shape) - 1))


def tile_channels(channels: np.ndarray, rows: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """(C,) repeated to the width of ``rows``."""
    return np.tile(channels.astype(dtype), rows.shape[1] // len(channels))


def for_each_row_block(rows: np.ndarray, work: Callable[[slice], None]) -> None:
    """Call ``work`` for slices of ``rows`` that fit the cache, on all threads if it pays."""
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
    """For each term the sums (C,) in float64 of ``term(block)`` over all blocks of rows.

    Args:
        rows: of an array of ``shape`` (N, C, ...).
        terms: take a slice of rows and give as many new ones; called in this order for a block,
            which is in the cache from then on.
    """
    per_block, dtype = _rows_per_block(rows), compute_type(rows)
    blocks = -(-len(rows) // per_block)
    sums = np.zeros((len(terms), blocks, rows.shape[1]), dtype)

    def work(at: slice) -> None:
        for term, total in zip(terms, sums, strict=True):
            np.add.reduce(term(at), axis=0, dtype=dtype, out=total[at.start // per_block])

    for_each_row_block(rows, work)
    return [total.reshape(-1, shape[1]).sum(axis=0, dtype=np.float64) for total in sums]


def _rows_per_block(rows: np.ndarray) -> int:
    blocks = max(1, -(-rows.nbytes // _BLOCK_BYTES))
    return max(1, -(-len(rows) // blocks))
