"""The backend between CPUs: numbers travel as bytes through MPI, and are added here.

MPI's own ``Allreduce`` chooses an algorithm by size and number of ranks, and each adds in another
order. Here each rank receives its part of all arrays, adds the ranks' numbers in their order, and
sends the sums to all: every number travels as often as in a ring, all ranks get the same bits, and
a run repeats.

Before numbers travel, the ranks tell each other what they are about to do. A rank that does
something else, or does not answer in time, is named in an error instead of leaving all hanging.
"""

from __future__ import annotations

import itertools
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from mpi4py import MPI

from ..devices import CPU, Device
from ..memory import empty
from ..typing import Array
from .reduce_op import ReduceOp, combine
from .work import CommunicationThread, Work

__all__ = ["MPIBackend"]

_OPERATION = 0  # the tag of what operations of all ranks send; messages of the program have others
_TEXT = 96  # bytes of the message that says what a rank is about to do
_SMALL = 1 << 14  # bytes up to which all ranks get everything: one journey instead of two
_PIECE = 1 << 25  # bytes of an array that are in the air at once
_IMPATIENT = 1e-3  # seconds after which a wait is a long one
_PAUSE = 2e-4  # seconds between two looks, then
_LEAVING = "the end of the group"

Parts = list[Array] | Array  # one for each rank: views of different lengths, or rows (P, n)


