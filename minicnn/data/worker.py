"""The work of a loader's worker: it loads the samples of a batch and reports errors."""

from __future__ import annotations

import io
import itertools
import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from types import NotImplementedType
from typing import Any

from ..devices import memory_order
from ..tensor import Tensor
from ..typing import Array
from .dataset import SkipSample, describe
from .seeding import sample_generator, use_generator


@dataclass
class Job:
    """Everything needed to load any batch of any epoch; sent to each worker process once."""

    dataset: Any
    collate: Callable[[list[Any]], Any]
    seed: int
    worker_init: Callable[[int], None] | None


@dataclass
class Batch:
    """A loaded batch; ``value`` is None if all its samples were skipped."""

    value: Any = None
    skipped: list[tuple[Any, str, bool]] = field(default_factory=list)  # index, reason, warn?


class Stop:
    """A flag that tells threads to stop in the middle of a batch."""

    requested = False


def load(job: Job, epoch: int, indices: list[Any], stop: Stop) -> Batch:
    """Loads and collates the samples at ``indices``.

    Raises:
        Exception: the dataset's own error, its message preceded by the sample's index and source.
    """
    batch, samples = Batch(), []
    for index in indices:
        if stop.requested:
            return batch
        try:
            with use_generator(sample_generator(job.seed, epoch, index)):
                samples.append(job.dataset[index])
        except SkipSample as skipped:
            batch.skipped.append((index, str(skipped), skipped.warn))
        except Exception as error:
            source = describe(job.dataset, index)
            message = f"{type(error).__name__} in sample {index} ({source}): {error}"
            raise same_type(error, message) from error
    if samples:
        batch.value = job.collate(samples)
    return batch


def load_in_worker(job: Job, epoch: int, indices: list[Any], stop: Stop) -> Batch:
    """:func:`load`, with the original traceback as text in the message of an error.

    A traceback object does not leave the worker's process; its text does.
    """
    try:
        return load(job, epoch, indices, stop)
    except Exception as error:  # noqa: BLE001  raised again with its traceback
        trace = "".join(traceback.format_exception(error))
        raise same_type(error, f"{error}\n\nIn a DataLoader worker:\n{trace}") from None


def same_type(error: Exception, message: str) -> Exception:
    """An exception of the same type with another message; a RuntimeError where that fails."""
    try:
        rebuilt = type(error)(message)
    except Exception:  # noqa: BLE001  the type's constructor takes other arguments
        return RuntimeError(message)
    # KeyError, for example, would show the message quoted, on one line.
    return rebuilt if str(rebuilt) == message else RuntimeError(message)


# ---------------------------------------------------------------------------------- threads


def start_thread(job: Job, numbers: itertools.count[int]) -> None:
    """Runs when a worker thread starts. next() on a count is atomic."""
    if job.worker_init is not None:
        job.worker_init(next(numbers))


# -------------------------------------------------------------------------------- processes

_process_job: Job  # set once in each worker process


def start_process(job: Job, number: Any) -> None:
    """Runs when a worker process starts; ``number`` counts the processes and is shared by them."""
    global _process_job
    _process_job = job
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    with number.get_lock():
        worker_id, number.value = number.value, number.value + 1
    if job.worker_init is not None:
        job.worker_init(worker_id)


def load_in_process(epoch: int, indices: list[Any]) -> bytes:
    """:func:`load_in_worker` in a worker process; returns the pickled batch."""
    file = io.BytesIO()
    _TensorPickler(file, protocol=5).dump(load_in_worker(_process_job, epoch, indices, Stop()))
    return file.getvalue()


def _exit_with_parent() -> None:
    # A parent that is killed cannot tell its workers, which would wait for work forever.
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
    return Tensor(array.transpose(axes))
