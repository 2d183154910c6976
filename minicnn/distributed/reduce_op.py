"""Sums, means and extremes over ranks, always taken in the order of the ranks."""

from __future__ import annotations

import enum

import numpy as np

from ..devices import xp_of
from ..dtypes import HALVES, is_floating
from ..ops.promotion import widened
from ..typing import Array

__all__ = ["ReduceOp", "check", "combine"]


class ReduceOp(enum.Enum):
    """What becomes of the ranks' numbers. As ``torch.distributed.ReduceOp``."""

    SUM = "add"
    AVG = "mean"
    PRODUCT = "multiply"
    MIN = "minimum"
    MAX = "maximum"


def check(op: ReduceOp, dtype: np.dtype) -> None:
    """Refuses what :func:`combine` cannot do.

    Raises:
        TypeError: for anything but a ReduceOp, and the mean of integers.
    """
    if not isinstance(op, ReduceOp):
        raise TypeError(f"op must be a ReduceOp, got {op!r}")
    if op is ReduceOp.AVG and not is_floating(dtype):
        raise TypeError(f"ReduceOp.AVG expects floating-point numbers, got {dtype}")


def combine(rows: Array, op: ReduceOp, out: Array) -> None:
    """Writes row 0 + row 1 + … to ``out``, in this order, so that equal rows give equal bits.

    Args:
        rows: (P, n), one row for each rank. Half precision is added in float32.
        op: what to do instead of adding.
        out: (n,), which shares no memory with ``rows``.
    """
    function = getattr(xp_of(rows), "add" if op is ReduceOp.AVG else op.value)
    total = widened(rows[0]) if out.dtype in HALVES else out
    total[...] = rows[0]
    for row in rows[1:]:
        function(total, widened(row), out=total)
    if op is ReduceOp.AVG:
        total /= len(rows)
    if total is not out:
        out[...] = total.astype(out.dtype)
