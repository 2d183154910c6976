"""A stand-in for ``cupy.cuda.nccl``: processes exchange files in a folder that the unique id names.

As NCCL does, it waits for ever for a rank that does not come or does something else, adds in the
order of a ring, in the dtype of the numbers, and finds its memory and its stream by their addresses.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from .._memory import Allocation
from .._stream import Stream

available = True

NCCL_INT8, NCCL_UINT8, NCCL_INT32, NCCL_UINT32, NCCL_INT64, NCCL_UINT64 = range(6)
NCCL_FLOAT16, NCCL_FLOAT32, NCCL_FLOAT64, NCCL_BFLOAT16 = range(6, 10)
NCCL_SUM, NCCL_PROD, NCCL_MAX, NCCL_MIN, NCCL_AVG = range(5)

_DTYPES = ["int8", "uint8", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64"]
_DTYPES_BY_NUMBER = [*map(np.dtype, _DTYPES), np.dtype(ml_dtypes.bfloat16)]
_FUNCTIONS = {
    NCCL_SUM: np.add,
    NCCL_PROD: np.multiply,
    NCCL_MAX: np.maximum,
    NCCL_MIN: np.minimum,
    NCCL_AVG: np.add,
}
_ID_BYTES = 128
_PAUSE = 2e-4  # seconds between two looks

calls: Counter[str] = Counter()  # how often each operation was begun


class NcclError(RuntimeError):
    """What CuPy raises for a result that is not ncclSuccess."""


def get_version() -> int:
    """The version of NCCL that this is like."""
    return 22707


get_build_version = get_version


def get_unique_id() -> bytes:
    """A name for a new group."""
    return secrets.token_bytes(_ID_BYTES)


class _Group(threading.local):
    depth = 0
    messages: list[_Message]


class _Message:
    """One array to send or to receive."""

    def __init__(
        self, communicator: NcclCommunicator, sends: bool, memory: _Memory, peer: int, kind: str
    ) -> None:
        self.communicator, self.sends, self.memory = communicator, sends, memory
        self.peer, self.kind = peer, kind


_group = _Group()


def groupStart() -> None:
    """From here on, messages wait for :func:`groupEnd`."""
    if not _group.depth:
        _group.messages = []
    _group.depth += 1


def groupEnd() -> None:
    """Begins all messages since :func:`groupStart` at the same time."""
    _group.depth -= 1
    if _group.depth or not _group.messages:
        return
    messages, first = _group.messages, _group.messages[0]
    if any(message.memory.stream is not first.memory.stream for message in messages):
        raise NotImplementedError("the stand-in takes one stream for a group of messages")
    memory = [message.memory.allocation() for message in messages]
    first.memory.stream._give(lambda: first.communicator._deliver(messages), memory)


class _Memory:
    """What an address stands for.

    Raises:
        NcclError: for an address or a stream that does not exist.
    """

    def __init__(self, address: int, count: int, datatype: int, stream: int) -> None:
        if stream not in Stream._by_address:
            raise NcclError(f"NCCL_ERROR_INVALID_ARGUMENT: no stream {stream}")
        self.stream = Stream._by_address[stream]
        dtype = _DTYPES_BY_NUMBER[datatype]
        nbytes = count * dtype.itemsize
        for piece in list(Allocation.live):
            begin = address - piece.address
            if 0 <= begin and begin + nbytes <= piece.nbytes:
                self.allocation = weakref.ref(piece)  # NCCL does not keep it, either
                self.array = piece.raw[begin : begin + nbytes].view(dtype)
                return
        raise NcclError(f"NCCL_ERROR_INVALID_ARGUMENT: no memory of {nbytes} bytes at {address}")


class NcclCommunicator:
    """The ranks of a group, each in a process of its own."""

    def __init__(self, ndev: int, commId: bytes, rank: int, config: None = None) -> None:
        if type(commId) is not bytes or len(commId) != _ID_BYTES:
            raise TypeError("commId must be 128 bytes")
        self._size, self._rank = ndev, rank
        self._folder = Path(tempfile.gettempdir()) / f"nccl-{commId[:16].hex()}"
        self._folder.mkdir(exist_ok=True)
        self._number = 0
        self._messages: Counter[tuple[int, int]] = Counter()
        self._last_file: Path | None = None
        self._is_aborted = False
        self._exchange("begin", b"")

    def rank_id(self) -> int:
        """The number of this process."""
        return self._rank

    def size(self) -> int:
        """The number of processes."""
        return self._size

    def device_id(self) -> int:
        """The number of the GPU."""
        return 0

    def check_async_error(self) -> None:
        """Raises what went wrong, which nothing does here."""

    def abort(self) -> None:
        """Lets all operations end that wait for other ranks."""
        self._is_aborted = True

    def destroy(self) -> None:
        """Leaves the group; the last one removes its files."""
        if self._folder.exists():
            (self._folder / f"left-{self._rank}").touch()
            if all((self._folder / f"left-{rank}").exists() for rank in range(self._size)):
                shutil.rmtree(self._folder, ignore_errors=True)

    def allReduce(
        self, sendbuf: int, recvbuf: int, count: int, datatype: int, op: int, stream: int
    ) -> None:
        """The sum of all ranks, on all ranks."""

        def result(parts: Sequence[np.ndarray]) -> np.ndarray:
            return _sum(parts, op)

        self._give(f"allReduce-{op}", result, (sendbuf, count), (recvbuf, count), datatype, stream)

    def reduce(
        self, sendbuf: int, recvbuf: int, count: int, datatype: int, op: int, root: int, stream: int
    ) -> None:
        """The sum of all ranks, on one."""

        def result(parts: Sequence[np.ndarray]) -> np.ndarray | None:
            return _sum(parts, op) if self._rank == root else None

        name = f"reduce-{op}-{root}"
        self._give(name, result, (sendbuf, count), (recvbuf, count), datatype, stream)

    def broadcast(
        self, sendbuff: int, recvbuff: int, count: int, datatype: int, root: int, stream: int
    ) -> None:
        """The array of one rank, on all."""

        def result(parts: Sequence[np.ndarray]) -> np.ndarray:
            return parts[root]

        name = f"broadcast-{root}"
        self._give(name, result, (sendbuff, count), (recvbuff, count), datatype, stream)

    def bcast(self, buff: int, count: int, datatype: int, root: int, stream: int) -> None:
        """:meth:`broadcast` in place."""
        self.broadcast(buff, buff, count, datatype, root, stream)

    def reduceScatter(
        self, sendbuf: int, recvbuf: int, recvcount: int, datatype: int, op: int, stream: int
    ) -> None:
        """The sum of row ``rank`` of all ranks."""

        def result(parts: Sequence[np.ndarray]) -> np.ndarray:
            return _sum([part.reshape(self._size, -1)[self._rank] for part in parts], op)

        sent = sendbuf, recvcount * self._size
        self._give(f"reduceScatter-{op}", result, sent, (recvbuf, recvcount), datatype, stream)

    def allGather(self, sendbuf: int, recvbuf: int, count: int, datatype: int, stream: int) -> None:
        """The arrays of all ranks, one after the other."""
        received = recvbuf, count * self._size
        self._give("allGather", np.concatenate, (sendbuf, count), received, datatype, stream)

    def send(self, sendbuf: int, count: int, datatype: int, peer: int, stream: int) -> None:
        """Sends an array to a rank, and waits until it is received."""
        self._message(True, sendbuf, count, datatype, peer, stream)

    def recv(self, recvbuf: int, count: int, datatype: int, peer: int, stream: int) -> None:
        """Receives an array from a rank."""
        self._message(False, recvbuf, count, datatype, peer, stream)

    def _give(
        self,
        name: str,
        result: Callable[[Sequence[np.ndarray]], np.ndarray | None],
        sent: tuple[int, int],
        received: tuple[int, int],
        datatype: int,
        stream: int,
    ) -> None:
        """Gives the stream an operation of all ranks; places are (address, count)."""
        calls[name.partition("-")[0]] += 1
        own = _Memory(*sent, datatype, stream)
        into = _Memory(*received, datatype, stream)

        def act() -> None:
            parts = self._exchange(f"{name}-{datatype}-{sent[1]}", own.array.tobytes())
            found = result([np.frombuffer(part, own.array.dtype) for part in parts])
            if found is not None:
                into.array[...] = found

        own.stream._give(act, [own.allocation(), into.allocation()])

    def _message(
        self, sends: bool, address: int, count: int, datatype: int, peer: int, stream: int
    ) -> None:
        calls["send" if sends else "recv"] += 1
        memory = _Memory(address, count, datatype, stream)
        groupStart()
        _group.messages.append(_Message(self, sends, memory, peer, f"{datatype}-{count}"))
        groupEnd()

    def _deliver(self, messages: Sequence[_Message]) -> None:
        sent = []
        for message in messages:
            if message.sends:
                path = self._path_of(self._rank, message.peer, message.kind)
                _write(path, message.memory.array.tobytes())
                sent.append(path)
        for message in messages:
            if not message.sends:
                path = self._path_of(message.peer, self._rank, message.kind)
                received = np.frombuffer(self._read(path), message.memory.array.dtype)
                message.memory.array[...] = received
                path.unlink()
        for path in sent:
            self._wait(lambda path=path: not path.exists())

    def _path_of(self, source: int, to: int, kind: str) -> Path:
        self._messages[source, to] += 1
        number = self._messages[source, to]
        if source == to:  # this side is counted twice: once sent, once received
            number = (number + 1) // 2
        return self._folder / f"message-{source}-{to}-{number}-{kind}"

    def _exchange(self, call: str, own: bytes) -> list[bytes]:
        """What all ranks give to the same call."""
        name = f"{self._number}-{call}"
        self._number += 1
        path = self._folder / f"{name}-{self._rank}"
        _write(path, own)
        parts = [self._read(self._folder / f"{name}-{rank}") for rank in range(self._size)]
        if self._last_file is not None:  # all have read it, as they are in the next call
            self._last_file.unlink()
        self._last_file = path
        return parts

    def _read(self, path: Path) -> bytes:
        self._wait(path.exists)
        return path.read_bytes()

    def _wait(self, condition: Callable[[], bool]) -> None:
        while not condition():
            if self._is_aborted:
                raise NcclError("NCCL_ERROR_INTERNAL_ERROR: aborted")
            time.sleep(_PAUSE)


def _write(path: Path, content: bytes) -> None:
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(content)
    part.rename(path)


def _sum(parts: Sequence[np.ndarray], op: int) -> np.ndarray:
    """The ranks' numbers, taken in the order of a ring: each piece begins at another rank."""
    function: Any = _FUNCTIONS[op]
    size, dtype = len(parts), parts[0].dtype
    pieces = [np.array_split(part, size) for part in parts]
    if op == NCCL_AVG:
        pieces = [[piece * dtype.type(1 / size) for piece in part] for part in pieces]
    sums = []
    for number in range(size):
        order = [(number + 1 + step) % size for step in range(size)]
        total = pieces[order[0]][number]
        for rank in order[1:]:
            total = function(total, pieces[rank][number]).astype(dtype)
        sums.append(total)
    return np.concatenate(sums)
