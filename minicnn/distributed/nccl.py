"""The backend between GPUs: each rank has one, and arrays on it travel through NCCL.

Operations are given to a stream of their own, behind what the arrays need and beside what the
program computes next, and ``wait`` lets the program's stream wait, not the program. So they can
also be captured in a CUDA graph (:func:`minicnn.cuda.graph`): all ranks capture and replay the
same steps. Arrays in host memory travel through MPI, and so do messages from one rank to another:
NCCL knows no tags, and two messages that cross would wait for each other.

Sums are NCCL's: the same bits on all ranks, and in every run with the same ranks on the same
machines, but not in the order of the ranks; half precision is added in half precision.
"""

from __future__ import annotations

import functools
import json
import platform
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from ..devices import CPU, Device, cupy, to_device
from ..typing import Array
from .mpi import MPIBackend
from .reduce_op import ReduceOp
from .watch import Watch
from .work import Work, seconds_of

__all__ = ["NCCLBackend"]

_BYTES_OF_ADDRESS = 96  # of a GPU
_PAUSE = 2e-4  # seconds between two looks at the GPU
_TIME_TO_LAUNCH = 1.0  # seconds
_TIME_TO_TELL = 1.0  # seconds in which ranks that wait for this one say so

F = TypeVar("F", bound=Callable[..., Any])


def _or_between_hosts(method: F) -> F:
    """Decorates an operation on GPUs: arrays in host memory go to the backend of MPI."""

    @functools.wraps(method)
    def chosen(self: NCCLBackend, array: Array, *rest: Any, **named: Any) -> Work:
        if isinstance(array, np.ndarray):
            return getattr(self.host, method.__name__)(array, *rest, **named)
        return method(self, array, *rest, **named)

    return chosen  # type: ignore[return-value]


class NCCLBackend:
    """Operations between ranks on NCCL.

    Args:
        communicator: of mpi4py; this backend is the only one to use it.
        timeout: seconds that an operation may take. After it all ranks end, and the error names
            those that are late.
        device: the GPU of this rank, on which no other one computes.

    Raises:
        RuntimeError: if two ranks have the same GPU, or NCCL fails.
    """

    def __init__(self, communicator: Any, timeout: float, device: Device) -> None:
        from ..kernels.cuda import nccl

        self._arguments = communicator, timeout, device
        self._device = device
        questions = communicator.Dup()
        self.host = MPIBackend(communicator, timeout)
        self.rank, self.size = self.host.rank, self.host.size
        self._gpu = cupy().cuda.Device(device.index)
        self._check_own_gpu()
        identifier = np.zeros(128, np.uint8)
        if self.rank == 0:
            identifier[:] = np.frombuffer(nccl.unique_id(), np.uint8)
        self.host.broadcast(identifier, 0).wait()
        self._is_connected = False
        self._watch = Watch(questions, timeout, self.host.who, self._check)
        self._watch.begin("the start of NCCL", lambda: self._is_connected)
        with self._gpu:
            self._nccl = nccl.Communicator(self.size, identifier.tobytes(), self.rank)
            self._stream = cupy().cuda.Stream(non_blocking=True)
        self._is_connected = True
        self._share_choices()

    def device_for(self, array: Array) -> Device:
        return CPU if isinstance(array, np.ndarray) else self._device

    # ------------------------------------------------------------------------ the operations

    @_or_between_hosts
    def all_reduce(self, array: Array, op: ReduceOp) -> Work:
        call = f"all_reduce({op.name})"
        return self._begin(call, self._nccl.all_reduce, array, op.name)

    @_or_between_hosts
    def reduce(self, array: Array, destination: int, op: ReduceOp) -> Work:
        call = f"reduce({op.name}, {destination})"
        return self._begin(call, self._nccl.reduce, array, destination, op.name)

    @_or_between_hosts
    def reduce_scatter(self, out: Array, rows: Array, op: ReduceOp) -> Work:
        call = f"reduce_scatter({op.name})"
        return self._begin(call, self._nccl.reduce_scatter, out, rows, op.name)

    @_or_between_hosts
    def broadcast(self, array: Array, source: int) -> Work:
        return self._begin(f"broadcast({source})", self._nccl.broadcast, array, source)

    @_or_between_hosts
    def all_gather(self, rows: Array) -> Work:
        return self._begin("all_gather", self._nccl.all_gather, rows)

    @_or_between_hosts
    def gather(self, rows: Array, destination: int) -> Work:
        return self._begin(f"gather({destination})", self._nccl.gather, rows, destination)

    @_or_between_hosts
    def scatter(self, rows: Array, source: int) -> Work:
        return self._begin(f"scatter({source})", self._nccl.scatter, rows, source)

    @_or_between_hosts
    def all_to_all(self, out: Array, rows: Array) -> Work:
        return self._begin("all_to_all", self._nccl.all_to_all, out, rows)

    def barrier(self) -> Work:
        return self.host.barrier()

    def send(self, array: Array, destination: int, tag: int) -> Work:
        return self.host.send(to_device(array, CPU), destination, tag)

    def receive(self, array: Array, source: int | None, tag: int) -> Work:
        if isinstance(array, np.ndarray):
            return self.host.receive(array, source, tag)
        received = np.empty(array.shape, array.dtype)
        return self.host.receive(received, source, tag).then(lambda: array.set(received))

    def split(self, ranks: Sequence[int]) -> NCCLBackend | None:
        part = self.host.part(ranks)
        _, timeout, device = self._arguments
        return None if part is None else NCCLBackend(part, timeout, device)

    def close(self) -> None:
        self._watch.leave()
        try:
            self.host.barrier("the end of the group").wait()
            self._stream.synchronize()
        except RuntimeError as error:
            print(error, file=sys.stderr)
            time.sleep(_TIME_TO_TELL)
            self._watch.close(all_do=False)
            self._nccl.abort()
        else:
            self._watch.close(all_do=True)
            self._nccl.close()
        self.host.close()

    # ------------------------------------------------------------------------ on the GPU

    def _begin(self, name: str, function: Callable[..., None], *arguments: Any) -> Work:
        """Gives NCCL's stream something to do, after what the program's stream has to do now."""
        call = f"{name} of {arguments[0].dtype} {arguments[0].shape}"
        with self._gpu:
            program = cupy().cuda.get_current_stream()
            self._stream.wait_event(_moment_in(program))
            work = _OnStream(self._gpu, arguments)
            if program.is_capturing():
                self._watch_replays()
            else:
                self._watch.begin(call, work.is_completed)
            function(*arguments, self._stream)
            work.record(self._stream)
        return work

    def _check(self) -> None:
        if self._is_connected:
            self._nccl.check()

    def _watch_replays(self) -> None:
        """Lets the replays of the graph that is being captured be watched, too."""
        from ..kernels.cuda.runtime.hyperparameters import before_replays

        replays = _Replays(self._gpu)

        def note() -> None:
            self._watch.begin("a step that is a CUDA graph", replays.begin())

        before_replays(self, note)

    def _share_choices(self) -> None:
        """Lets all ranks take the kernels' tiles from the first one's table, as JSON."""
        from ..kernels.cuda.gemm import tiles

        text = np.frombuffer(json.dumps(tiles.table()).encode(), np.uint8).copy()
        length = np.array([text.size])
        self.host.broadcast(length, 0).wait()
        text = text if self.rank == 0 else np.zeros(int(length[0]), np.uint8)
        self.host.broadcast(text, 0).wait()
        tiles.share(json.loads(text.tobytes()))

    def _check_own_gpu(self) -> None:
        """Raises a RuntimeError if another rank computes on this one's GPU."""
        address = cupy().cuda.runtime.deviceGetPCIBusId(self._device.index)
        own = f"{platform.node()} {address}".encode()[-_BYTES_OF_ADDRESS:]
        addresses = np.zeros((self.size, _BYTES_OF_ADDRESS), np.uint8)
        addresses[self.rank, : len(own)] = np.frombuffer(own, np.uint8)
        self.host.all_gather(addresses).wait()
        for rank in range(self.size):
            if rank != self.rank and (addresses[rank] == addresses[self.rank]).all():
                raise RuntimeError(
                    f"backend 'nccl' expects a GPU for each rank, but {self.host.who(self.rank)} "
                    f"and rank {rank} have the same one, {address}: start fewer ranks, or take 'mpi'"
                )


