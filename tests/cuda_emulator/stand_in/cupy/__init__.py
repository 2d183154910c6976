"""A stand-in for CuPy, with as much of it as minicnn uses, to run GPU code on a CPU.

With the folder of this package first on sys.path, ``import cupy`` finds it. Arrays live in memory
with a fence behind it, kernels run on the CUDA emulator, and everything else is computed by NumPy.
What CuPy refuses, or would silently do wrong, is refused: NumPy arrays mixed with device arrays,
implicit copies to the host, names and arguments that CuPy lacks, kernel arguments of a wrong type.
``cupy.emulation`` has settings and counters.
"""

from __future__ import annotations

from numpy import int64, nan

from . import cuda, emulation, lib, linalg
from ._array import ndarray
from ._functions import (
    UFUNCS,
    arange,
    array,
    asarray,
    ascontiguousarray,
    asnumpy,
    bincount,
    broadcast_to,
    clip,
    concatenate,
    count_nonzero,
    dot,
    empty,
    empty_like,
    expand_dims,
    eye,
    flip,
    full,
    full_like,
    isin,
    linspace,
    matmul,
    may_share_memory,
    nonzero,
    ogrid,
    ones,
    ones_like,
    pad,
    stack,
    take,
    take_along_axis,
    tile,
    ufunc,
    where,
    zeros,
    zeros_like,
)
from ._launch import RawKernel, RawModule
from ._memory import MemoryPool, default_pool
from ._order import (
    argpartition,
    argsort,
    diff,
    flatnonzero,
    lexsort,
    moveaxis,
    partition,
    put_along_axis,
    roll,
    searchsorted,
    sort,
    tril,
    triu,
)

__version__ = "14.2.0"
__all__ = [  # noqa: PLE0604 (the ufuncs are strings)
    "RawKernel",
    "RawModule",
    "arange",
    "argpartition",
    "argsort",
    "array",
    "asarray",
    "ascontiguousarray",
    "asnumpy",
    "broadcast_to",
    "bincount",
    "clip",
    "isin",
    "searchsorted",
    "concatenate",
    "count_nonzero",
    "cuda",
    "diff",
    "dot",
    "empty",
    "empty_like",
    "emulation",
    "expand_dims",
    "eye",
    "flatnonzero",
    "flip",
    "full",
    "full_like",
    "get_default_memory_pool",
    "int64",
    "lexsort",
    "lib",
    "linalg",
    "linspace",
    "matmul",
    "may_share_memory",
    "moveaxis",
    "nan",
    "ndarray",
    "nonzero",
    "ogrid",
    "ones",
    "ones_like",
    "pad",
    "partition",
    "put_along_axis",
    "roll",
    "sort",
    "stack",
    "take",
    "take_along_axis",
    "tile",
    "tril",
    "triu",
    "ufunc",
    "where",
    "zeros",
    "zeros_like",
    *UFUNCS,
]


def get_default_memory_pool() -> MemoryPool:
    """The pool that counts the arrays' bytes."""
    return default_pool


globals().update(UFUNCS)
