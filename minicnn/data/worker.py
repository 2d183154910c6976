"""The work of a loader's worker: it loads the samples of a batch and reports errors."""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from types import NotImplementedType
from typing import TYPE_CHECKING, Any

from ..devices import memory_order
from ..random import Generator
from ..tensor import Tensor
from ..typing import Array
from .dataset import SkipSample, describe, printable
from .seeding import sample_generator, use_generator

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


@dataclass
class Job:
    """Everything needed to load any batch of any epoch; sent to each worker process once."""

    dataset: Any
    collate: Callable[[list[Any]], Any]
    seed: int
    worker_init: Callable[[int], None] | None


@dataclass
class Request:
    """Asks for one batch: the indices of its samples, drawn from position ``first`` of an epoch."""

    epoch: int
    first: int
    indices: list[Any]


@dataclass
class Batch:
    """A loaded batch of ``count`` samples; ``value`` is None if all of them were skipped."""

    value: Any = None
    count: int = 0
    skipped: list[tuple[Any, str, bool]] = field(default_factory=list)  # index, reason, warn?


class Stop:
    """A flag that tells threads to stop in the middle of a batch."""

    requested = False


def load(job: Job, request: Request, stop: Stop) -> Batch:
    """Loads and collates the samples of a request.

    Raises:
        Exception: the dataset's own error, its message preceded by the sample's index and source.
    """
    batch, samples, generator = Batch(), [], Generator()
    for position, index in enumerate(request.indices, request.first):
        if stop.requested:
            return batch
        try:
            with use_generator(sample_generator(job.seed, request.epoch, position, generator)):
                samples.append(job.dataset[index])
        except SkipSample as skipped:
            batch.skipped.append((index, printable(str(skipped)), skipped.warn))
        except Exception as error:
            source = describe(job.dataset, index)
            message = f"{type(error).__name__} in sample {index} ({source}): {error}"
            raise same_type(error, printable(message)) from error
    if samples:
        batch.value, batch.count = job.collate(samples), len(samples)
    return batch


def same_type(error: Exception, message: str) -> Exception:
    """An exception of the same type with another message; a RuntimeError where that fails."""
    if isinstance(error, StopIteration):  # it would lose its message on the way through a generator
        return RuntimeError(message)
    try:
        rebuilt = type(error)(message)
    except Exception:  # noqa: BLE001  the type's constructor takes other arguments
        return RuntimeError(message)
    # KeyError, for example, would show the message quoted, on one line.
    return rebuilt if str(rebuilt) == message else RuntimeError(message)


def started(job: Job, number: int) -> Callable[[Request, Stop], Batch]:
    """Calls ``worker_init_fn`` and returns what loads batches; if it failed, so does every batch."""
    try:
        if job.worker_init is not None:
            job.worker_init(number)
    except BaseException as error:  # noqa: BLE001  raised for every request
        return partial(_raise, _init_failure(number, error))
    return partial(load, job)


def _raise(error: Exception, request: Request, stop: Stop) -> Batch:
    raise error


def _init_failure(number: int, error: BaseException) -> Exception:
    message = f"worker_init_fn failed in DataLoader worker {number}: "
    failure = RuntimeError(printable(f"{message}{type(error).__name__}: {error}"))
    failure.__cause__ = error
    return failure


# -------------------------------------------------------------------------------- processes


class WorkerTraceback(Exception):
    """The traceback of an error in a worker process, as the cause of that error.

    A traceback object does not leave its process; its text does.
    """

    def __init__(self, text: str) -> None:
        super().__init__(f"\n\nIn a DataLoader worker:\n{text}")


def serve(connection: Connection, job: Job, number: int) -> None:
    """Runs in a worker process: answers requests until the other end of the connection closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    load_batch = started(job, number)
    with contextlib.suppress(EOFError, OSError):
        while True:
            connection.send_bytes(_answer(load_batch, connection.recv()))


def opened(answer: bytes) -> Batch:
    """The batch in the answer of a worker process.

    Raises:
        Exception: the worker's error, if the answer is one.
    """
    content = pickle.loads(answer)
    if isinstance(content, Batch):
        return content
    error, text = content
    raise error from WorkerTraceback(text)


def _answer(load_batch: Callable[[Request, Stop], Batch], request: Request) -> bytes:
    """A batch, or an error and the text of its traceback, pickled."""
    try:
        file = io.BytesIO()
        _TensorPickler(file, protocol=5).dump(load_batch(request, Stop()))
        return file.getvalue()
    except Exception as error:  # noqa: BLE001  raised in the main process
        text = "".join(traceback.format_exception(error))
        return pickle.dumps((_picklable(error), text))


def _picklable(error: Exception) -> Exception:
    """The error itself, or a RuntimeError with its text if it does not survive pickling."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001  whatever the error's own methods raise
        return RuntimeError(printable(f"{type(error).__name__}: {error}"))
    return error


def _exit_with_parent() -> None:
    # A worker in the middle of a long sample does not see the connection close.
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


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
