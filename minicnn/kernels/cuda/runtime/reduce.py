"""Launching sums by channel on the GPU; ``reduce.cuh`` explains their two steps."""

from __future__ import annotations

from typing import NamedTuple

import cupy
import numpy as np

__all__ = ["Reduction", "total_launch"]

_THREADS = 256  # in a block at most, as in reduce.cuh
_BLOCKS = 512  # in step 1; enough for a large GPU: 4 for each of 128 multiprocessors
_ROWS_PER_THREAD = 4  # at least; fewer are not worth another block
_VECTORS_PER_BLOCK = 32  # at most; neighbouring threads then read 512 bytes
_TOTAL_BLOCK = (8, 32)  # channels, rows

Size = tuple[int, int]


class Reduction(NamedTuple):
    """How to launch the sum of an array (..., C) over all axes but the last.

    ``grid`` and ``block`` belong to step 1, ``total_grid`` and ``total_block`` to step 2. ``M`` is
    the number of rows, ``splits`` the number of partial sums.
    """

    grid: Size
    block: Size
    M: np.int64
    splits: int
    total_grid: Size
    total_block: Size

    @classmethod
    def of(cls, values: cupy.ndarray, width: int) -> Reduction:
        """For contiguous ``values`` (..., C), of which a thread reads ``width`` at a time."""
        C = values.shape[-1]
        M = values.size // C
        vectors = C // width
        columns = _ceil_divide(vectors, _VECTORS_PER_BLOCK)  # of blocks
        wide = _ceil_divide(vectors, columns)
        high = _THREADS // wide
        splits = min(
            _ceil_divide(_BLOCKS, columns), max(1, _ceil_divide(M, high * _ROWS_PER_THREAD))
        )
        return cls(
            (columns, splits),
            (wide, high),
            np.int64(M),
            splits,
            *total_launch(C),
        )


def total_launch(C: int) -> tuple[Size, Size]:
    """Grid and block of step 2, for ``C`` channels."""
    return (_ceil_divide(C, _TOTAL_BLOCK[0]), 1), _TOTAL_BLOCK


def _ceil_divide(a: int, b: int) -> int:
    return -(-a // b)
