"""Takes the place of ``cupy.cuda.thrust``, whose precompiled kernels go past the stand-in's driver.

Nothing is sorted. The indices that would sort something are those of the order that it has, so
whatever reads them finds valid ones.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import numpy as np

available = True
_SORTED = "?bBhHiIlLqQefdFD"  # the dtypes that Thrust was compiled for


def sort(dtype: np.dtype, data: int, keys: int, shape: Sequence[int]) -> None:
    _check(dtype)


def argsort(dtype: np.dtype, indices: int, data: int, keys: int, shape: Sequence[int]) -> None:
    _check(dtype)
    count = int(np.prod(shape))
    (ctypes.c_int64 * count).from_address(indices)[:] = [i % shape[-1] for i in range(count)]


def lexsort(dtype: np.dtype, indices: int, keys: int, k: int, n: int) -> None:
    argsort(dtype, indices, keys, 0, (n,))


def _check(dtype: np.dtype) -> None:
    if dtype.char not in _SORTED:
        raise NotImplementedError(f"Thrust does not sort {dtype}")
