"""NCCL's operations between the GPUs of several processes, on arrays of one dimension.

They are given to a stream, as kernels are, and are done when the GPU comes to them on all ranks. NCCL
adds the ranks' numbers in the order in which they come along its rings or trees, half precision in
half precision. For the same ranks, machines and array sizes that is the same order in every run, and
all ranks get the same bits; but it is not the order of the ranks.
"""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Iterator
from types import ModuleType

import cupy
import numpy as np

__all__ = ["Communicator", "is_there", "unique_id"]

# by NumPy's name; the module has none of them where the library is missing
_TYPES = {
    "int8": "NCCL_INT8",
    "uint8": "NCCL_UINT8",
    "int32": "NCCL_INT32",
    "int64": "NCCL_INT64",
    "float16": "NCCL_FLOAT16",
    "bfloat16": "NCCL_BFLOAT16",
    "float32": "NCCL_FLOAT32",
    "float64": "NCCL_FLOAT64",
}
_OPERATIONS = {
    "SUM": "NCCL_SUM",
    "AVG": "NCCL_AVG",
    "PRODUCT": "NCCL_PROD",
    "MIN": "NCCL_MIN",
    "MAX": "NCCL_MAX",
}
_OF_TRUTH_VALUES = {"SUM": "MAX", "PRODUCT": "MIN"}  # NumPy's: True + True is True


