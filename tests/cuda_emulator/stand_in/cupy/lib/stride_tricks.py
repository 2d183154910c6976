"""Views with any strides."""

from __future__ import annotations

from typing import Any

from .._array import ndarray


def as_strided(x: ndarray, shape: Any = None, strides: Any = None) -> ndarray:
    """A view on the memory of ``x`` from its first element on; nothing is checked."""
    shape = x.shape if shape is None else shape
    return ndarray(shape, x.dtype, x.data, x.strides if strides is None else strides)
