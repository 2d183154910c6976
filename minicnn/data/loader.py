"""DataLoader: batches of a dataset, in order, loaded in advance by threads or processes."""

from __future__ import annotations

import itertools
import math
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Generator as Yielding
from concurrent.futures import Future, wait
from contextlib import closing
from typing import Any

from .. import random
from ..random import Generator
from . import worker
from .collate import default_collate
from .pinned import pinned
from .pool import Pool
from .sampler import BatchSampler, RandomSampler, SequentialSampler
from .seeding import epoch_generator, use_generator


class DataLoader:
    """Iterates over a dataset in batches.

    Args:
        dataset: samples by index.
        batch_size: samples in a batch.
        shuffle: take the samples in a new random order each epoch.
        sampler: iterable of indices, instead of ``shuffle``.
        batch_sampler: iterable of lists of indices, instead of ``batch_size``, ``shuffle``,
            ``sampler`` and ``drop_last``.
        num_workers: number of threads or processes that load in advance; 0 loads each batch when
            it is asked for, in the calling thread.
        collate_fn: joins a list of samples into a batch; :func:`default_collate` when left out.
        pin_memory: put batches in page-locked memory, which makes copies to a GPU faster.
        drop_last: drop the last batch if it is smaller than the others.
        timeout: seconds to wait for a batch from the workers; 0 waits forever.
        worker_init_fn: called as ``worker_init_fn(worker_id)`` when a worker starts.
        generator: draws the loader's ``seed``; the default generator when left out.
        prefetch_factor: batches that each worker loads in advance, 2 when left out.
        persistent_workers: keep the workers from one epoch to the next.
        worker_type: ``"thread"`` or ``"process"``.

    Attributes:
        seed: drawn when the loader is made; decides order and augmentation.
        epoch: the number of the next epoch, from 0.
        batch: the number of the next batch in the epoch that is being loaded. A batch whose samples
            were all left out counts, so ``set_epoch(epoch, start_batch=batch)`` goes on here.
        samples: samples in the batches given since that epoch began or was resumed.
        skipped: the reason for each sample that was left out, by index.

    Raises:
        ValueError: for arguments that exclude each other or are out of range.

    As ``torch.utils.data.DataLoader``, with these differences:

    - Workers are threads by default: Pillow and NumPy release the GIL, nothing is copied between
      processes, and threads work the same on every system. Processes are always spawned.
      None of them outlives the program: what is not done two seconds after Ctrl-C is cut off.
    - Order and augmentation depend only on ``seed``, the epoch and how many samples were drawn
      before, not on the workers. A sample that is drawn twice is augmented differently.
      :meth:`set_epoch` goes to any epoch, and to any batch in it.
    - Samples whose dataset raises :class:`SkipSample` are left out and listed in ``skipped``.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[list[Any]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        generator: Generator | None = None,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        worker_type: str = "thread",
    ) -> None:
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers, worker_type)
        if sampler is not None and shuffle:
            raise ValueError("sampler and shuffle=True exclude each other")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "batch_sampler excludes batch_size, shuffle, sampler and drop_last"
                )
        else:
            if sampler is None:
                sampler = RandomSampler(dataset) if shuffle else SequentialSampler(dataset)
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.dataset = dataset
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.num_workers = num_workers
        self.collate_fn = default_collate if collate_fn is None else collate_fn
        self.pin_memory = pin_memory
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.prefetch_factor = 2 if prefetch_factor is None else prefetch_factor
        self.persistent_workers = persistent_workers
        self.worker_type = worker_type
        drawn_from = random.default_generator if generator is None else generator
        self.seed = int(drawn_from.integers(0, 2**63 - 1))
        self.epoch = self.batch = self.samples = 0
        self.skipped: dict[Any, str] = {}  # index: reason, of all samples left out so far
        self._start_batch = 0
        self._pool: Pool | None = None  # of persistent workers

    def __len__(self) -> int:
        """Batches in an epoch."""
        return len(self.batch_sampler)  # type: ignore[arg-type]

    def set_epoch(self, epoch: int, start_batch: int = 0) -> None:
        """Sets the next epoch, and the batch with which it starts.

        With the same seed, the batches from there on equal those of an uninterrupted run bit for
        bit, unless a sampler with a generator of its own decides the order.

        Raises:
            ValueError: for a negative number.
        """
        if epoch < 0 or start_batch < 0:
            raise ValueError(f"epoch and start_batch must be >= 0, got {epoch} and {start_batch}")
        self.epoch, self._start_batch = epoch, start_batch

    def __iter__(self) -> Yielding[Any, None, None]:
        epoch, start = self.epoch, self._start_batch
        self.epoch, self._start_batch = epoch + 1, 0
        for sampler in (self.sampler, self.batch_sampler):
            set_epoch = getattr(sampler, "set_epoch", None)
            if set_epoch is not None:
                set_epoch(epoch)
        return self._batches(epoch, start)

    def _batches(self, epoch: int, start: int) -> Yielding[Any, None, None]:
        self.batch, self.samples = start, 0
        quietly = 0
        with closing(self._loaded(epoch, start)) as loaded:
            for batch in loaded:
                self.batch += 1
                self.samples += batch.count
                quietly += self._note_skipped(batch.skipped)
                if batch.value is not None:
                    yield pinned(batch.value) if self.pin_memory else batch.value
        if quietly:
            warnings.warn(
                f"{quietly} samples were left out; DataLoader.skipped lists them", stacklevel=2
            )

    def _requests(self, epoch: int, start: int) -> Iterator[worker.Request]:
        # Samplers are lazy, so the epoch's generator must be current for each of their indices.
        generator = epoch_generator(self.seed, epoch)
        with use_generator(generator):
            batches = iter(self.batch_sampler)
        position = 0
        for number in itertools.count():
            with use_generator(generator):
                indices = next(batches, None)
            if indices is None:
                return
            request = worker.Request(epoch, position, list(indices))
            position += len(request.indices)
            if number >= start:
                yield request

    def _loaded(self, epoch: int, start: int) -> Yielding[worker.Batch, None, None]:
        requests = self._requests(epoch, start)
        stop = worker.Stop()
        if self.num_workers == 0:
            job = self._job()
            yield from (worker.load(job, request, stop) for request in requests)
            return
        pool = self._workers()
        pending: deque[Future[worker.Batch]] = deque()
        try:
            for request in requests:
                pending.append(pool.submit(request, stop))
                if len(pending) > self.num_workers * self.prefetch_factor:
                    yield self._result(pending.popleft())
            while pending:
                yield self._result(pending.popleft())
        except (Exception, KeyboardInterrupt):
            self._pool = None  # a worker may be dead or stuck: the next epoch starts new ones
            raise
        finally:  # at the end, after an error, and when the consumer drops the iterator
            stop.requested = True
            for future in pending:
                future.cancel()
            if pool is not self._pool:
                pool.close()

    def _job(self) -> worker.Job:
        return worker.Job(self.dataset, self.collate_fn, self.seed, self.worker_init_fn)

    def _workers(self) -> Pool:
        if self._pool is not None and self._pool.usable:
            return self._pool
        pool = Pool(self._job(), self.num_workers, self.worker_type)
        self._pool = pool if self.persistent_workers else None
        return pool

    def _result(self, future: Future[worker.Batch]) -> worker.Batch:
        deadline = time.monotonic() + (self.timeout or math.inf)
        while not future.done():
            left = deadline - time.monotonic()
            if left <= 0:
                raise RuntimeError(f"DataLoader timed out after {self.timeout} seconds")
            wait([future], min(left, 1))  # on Windows, Ctrl-C does not interrupt it
        return future.result()

    def _note_skipped(self, skipped: list[tuple[Any, str, bool]]) -> int:
        quietly = 0
        for index, reason, warn in skipped:
            if index in self.skipped:
                continue
            self.skipped[index] = reason
            if warn:
                warnings.warn(f"left out sample {index}: {reason}", stacklevel=3)
            else:
                quietly += 1
        return quietly


def _check_workers(
    num_workers: int,
    timeout: float,
    prefetch_factor: int | None,
    persistent_workers: bool,
    worker_type: str,
) -> None:
    if worker_type not in ("thread", "process"):
        raise ValueError(f"worker_type must be 'thread' or 'process', got {worker_type!r}")
    if num_workers < 0 or timeout < 0:
        raise ValueError(f"num_workers and timeout must be >= 0, got {num_workers} and {timeout}")
    if num_workers == 0 and (prefetch_factor is not None or persistent_workers):
        raise ValueError("prefetch_factor and persistent_workers need num_workers > 0")
    if prefetch_factor is not None and prefetch_factor <= 0:
        raise ValueError(f"prefetch_factor must be positive, got {prefetch_factor}")
