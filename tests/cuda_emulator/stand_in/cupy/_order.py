"""Functions of the module ``cupy`` that sort, search and rearrange."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import emulation
from ._array import compute, compute_into, ndarray
from ._stream import refuse


def _sortable(a: ndarray) -> ndarray:
    """The array, of a dtype that CuPy's kernels for sorting know."""
    if a.dtype.name in ("bfloat16", "bool"):
        raise NotImplementedError(f"the stand-in does not sort {a.dtype}")
    return a


def sort(a: ndarray, axis: int = -1, kind: str | None = None) -> ndarray:
    """The elements in order."""
    return compute(np.sort, _sortable(a), axis)


def argsort(a: ndarray, axis: int = -1, kind: str | None = None) -> ndarray:
    """The indices that sort an array; equal elements keep their order."""
    return compute(np.argsort, _sortable(a), axis, kind="stable")


def partition(a: ndarray, kth: int, axis: int = -1) -> ndarray:
    """The elements with one in its place, as many small ones before it."""
    return compute(np.partition, _sortable(a), kth, axis)


def argpartition(a: ndarray, kth: int, axis: int = -1) -> ndarray:
    """The indices of :func:`partition`."""
    return compute(np.argpartition, _sortable(a), kth, axis)


def lexsort(keys: ndarray) -> ndarray:
    """The indices that sort columns, the last row first."""
    return compute(np.lexsort, _sortable(keys))


def searchsorted(a: ndarray, v: ndarray, side: str = "left", sorter: None = None) -> ndarray:
    """Where elements belong in a sorted vector."""
    return compute(np.searchsorted, a, v, side)


def flatnonzero(a: ndarray) -> ndarray:
    """The indices of what is not zero; the host waits to know how many there are."""
    refuse("flatnonzero")
    emulation.copies_to_host += 1
    return compute(np.flatnonzero, a)


def diff(a: ndarray, n: int = 1, axis: int = -1) -> ndarray:
    """Differences of neighbours."""
    return compute(np.diff, a, n, axis)


def put_along_axis(arr: ndarray, indices: ndarray, values: Any, axis: int) -> None:
    """Writes to elements along one axis."""

    def put(array: np.ndarray, places: np.ndarray, numbers: Any) -> np.ndarray:
        result = array.copy()
        np.put_along_axis(result, places, numbers, axis)
        return result

    compute_into(arr, put, arr, indices, values)


def moveaxis(a: ndarray, source: Any, destination: Any) -> ndarray:
    """A view with axes in other places."""
    return compute(np.moveaxis, a, source, destination)


def roll(a: ndarray, shift: Any, axis: Any = None) -> ndarray:
    """The elements moved along axes, round and round."""
    return compute(np.roll, a, shift, axis)


def tril(m: ndarray, k: int = 0) -> ndarray:
    """The lower triangle of matrices."""
    return compute(np.tril, m, k)


def triu(m: ndarray, k: int = 0) -> ndarray:
    """The upper triangle of matrices."""
    return compute(np.triu, m, k)
