"""The functions of ``cupy.linalg`` that are needed."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._array import compute, ndarray

__all__ = ["norm", "svd"]


def norm(x: ndarray, ord: Any = None, axis: Any = None, keepdims: bool = False) -> ndarray:
    """The norm of a vector or matrix."""
    return compute(np.linalg.norm, x, ord, axis, keepdims)


def svd(a: ndarray, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """The factors u, s and v of matrices u @ diag(s) @ v, of float32 or float64."""
    if a.dtype.itemsize == 2:
        raise TypeError(f"array type {a.dtype} is unsupported in linalg")
    return compute(np.linalg.svd, a, full_matrices, compute_uv)
