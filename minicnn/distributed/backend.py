"""What moves numbers between ranks: the contract of ``mpi.py``, ``nccl.py`` and ``one_process.py``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..devices import Device
from ..typing import Array
from .reduce_op import ReduceOp
from .work import Work

__all__ = ["Backend"]


class Backend(Protocol):
    """Operations between the ranks of one group, whose ranks are counted from 0.

    Every rank calls the same methods in the same order. Arrays are contiguous and have one
    dimension, ``rows`` two, (P, n) with a row for each rank; all are on the device that
    :meth:`device_for` names, and may not be touched before the result's ``wait``. All ranks get the
    same bits. Sums are taken in the order of the ranks, except on GPUs, where NCCL has its own.
    """

    rank: int
    size: int

    def device_for(self, array: Array) -> Device:
        """Where a copy of the array has to be."""

    def all_reduce(self, array: Array, op: ReduceOp) -> Work:
        """Replaces the array by the sum of all ranks'."""

    def reduce(self, array: Array, destination: int, op: ReduceOp) -> Work:
        """The same on one rank; the other ranks' arrays are left as they are."""

    def reduce_scatter(self, out: Array, rows: Array, op: ReduceOp) -> Work:
        """Writes to ``out`` (n,) the sum of row ``rank`` of all ranks."""

    def broadcast(self, array: Array, source: int) -> Work:
        """Replaces the array by that of one rank."""

    def all_gather(self, rows: Array) -> Work:
        """Fills all rows; each rank has written its own."""

    def gather(self, rows: Array, destination: int) -> Work:
        """The same on one rank."""

    def scatter(self, rows: Array, source: int) -> Work:
        """Fills row ``rank`` from the rows of one rank."""

    def all_to_all(self, out: Array, rows: Array) -> Work:
        """Writes row ``rank`` of rank i to row i of ``out``."""

    def barrier(self) -> Work:
        """Ends when all ranks have begun it."""

    def send(self, array: Array, destination: int, tag: int) -> Work:
        """Sends an array to one rank, which must receive it."""

    def receive(self, array: Array, source: int | None, tag: int) -> Work:
        """Receives an array from one rank, or from whichever sends first."""

    def split(self, ranks: Sequence[int]) -> Backend | None:
        """A backend for some of the ranks; None on the others. All ranks call it."""

    def close(self) -> None:
        """Waits until all ranks call it, and ends."""
