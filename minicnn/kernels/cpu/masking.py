"""Zeroing the elements of an array that a boolean mask leaves out, at the speed of a copy."""

from __future__ import annotations

import numpy as np

from .threads import scratch

__all__ = ["select", "select_positive"]


def select(values: np.ndarray, keep: np.ndarray, out: np.ndarray) -> None:
    """Write ``values`` where ``keep`` is true and +0 elsewhere to ``out``, which may be ``values``.

    ``keep`` (boolean, in dense memory) is destroyed. ``values * keep`` would make NaN of the Inf it
    leaves out, and ``np.where`` takes ten times as long as a copy. So each boolean is widened to an
    integer of all zeros or ones, and the bits are and-ed.
    """
    integer = np.dtype(f"i{values.itemsize}")
    bits = scratch("select.bits", keep.shape, integer)
    flags = keep.view(np.int8)
    np.negative(flags, out=flags)  # 1 becomes -1, which has all bits set, also after widening
    np.copyto(bits, flags)
    np.bitwise_and(values.view(integer), bits, out=out.view(integer))


def select_positive(values: np.ndarray, reference: np.ndarray, out: np.ndarray) -> None:
    """Write ``values`` where ``reference`` is positive and +0 elsewhere to ``out``."""
    keep = scratch("select.keep", reference.shape, np.dtype(bool))
    np.greater(reference, 0, out=keep)
    select(values, keep, out)
