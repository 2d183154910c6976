"""Writing 0 for elements that are negative or masked, as fast as a copy."""

from __future__ import annotations

import numpy as np

from .threads import scratch

__all__ = ["clip_negative", "pass_through_relu", "pass_within", "select"]


def clip_negative(values: np.ndarray, out: np.ndarray) -> None:
    """Write max(values, 0) to ``out``, which may be ``values``; NaN stays NaN.

    ``np.maximum`` with a scalar takes four times as long as ``np.clip``, but that does not work for
    bfloat16, and integers have no infinity.
    """
    if values.dtype.kind == "f":
        values.clip(0, np.inf, out=out)  # np.clip, without its layers of Python
    else:
        np.maximum(values, 0, out=out)


def select(values: np.ndarray, keep: np.ndarray, out: np.ndarray) -> None:
    """Write ``values`` to ``out`` where the boolean ``keep`` is True, and +0 elsewhere.

    ``out`` must not overlap ``values``. ``values * keep`` would turn infinities into NaN where they
    are masked, and ``np.where`` takes ten times as long as a copy. So the booleans become integers, 0
    or 1, and are multiplied by the bits of the values.
    """
    integer = np.dtype(f"i{values.itemsize}")
    bits = out.view(integer)
    np.copyto(bits, keep.view(np.int8))
    np.multiply(bits, values.view(integer), out=bits)


def pass_through_relu(grad: np.ndarray, result: np.ndarray, out: np.ndarray) -> None:
    """Write +0 to ``out`` where ``result``, of a ReLU, is <= 0, and ``grad`` elsewhere, as at NaN."""
    keep = scratch("select.keep", result.shape, np.dtype(bool))
    np.less_equal(result, 0, out=keep)
    np.logical_not(keep, out=keep)
    select(grad, keep, out)


def pass_within(
    grad: np.ndarray, result: np.ndarray, low: float, high: float, out: np.ndarray
) -> None:
    """Write +0 to ``out`` where ``result`` <= low or >= high, and ``grad`` elsewhere, as at NaN."""
    keep = scratch("select.keep", result.shape, np.dtype(bool))
    beyond = scratch("select.beyond", result.shape, np.dtype(bool))
    np.less_equal(result, low, out=keep)
    np.greater_equal(result, high, out=beyond)
    np.logical_or(keep, beyond, out=keep)
    np.logical_not(keep, out=keep)
    select(grad, keep, out)