class _OnStream(Work):
    """An operation that a stream was given; it is over when the GPU says so."""

    def __init__(self, gpu: Any, uses: object) -> None:
        super().__init__()
        self._gpu = gpu
        self._uses: object = (
            uses  # memory that the program's stream may not get back before it waits
        )
        self._over = cupy().cuda.Event(disable_timing=True)
        self._is_given = False
        self.end()

    def record(self, stream: Any) -> None:
        """Notes that the stream was given the operation."""
        stream.record(self._over)
        self._is_given = True

    def wait(self, timeout: Any = None) -> bool:
        """Lets the program's stream wait for the result; the program itself only with ``timeout``."""
        with self._gpu:
            cupy().cuda.get_current_stream().wait_event(self._over)
        self._uses = None
        if timeout is not None:
            self._wait_here(seconds_of(timeout))
        return super().wait()

    def _wait_here(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self.is_completed():
            if time.monotonic() > end:
                raise RuntimeError(f"the operation took longer than {seconds} s")
            time.sleep(_PAUSE)

    def is_completed(self) -> bool:
        with self._gpu:
            return self._is_given and self._over.done

    def is_success(self) -> bool:
        return self.is_completed()


class _Replays:
    """Whether the GPU is through with the replays of a graph."""

    def __init__(self, gpu: Any) -> None:
        self._gpu = gpu
        self._after: list[Any] = []  # of the last replay: the moment after it, once there is one

    def begin(self) -> Callable[[], bool]:
        """Notes that a replay is about to be launched; returns what says if it is over."""
        stream = cupy().cuda.get_current_stream()
        self._after.append(_moment_in(stream))
        after: list[Any] = []
        self._after = after
        launched = time.monotonic() + _TIME_TO_LAUNCH

        def is_over() -> bool:
            with self._gpu:
                if after:
                    return after[0].done
                return time.monotonic() > launched and stream.done

        return is_over


def _moment_in(stream: Any) -> Any:
    """An event after all that a stream was given so far."""
    return stream.record(cupy().cuda.Event(disable_timing=True))
