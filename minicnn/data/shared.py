"""Batches from a worker process, whose arrays go through memory that both processes map.

The memory is a file without a name (memfd): nothing is left behind however a process ends, and the
size of ``/dev/shm`` does not matter. A worker has one. It grows to the size of a batch and serves the
next one after the reader has copied it out. Without such a file, as on other systems than Linux, the
arrays go through the pipe.
"""

from __future__ import annotations

import io
import itertools
import mmap
import os
import pickle
from collections.abc import Callable
from multiprocessing import reduction
from multiprocessing.connection import Connection
from types import NotImplementedType
from typing import NamedTuple

import numpy as np

from .. import memory
from ..devices import memory_order
from ..tensor import Tensor
from ..typing import Array

__all__ = ["Message", "Reader", "Writer", "pickled"]

_LARGE_BYTES = 1 << 14  # smaller arrays are pickled with the rest
_ALIGNMENT = 64  # bytes, of an array in the memory
_STEP_BYTES = 1 << 20  # by which the memory grows

_PIPE, _MEMORY, _NEW_MEMORY = range(3)  # where the arrays of a message are


class Message(NamedTuple):
    """A pickled value, and the bytes of the large arrays that it refers to."""

    content: bytes
    arrays: list[memoryview]

    def value(self) -> object:
        """The value; its arrays are the message's."""
        return pickle.loads(self.content, buffers=self.arrays)


def pickled(value: object) -> Message:
    """``value`` with its tensors on the CPU, in their order in memory."""
    arrays: list[memoryview] = []

    def stays_in_content(buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if raw.nbytes < _LARGE_BYTES:
            return True
        arrays.append(raw)
        return False

    content = io.BytesIO()
    _TensorPickler(content, protocol=5, buffer_callback=stays_in_content).dump(value)
    return Message(content.getvalue(), arrays)


class Writer:
    """The worker's end of a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._memory: mmap.mmap | None = None

    def send(self, message: Message) -> None:
        """Sends a message; its arrays may change afterwards."""
        sizes = [array.nbytes for array in message.arrays]
        places = _places(sizes)
        handle = self._make_room(places[-1].stop if places else 0)
        if self._memory is not None:
            for array, place in zip(message.arrays, places, strict=True):
                np.copyto(_bytes(self._memory)[place], _bytes(array))
        where = _PIPE if self._memory is None else _MEMORY if handle is None else _NEW_MEMORY
        self._connection.send((message.content, sizes, where))
        if handle is not None:
            reduction.send_handle(self._connection, handle, os.getppid())
            os.close(handle)
        if where == _PIPE:
            for array in message.arrays:
                self._connection.send_bytes(array)

    def _make_room(self, size: int) -> int | None:
        """Sees that the memory has ``size`` bytes, if it can be had; its handle if it is new."""
        if self._memory is not None and len(self._memory) >= size:
            return None
        self._memory = None
        if not size or not hasattr(os, "memfd_create"):
            return None
        size = -(-size // _STEP_BYTES) * _STEP_BYTES
        handle = None
        try:
            handle = os.memfd_create("batches of a DataLoader's worker")
            os.posix_fallocate(handle, 0, size)  # else a write where none is left ends the process
            self._memory = mmap.mmap(handle, size)
        except OSError:
            if handle is not None:
                os.close(handle)
            return None
        return handle


class Reader:
    """The other end of a :class:`Writer`'s connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._memory: mmap.mmap | None = None  # the worker's

    def receive(self) -> Message:
        """The next message; its arrays are its own.

        Raises:
            EOFError: if the worker has ended.
            OSError: if it ends meanwhile.
        """
        content, sizes, where = self._connection.recv()
        # Each has memory of its own: whoever keeps the labels of a batch does not keep its images.
        arrays = [memory.empty((size,), np.uint8).data for size in sizes]
        if where == _NEW_MEMORY:
            handle = reduction.recv_handle(self._connection)
            self._memory = mmap.mmap(handle, os.fstat(handle).st_size)
            os.close(handle)
        if where == _PIPE:
            for array in arrays:
                self._connection.recv_bytes_into(array)
        elif self._memory is not None:
            for array, place in zip(arrays, _places(sizes), strict=True):
                np.copyto(_bytes(array), _bytes(self._memory)[place])
        return Message(content, arrays)


def _places(sizes: list[int]) -> list[slice]:
    """Where arrays of these sizes lie, one after the other."""
    starts = itertools.accumulate((-(-n // _ALIGNMENT) * _ALIGNMENT for n in sizes), initial=0)
    return [slice(start, start + n) for start, n in zip(starts, sizes, strict=False)]


def _bytes(buffer: mmap.mmap | memoryview) -> np.ndarray:
    return np.frombuffer(buffer, np.uint8)


class _TensorPickler(pickle.Pickler):
    """Pickles tensors as arrays in memory order.

    pickle itself would copy a channels-last array into channels-first order, element by element.
    """

    def reducer_override(
        self, obj: object
    ) -> tuple[Callable[..., Tensor], tuple[Array, list[int]]] | NotImplementedType:
        if type(obj) is not Tensor:
            return NotImplemented
        array = obj.detach().cpu().array
        axes = memory_order(array)
        return _rebuild_tensor, (array.transpose(axes), sorted(axes, key=axes.__getitem__))


def _rebuild_tensor(array: Array, axes: list[int]) -> Tensor:
    return Tensor.of(array.transpose(axes))
