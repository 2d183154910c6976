"""What follows a product: bias, residual and limits (ReLU), while the results are still in the cache."""

from __future__ import annotations

from functools import partial

import numpy as np

from .step import FLOAT, Call, Limits
from .views import matrix

__all__ = ["add_bias", "epilogue", "limited"]

_ROW_VALUES = 2048  # NumPy is slow in short inner loops, so the bias is repeated up to this length


def epilogue(
    out: np.ndarray, bias: np.ndarray | None, residual: np.ndarray | None, limits: Limits | None
) -> list[Call]:
    """The calls that add ``bias`` (O,) and ``residual`` to ``out`` (n, H, W, O), then :func:`limited`."""
    calls: list[Call] = []
    if bias is not None:
        calls.append(add_bias(out, bias))
    if residual is not None:
        calls.append(partial(np.add, out, residual, out))
    return calls + limited(out, limits)


def add_bias(out: np.ndarray, bias: np.ndarray) -> Call:
    """The call that adds ``bias`` (O,) to ``out`` (n, H, W, O)."""
    rows, O = matrix(out), len(bias)
    bias = bias.astype(FLOAT)
    if rows.ndim == 2 and rows.flags.c_contiguous:
        P = len(rows)
        repeats = max(k for k in range(1, max(1, _ROW_VALUES // O) + 1) if P % k == 0)
        rows, bias = rows.reshape(-1, repeats * O), np.tile(bias, repeats)
    return partial(np.add, rows, bias, rows)


def limited(out: np.ndarray, limits: Limits | None) -> list[Call]:
    """The call that limits ``out``, of any shape, if there are limits; NaN stays NaN.

    ``np.clip`` is three times as fast as ``np.maximum`` with a scalar.
    """
    if limits is None:
        return []
    rows = matrix(out) if out.ndim == 4 else out
    return [partial(np.clip, rows, *limits, rows)]