class MPIBackend:
    """Operations between ranks on MPI.

    Args:
        communicator: of mpi4py; this backend is the only one to use it.
        timeout: seconds that ranks wait for each other.

    Raises:
        RuntimeError: from ``wait`` of an operation, if a rank is late or does something else.
    """

    def __init__(self, communicator: Any, timeout: float) -> None:
        self._communicator = communicator
        self._timeout = timeout
        self._hosts: list[str] = []
        self.rank, self.size = communicator.Get_rank(), communicator.Get_size()
        hosts = np.zeros((self.size, _TEXT), np.uint8)
        hosts[self.rank] = _message(platform.node())
        self._others = [r % self.size for r in range(self.rank + 1, self.rank + self.size)]
        self._exchange(
            "the start",
            dict.fromkeys(self._others, hosts[self.rank]),
            {r: hosts[r] for r in self._others},
        )
        self._hosts = list(map(_text, hosts))
        self._thread = CommunicationThread("minicnn.distributed")

    def device_for(self, array: Array) -> Device:
        return CPU

    # ------------------------------------------------------------------------ the operations

    def all_reduce(self, array: Array, op: ReduceOp) -> Work:
        return self._begin(self._all_reduce, f"all_reduce({op.name})", array, op)

    def reduce(self, array: Array, destination: int, op: ReduceOp) -> Work:
        return self._begin(
            self._reduce, f"reduce({op.name}, {destination})", array, destination, op
        )

    def reduce_scatter(self, out: Array, rows: Array, op: ReduceOp) -> Work:
        return self._begin(self._reduce_scatter, f"reduce_scatter({op.name})", rows, out, op)

    def broadcast(self, array: Array, source: int) -> Work:
        return self._begin(self._broadcast, f"broadcast({source})", array, source)

    def all_gather(self, rows: Array) -> Work:
        return self._begin(self._share, "all_gather", rows)

    def gather(self, rows: Array, destination: int) -> Work:
        return self._begin(self._gather, f"gather({destination})", rows, destination)

    def scatter(self, rows: Array, source: int) -> Work:
        return self._begin(self._scatter, f"scatter({source})", rows, source)

    def all_to_all(self, out: Array, rows: Array) -> Work:
        return self._begin(self._all_to_all, "all_to_all", rows, out)

    def barrier(self, name: str = "barrier") -> Work:
        return self._thread.submit(self._meet, name)

    def send(self, array: Array, destination: int, tag: int) -> Work:
        request = self._communicator.Isend(_bytes(array), destination, tag + 1)
        return _Message(self, f"send({destination})", destination, request)

    def receive(self, array: Array, source: int | None, tag: int) -> Work:
        sender = MPI.ANY_SOURCE if source is None else source
        request = self._communicator.Irecv(_bytes(array), sender, tag + 1)
        return _Message(self, f"recv({source})", sender, request)

    def split(self, ranks: Sequence[int]) -> MPIBackend | None:
        part = self.part(ranks)
        return None if part is None else MPIBackend(part, self._timeout)

    def part(self, ranks: Sequence[int]) -> object:
        """A communicator of mpi4py for some of the ranks; None on the others. All ranks call it."""
        inside = self.rank in ranks
        key = ranks.index(self.rank) if inside else 0
        part = self._communicator.Split(0 if inside else MPI.UNDEFINED, key)
        return part if inside else None

    def close(self) -> None:
        leaving = self._thread.submit(self._meet, _LEAVING)
        self._thread.close(self._timeout)
        if leaving.is_success():
            self._communicator.Free()

    # ------------------------------------------------------------------------ in the thread

    def _begin(self, function: Callable[..., None], name: str, array: Array, *rest: Any) -> Work:
        call = f"{name} of {array.dtype} {array.shape}"
        return self._thread.submit(self._run, function, call, array, *rest)

    def _run(self, function: Callable[..., None], call: str, *arguments: Any) -> None:
        self._meet(call)
        function(call, *arguments)

    def _all_reduce(self, call: str, array: Array, op: ReduceOp) -> None:
        if array.nbytes * self.size <= _SMALL:
            rows = np.empty((self.size, array.size), array.dtype)
            rows[self.rank] = array
            self._share(call, rows)
            return combine(rows, op, array)
        for piece in _pieces(array):
            parts = self._parts(piece)
            self._sum_own(call, parts, parts[self.rank], op)
            self._share(call, parts)

    def _reduce(self, call: str, array: Array, destination: int, op: ReduceOp) -> None:
        for piece in _pieces(array):
            parts = self._parts(piece)
            own = empty(parts[self.rank].shape, array.dtype)
            self._sum_own(call, parts, own, op)
            if self.rank == destination:
                parts[self.rank][...] = own
            self._collect(call, parts, destination, own)

    def _reduce_scatter(self, call: str, rows: Array, out: Array, op: ReduceOp) -> None:
        self._sum_own(call, rows, out, op)

    def _broadcast(self, call: str, array: Array, source: int) -> None:
        parts = self._parts(array)
        self._scatter(call, parts, source)
        self._share(call, parts)

    def _gather(self, call: str, rows: Array, destination: int) -> None:
        self._collect(call, rows, destination, rows[self.rank])

    def _scatter(self, call: str, parts: Parts, source: int) -> None:
        """Part i of the source goes to rank i."""
        if self.rank == source:
            self._exchange(call, {r: parts[r] for r in self._others}, {})
        else:
            self._exchange(call, {}, {source: parts[self.rank]})

    def _collect(self, call: str, parts: Parts, destination: int, own: Array) -> None:
        """Every rank's own part goes to part i of the destination."""
        if self.rank == destination:
            self._exchange(call, {}, {r: parts[r] for r in self._others})
        else:
            self._exchange(call, {destination: own}, {})

    def _all_to_all(self, call: str, rows: Parts, out: Array) -> None:
        """Part i goes to rank i, row ``rank``."""
        out[self.rank] = rows[self.rank]
        sent = {r: rows[r] for r in self._others}
        self._exchange(call, sent, {r: out[r] for r in self._others})

    def _share(self, call: str, parts: Parts) -> None:
        """Every rank's own part goes to all ranks."""
        own = parts[self.rank]
        self._exchange(call, dict.fromkeys(self._others, own), {r: parts[r] for r in self._others})

    def _sum_own(self, call: str, parts: Parts, out: Array, op: ReduceOp) -> None:
        """Writes to ``out`` the sum of part ``rank`` of all ranks; it may be that part."""
        rows = empty((self.size, out.size), out.dtype)
        self._all_to_all(call, parts, rows)
        combine(rows, op, out)

    def _parts(self, array: Array) -> list[Array]:
        """Views of a part for each rank, almost equally long."""
        bounds = [array.size * i // self.size for i in range(self.size + 1)]
        return [array[a:b] for a, b in itertools.pairwise(bounds)]

    # ------------------------------------------------------------------------ messages

    def _meet(self, call: str) -> None:
        """Waits until all ranks are about to make the same call.

        Raises:
            RuntimeError: if one makes another call, or is late.
        """
        calls = np.empty((self.size, _TEXT), np.uint8)
        calls[self.rank] = own = _message(call)
        self._exchange(call, dict.fromkeys(self._others, own), {r: calls[r] for r in self._others})
        for rank in self._others:
            if bytes(calls[rank]) != bytes(own):
                raise RuntimeError(
                    f"{self.who(self.rank)} is at {_text(own)}, "
                    f"but {self.who(rank)} is at {_text(calls[rank])}"
                )

    def _exchange(
        self, call: str, sent: Mapping[int, Array], received: Mapping[int, Array]
    ) -> None:
        """Sends arrays to ranks and receives arrays from ranks, all at once."""
        messages = [
            (rank, self._communicator.Irecv(_bytes(a), rank, _OPERATION))
            for rank, a in received.items()
        ]
        messages += [
            (rank, self._communicator.Isend(_bytes(a), rank, _OPERATION))
            for rank, a in sent.items()
        ]
        self.wait_for(call, messages)

    def wait_for(self, call: str, messages: Sequence[tuple[int, Any]]) -> None:
        """Waits for messages from and to ranks.

        In a long wait the thread sleeps between its looks: the program's computing needs the core.

        Raises:
            RuntimeError: if it takes longer than the limit; it names the ranks that are late.
        """
        requests = [request for _, request in messages]
        begin = time.monotonic()
        while not MPI.Request.Testall(requests):
            waited = time.monotonic() - begin
            if waited > self._timeout:
                late = sorted({rank for rank, request in messages if not request.Test()})
                raise RuntimeError(
                    f"{self.who(self.rank)} has waited {self._timeout:g} s in {call} "
                    f"for {', '.join(map(self.who, late))}"
                )
            time.sleep(0 if waited < _IMPATIENT else _PAUSE)

    def who(self, rank: int) -> str:
        """The name of a rank: its number and host."""
        if rank < 0:
            return "any rank"
        return f"rank {rank} on {self._hosts[rank]}" if self._hosts else f"rank {rank}"


class _Message(Work):
    """One array on its way; it needs no other rank than the one at its other end."""

    def __init__(self, backend: MPIBackend, call: str, rank: int, request: Any) -> None:
        super().__init__()
        self._wait = lambda: backend.wait_for(call, [(rank, request)])
        self._request = request

    def wait(self, timeout: Any = None) -> bool:
        if not self._ended.is_set():
            self._wait()
            self.end()
        return super().wait(timeout)

    def is_completed(self) -> bool:
        return self._ended.is_set() or self._request.Test()


def _message(text: str) -> Array:
    return np.frombuffer(text.encode()[:_TEXT].ljust(_TEXT, b"\0"), np.uint8)


def _text(message: Array) -> str:
    return bytes(message).rstrip(b"\0").decode(errors="replace")


def _bytes(array: Array) -> list[Any]:
    return [array.view(np.uint8), MPI.BYTE]


def _pieces(array: Array) -> Iterator[Array]:
    """Views of an array, one after the other: what travels needs a buffer of the same size."""
    length = max(1, _PIECE // array.itemsize)
    return (array[i : i + length] for i in range(0, array.size, length))