@functools.cache
def _nccl() -> ModuleType | None:
    """CuPy's module, None where NVIDIA's library is missing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an own error says it
        try:
            from cupy.cuda import nccl
        except ImportError:
            return None
    return nccl if nccl.available else None


def is_there() -> bool:
    """Whether CuPy finds the library."""
    return _nccl() is not None


def _library() -> ModuleType:
    found = _nccl()
    if found is None:
        raise RuntimeError(
            "backend 'nccl' needs NVIDIA's NCCL, and CuPy found none: "
            "pip install 'nvidia-nccl-cu13>=2.27.7,<3' (or nvidia-nccl-cu12, by the version of CUDA)"
        )
    return found


def unique_id() -> bytes:
    """The 128 bytes by which the ranks of a new :class:`Communicator` find each other.

    Raises:
        RuntimeError: if NCCL is not installed.
    """
    return bytes(_library().get_unique_id())


class Communicator:
    """The ranks of one group, each with a GPU of its own.

    All ranks call the same methods in the same order, with arrays of the same sizes and dtypes.
    ``op`` is the name of a ``ReduceOp``, and ``stream`` the one to give an operation to. Arrays are
    contiguous; nothing happens to empty ones.

    Args:
        size: number of ranks.
        identifier: :func:`unique_id` of one of them.
        rank: the number of this one; its GPU is the current one.

    Raises:
        RuntimeError: if NCCL is not installed, or fails.
    """

    def __init__(self, size: int, identifier: bytes, rank: int) -> None:
        self._nccl = _library()
        self._size, self._rank = size, rank
        self._communicator = self._nccl.NcclCommunicator(size, identifier, rank)

    def all_reduce(self, array: cupy.ndarray, op: str, stream: cupy.cuda.Stream) -> None:
        """Replaces the array by the sum of all ranks'."""
        if array.size:
            at = array.data.ptr
            self._communicator.allReduce(
                at, at, array.size, *self._reduction(array, op), stream.ptr
            )

    def reduce(self, array: cupy.ndarray, to: int, op: str, stream: cupy.cuda.Stream) -> None:
        """The same on rank ``to``."""
        if array.size:
            at = array.data.ptr
            self._communicator.reduce(
                at, at, array.size, *self._reduction(array, op), to, stream.ptr
            )

    def reduce_scatter(
        self, out: cupy.ndarray, rows: cupy.ndarray, op: str, stream: cupy.cuda.Stream
    ) -> None:
        """Writes to ``out`` (n,) the sum of row ``rank`` of all ranks' ``rows`` (P, n)."""
        if out.size:
            reduction = self._reduction(out, op)
            self._communicator.reduceScatter(
                rows.data.ptr, out.data.ptr, out.size, *reduction, stream.ptr
            )

    def broadcast(self, array: cupy.ndarray, source: int, stream: cupy.cuda.Stream) -> None:
        """Replaces the array by that of one rank."""
        if array.size:
            at, byte = array.data.ptr, self._nccl.NCCL_UINT8
            self._communicator.broadcast(at, at, array.nbytes, byte, source, stream.ptr)

    def all_gather(self, rows: cupy.ndarray, stream: cupy.cuda.Stream) -> None:
        """Fills all rows (P, n); each rank has written its own."""
        if rows.size:
            own, byte = rows[self._rank], self._nccl.NCCL_UINT8
            self._communicator.allGather(own.data.ptr, rows.data.ptr, own.nbytes, byte, stream.ptr)

    def gather(self, rows: cupy.ndarray, to: int, stream: cupy.cuda.Stream) -> None:
        """The same on rank ``to``."""
        with self._group():
            if self._rank != to:
                self._send(rows[self._rank], to, stream)
            else:
                for rank in self._others():
                    self._receive(rows[rank], rank, stream)

    def scatter(self, rows: cupy.ndarray, source: int, stream: cupy.cuda.Stream) -> None:
        """Fills row ``rank`` from the rows of one rank."""
        with self._group():
            if self._rank != source:
                self._receive(rows[self._rank], source, stream)
            else:
                for rank in self._others():
                    self._send(rows[rank], rank, stream)

    def all_to_all(self, out: cupy.ndarray, rows: cupy.ndarray, stream: cupy.cuda.Stream) -> None:
        """Writes row ``rank`` of the ``rows`` (P, n) of rank i to row i of ``out``."""
        with self._group():
            for rank in range(self._size):  # also from this one to itself
                self._send(rows[rank], rank, stream)
                self._receive(out[rank], rank, stream)

    def check(self) -> None:
        """Raises a RuntimeError if an operation failed that was begun before; does not wait."""
        self._communicator.check_async_error()

    def close(self) -> None:
        """Ends, after all operations."""
        self._communicator.destroy()

    def abort(self) -> None:
        """Ends at once; operations that wait for other ranks stop waiting."""
        self._communicator.abort()

    def _others(self) -> Iterator[int]:
        return (rank for rank in range(self._size) if rank != self._rank)

    def _send(self, array: cupy.ndarray, to: int, stream: cupy.cuda.Stream) -> None:
        if array.size:
            byte = self._nccl.NCCL_UINT8
            self._communicator.send(array.data.ptr, array.nbytes, byte, to, stream.ptr)

    def _receive(self, array: cupy.ndarray, source: int, stream: cupy.cuda.Stream) -> None:
        if array.size:
            byte = self._nccl.NCCL_UINT8
            self._communicator.recv(array.data.ptr, array.nbytes, byte, source, stream.ptr)

    @contextlib.contextmanager
    def _group(self) -> Iterator[None]:
        """What is sent and received inside goes on at the same time, and begins at the end."""
        self._nccl.groupStart()
        try:
            yield
        finally:
            self._nccl.groupEnd()

    def _reduction(self, array: cupy.ndarray, op: str) -> tuple[int, int]:
        """NCCL's numbers for a dtype and an operation.

        Raises:
            TypeError: for a dtype that it cannot add.
        """
        name = array.dtype.name
        if array.dtype == np.bool_:
            name, op = "uint8", _OF_TRUTH_VALUES.get(op, op)
        if name not in _TYPES:
            raise TypeError(f"NCCL adds numbers of the dtypes {', '.join(_TYPES)}, got {name}")
        return getattr(self._nccl, _TYPES[name]), getattr(self._nccl, _OPERATIONS[op])
