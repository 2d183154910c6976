"""The functions of ``cupy.linalg`` that are needed."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._array import compute, ndarray

__all__ = ["cholesky", "det", "eigh", "inv", "norm", "qr", "slogdet", "solve", "svd"]


def norm(x: ndarray, ord: Any = None, axis: Any = None, keepdims: bool = False) -> ndarray:
    """The norm of a vector or matrix."""
    return compute(np.linalg.norm, x, ord, axis, keepdims)


def _computed(function: Any, *args: Any) -> Any:
    """The result for arrays of float32 or float64; others, cuSOLVER does not know."""
    for a in args:
        if isinstance(a, ndarray) and a.dtype.itemsize == 2:
            raise TypeError(f"array type {a.dtype} is unsupported in linalg")
    result = compute(function, *args)
    return tuple(result) if isinstance(result, tuple) else result


def svd(a: ndarray, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """The factors u, s and v of matrices u @ diag(s) @ v."""
    return _computed(np.linalg.svd, a, full_matrices, compute_uv)


def qr(a: ndarray, mode: str = "reduced") -> Any:
    """The orthogonal and the triangular factor."""
    return _computed(np.linalg.qr, a, mode)


def eigh(a: ndarray, UPLO: str = "L") -> Any:
    """The eigenvalues and eigenvectors of symmetric matrices."""
    return _computed(np.linalg.eigh, a, UPLO)


def cholesky(a: ndarray) -> ndarray:
    """The lower triangular factor of positive definite matrices."""
    return _computed(np.linalg.cholesky, a)


def inv(a: ndarray) -> ndarray:
    """The inverse."""
    return _computed(np.linalg.inv, a)


def det(a: ndarray) -> ndarray:
    """The determinant."""
    return _computed(np.linalg.det, a)


def slogdet(a: ndarray) -> Any:
    """The sign and the logarithm of the determinant."""
    return _computed(np.linalg.slogdet, a)


def solve(a: ndarray, b: ndarray) -> ndarray:
    """The solutions of linear systems, whose leading dimensions are equal."""
    if a.shape[:-2] != b.shape[:-2]:
        raise ValueError(f"a and b must have equal leading dimensions, got {a.shape}, {b.shape}")
    return _computed(np.linalg.solve, a, b)
