"""A group of one rank, which needs no MPI: nothing moves."""

from __future__ import annotations

from collections.abc import Sequence

from ..devices import Device, device_of
from ..typing import Array
from .reduce_op import ReduceOp
from .work import Done, Work

__all__ = ["OneProcess"]


class OneProcess:
    """The backend of a program that was started without ``mpiexec``."""

    rank, size = 0, 1

    def device_for(self, array: Array) -> Device:
        return device_of(array)

    def all_reduce(self, array: Array, op: ReduceOp) -> Work:
        return Done()

    def reduce(self, array: Array, destination: int, op: ReduceOp) -> Work:
        return Done()

    def reduce_scatter(self, out: Array, rows: Array, op: ReduceOp) -> Work:
        out[...] = rows[0]
        return Done()

    def broadcast(self, array: Array, source: int) -> Work:
        return Done()

    def all_gather(self, rows: Array) -> Work:
        return Done()

    def gather(self, rows: Array, destination: int) -> Work:
        return Done()

    def scatter(self, rows: Array, source: int) -> Work:
        return Done()

    def all_to_all(self, out: Array, rows: Array) -> Work:
        out[...] = rows
        return Done()

    def barrier(self) -> Work:
        return Done()

    def send(self, array: Array, destination: int, tag: int) -> Work:
        raise ValueError("send expects another rank, but there is only this one")

    def receive(self, array: Array, source: int | None, tag: int) -> Work:
        raise ValueError("recv expects another rank, but there is only this one")

    def split(self, ranks: Sequence[int]) -> OneProcess:
        return self

    def close(self) -> None:
        """Nothing is open."""
