"""Arrays of whatever numbers a function gets."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tensor import Tensor

__all__ = ["to_array", "to_classes"]


def to_array(values: Any) -> np.ndarray:
    """A NumPy array of a tensor on any device, an array or a list."""
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


def to_classes(labels: Any) -> np.ndarray:
    """Class numbers as an array of int64: of integers, bools, or floats without a fraction.

    Raises:
        ValueError: for other numbers.
    """
    given = to_array(labels)
    if given.dtype.kind not in "biuf" or not np.array_equal(given, np.trunc(given)):
        raise ValueError(f"labels must be the numbers of classes, got {labels!r}")
    return given.astype(np.int64)
