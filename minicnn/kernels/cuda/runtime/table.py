"""Tables of arrays, by which one launch works on all of them; ``table.cuh`` says how."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cupy
import numpy as np

from .hyperparameters import device_values

__all__ = ["address", "table"]

_CHUNK = 8192  # elements for a block, CHUNK in table.cuh


def table(rows: Sequence[Sequence[Any]]) -> tuple[cupy.ndarray, int]:
    """The table in device memory, and the number of blocks for it.

    Args:
        rows: arrays that belong together, all of the size of the first; None for a null pointer.

    Returns:
        Addresses, size and first block of each row, in a flat array of uint64; and the blocks.
    """
    blocks = np.cumsum([0] + [-(-row[0].size // _CHUNK) for row in rows], dtype=np.int64)
    values = np.array(
        [
            [*(address(array) or 0 for array in row), row[0].size, first]
            for row, first in zip(rows, blocks)
        ],
        np.uint64,
    ).reshape(-1)
    return device_values(lambda: values, values.size, np.uint64), int(blocks[-1])


def address(array: cupy.ndarray | None) -> np.uint64 | None:
    """Where an array begins, as an argument of a kernel."""
    return None if array is None else np.uint64(array.data.ptr)
