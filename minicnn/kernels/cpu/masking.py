"""Zeroing the elements of an array that a boolean mask leaves out, at the speed of a copy."""

from __future__ import annotations

import numpy as np

from .threads import scratch

__all__ = ["select", "select_positive"]


def select(values: np.ndarray, keep: np.ndarray, out: np.ndarray) -> None:
    """Write ``values`` where the boolean ``keep`` is true and +0 elsewhere to ``out``.

    ``out`` must not overlap ``values``. ``values * keep`` would make NaN of the Inf it leaves out,
    and ``np.where`` takes ten times as long as a copy. So each boolean is widened to an integer, 0
    or 1, and multiplied by the bits of the value.
    """
    integer = np.dtype(f"i{values.itemsize}")
    bits = out.view(integer)
    np.copyto(bits, keep.view(np.int8))
    np.multiply(bits, values.view(integer), out=bits)


def select_positive(values: np.ndarray, reference: np.ndarray, out: np.ndarray) -> None:
    """Write ``values`` where ``reference`` is positive and +0 elsewhere to ``out``."""
    keep = scratch("select.keep", reference.shape, np.dtype(bool))
    np.greater(reference, 0, out=keep)
    select(values, keep, out)
