"""The work of a loader's worker: it loads the samples of a batch and reports errors."""

from __future__ import annotations

import contextlib
import copy
import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from ..kernels.cpu.runtime.threads import set_num_threads
from ..memory import keep_freed
from ..output import printable
from .dataset import SkipSample, batch_getter, describe
from .image_backend import set_image_backend
from .iterable import IterableDataset
from .loading import Loading, use_loading
from .seeding import SampleNumbers, seed_process, use_generator, worker_generator
from .shared import Message, Writer, pickled
from .worker_info import WorkerInfo, set_worker_info

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


@dataclass
class Job:
    """Everything needed to load any batch of any epoch; sent to each worker process once."""

    dataset: Any
    collate: Callable[[Any], Any]
    in_batches: bool  # whether a request is for a list of samples, which ``collate`` joins
    drop_last: bool
    base_seed: int
    num_workers: int
    worker_init: Callable[[int], None] | None
    image_backend: str


@dataclass
class Request:
    """Asks for one batch: the indices of its samples, drawn from position ``first`` of an epoch.

    Attributes:
        seed: of the samples' own numbers; None if they draw from the default generator.
        begins: whether the worker has to begin a new iteration of an iterable dataset.
        share: which of the epoch's positions are this process's, see :class:`SampleNumbers`.
    """

    seed: int | None
    epoch: int
    first: int
    indices: list[Any]
    begins: bool = False
    share: tuple[int, int] = (0, 1)


@dataclass
class Batch:
    """A loaded batch of ``count`` samples; ``value`` holds nothing if all of them were skipped.

    Attributes:
        ended: whether an iterable dataset has no more samples in this worker.
    """

    value: Any = None
    count: int = 0
    skipped: list[tuple[Any, str, bool]] = field(default_factory=list)  # index, reason, warn?
    ended: bool = False


class Stop:
    """A flag that tells threads to stop in the middle of a batch."""

    requested = False


class Source:
    """Loads batches: in a worker, or in the thread that iterates over the loader."""

    def __init__(self, job: Job) -> None:
        keep_freed()
        self._job = job
        self._is_iterable = isinstance(job.dataset, IterableDataset)
        self._get_batch = batch_getter(job.dataset) if job.in_batches else None
        self._iterator: Iterator[Any] = iter(())
        self._loading = Loading()

    def begin(self, epoch: int) -> None:
        """Begins an iteration of an iterable dataset."""
        if self._is_iterable:
            self._loading.epoch = epoch
            with use_loading(self._loading):
                self._iterator = iter(self._job.dataset)

    def load(self, request: Request, stop: Stop) -> Batch:
        """Loads and collates the samples of a request.

        Raises:
            Exception: the dataset's own error, its message preceded by the sample's index and source.
        """
        numbers = None
        if request.seed is not None:
            numbers = SampleNumbers(request.seed, request.epoch, request.share)
        with use_generator(numbers):
            if numbers is not None:
                numbers.go_to(request.first)
            if request.begins:
                self.begin(request.epoch)
            with use_loading(self._loading):
                return self._load(request, stop, numbers)

    def _load(self, request: Request, stop: Stop, numbers: SampleNumbers | None) -> Batch:
        batch, samples, ended = Batch(), [], False
        if self._get_batch is not None and request.indices:
            with contextlib.suppress(SkipSample):  # by one of them, which is found below
                return self._collate(batch, self._get_batch(request.indices))
        for position, index in enumerate(request.indices, request.first):
            if stop.requested:
                return batch
            if numbers is not None:
                numbers.go_to(position)
            try:
                samples.append(self._sample(index))
            except SkipSample as skipped:
                batch.skipped.append((index, printable(str(skipped)), skipped.warn))
            except _Ended:
                ended = not samples or self._job.drop_last
                break
            except Exception as error:
                raise self._named(error, position, index) from error
        batch.skipped += self._loading.take_left_out()
        if ended:
            batch.ended = not batch.skipped  # which are told now: the next batch is the end
            return batch
        return self._collate(batch, samples)

    def _collate(self, batch: Batch, samples: list[Any]) -> Batch:
        if samples:
            content = samples if self._job.in_batches else samples[0]
            batch.value, batch.count = self._job.collate(content), len(samples)
        return batch

    def _sample(self, index: Any) -> Any:
        if not self._is_iterable:
            return self._job.dataset[index]
        for sample in self._iterator:
            return sample
        raise _Ended

    def _named(self, error: Exception, position: int, index: Any) -> Exception:
        number, source = position, type(self._job.dataset).__name__
        if not self._is_iterable:
            number, source = index, describe(self._job.dataset, index)
        message = f"{type(error).__name__} in sample {number} ({source}): {error}"
        return same_type(error, printable(message))


class _Ended(Exception):
    """An iterable dataset has no more samples."""


def same_type(error: Exception, message: str) -> Exception:
    """An exception of the same type with another message; a RuntimeError where that fails."""
    if isinstance(error, StopIteration):  # it would lose its message on the way through a generator
        return RuntimeError(message)
    try:
        rebuilt = type(error)(_Unquoted(message))
    except Exception:  # noqa: BLE001  the type's constructor takes other arguments
        return RuntimeError(message)
    return rebuilt if str(rebuilt) == message else RuntimeError(message)


class _Unquoted(str):
    """A message that KeyError shows as it is, where it would show another one quoted, on one line."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def started(job: Job, number: int) -> Callable[[Request, Stop], Batch]:
    """Calls ``worker_init_fn`` and returns what loads batches; if it failed, so does every batch."""
    set_worker_info(WorkerInfo(number, job.num_workers, job.base_seed + number, job.dataset))
    try:
        if job.worker_init is not None:
            job.worker_init(number)
    except BaseException as error:  # noqa: BLE001  raised for every request
        return partial(_raise, _init_failure(number, error))
    return Source(job).load


def started_thread(job: Job, number: int) -> Callable[[Request, Stop], Batch]:
    """:func:`started` for a thread, which has its own copy of an iterable dataset.

    What draws no numbers of a sample's own draws from the worker's stream.
    """
    if isinstance(job.dataset, IterableDataset):
        job = replace(job, dataset=copy.copy(job.dataset))
    stream = worker_generator(job.base_seed, number)
    with use_generator(stream):
        load = started(job, number)

    def load_from_stream(request: Request, stop: Stop) -> Batch:
        with use_generator(stream):
            return load(request, stop)

    return load_from_stream


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
    """Runs in a worker process: answers requests until None comes, or the connection closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    set_num_threads(1)
    seed_process(job.base_seed, number)
    set_image_backend(job.image_backend)
    load_batch = started(job, number)
    writer = Writer(connection)
    with contextlib.suppress(EOFError, OSError):
        while (request := connection.recv()) is not None:
            writer.send(_answer(load_batch, request))


def opened(message: Message) -> Batch:
    """The batch in the answer of a worker process.

    Raises:
        Exception: the worker's error, if the answer is one.
    """
    content = message.value()
    if isinstance(content, Batch):
        return content
    error, text = cast(tuple[Exception, str], content)
    raise error from WorkerTraceback(text)


def _answer(load_batch: Callable[[Request, Stop], Batch], request: Request) -> Message:
    """A batch, or an error and the text of its traceback."""
    try:
        return pickled(load_batch(request, Stop()))
    except Exception as error:  # noqa: BLE001  raised in the main process
        text = "".join(traceback.format_exception(error))
        return pickled((_picklable(error), text))


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
