"""The one function of ``cupy.linalg`` that is needed."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._array import compute, ndarray

__all__ = ["norm"]


def norm(x: ndarray, ord: Any = None, axis: Any = None, keepdims: bool = False) -> ndarray:
    """The norm of a vector or matrix."""
    return compute(np.linalg.norm, x, ord, axis, keepdims)
