"""DataLoader: batches of a dataset, in order, loaded in advance by threads or processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable
from multiprocessing.context import BaseContext
from typing import Any, Generic, TypeVar

from .. import random, rules
from ..random import Generator
from .collate import default_collate, default_convert
from .image_backend import get_image_backend
from .iterable import IterableDataset
from .iteration import Iteration, ParallelIteration, SerialIteration
from .pool import Pool
from .sampler import BatchSampler, EndlessSampler, RandomSampler, SequentialSampler
from .worker import Job

Sample = TypeVar("Sample")


class DataLoader(Generic[Sample]):
    """Iterates over a dataset in batches.

    Args:
        dataset: samples by index, or an :class:`IterableDataset`.
        batch_size: samples in a batch; None gives single samples, without a batch dimension.
        shuffle: take the samples in a new random order each epoch.
        sampler: iterable of indices, instead of ``shuffle``.
        batch_sampler: iterable of lists of indices, instead of ``batch_size``, ``shuffle``,
            ``sampler`` and ``drop_last``.
        num_workers: number of threads or processes that load in advance; 0 loads each batch when
            it is asked for, in the calling thread.
        collate_fn: joins a list of samples into a batch; :func:`default_collate` when left out.
            With ``batch_size=None`` it converts a sample; :func:`default_convert` when left out.
        pin_memory: put batches in page-locked memory, which makes copies to a GPU faster.
        drop_last: drop the last batch if it is smaller than the others.
        timeout: seconds to wait for a batch from the workers; 0 waits forever.
        worker_init_fn: called as ``worker_init_fn(worker_id)`` when a worker starts.
        multiprocessing_context: makes the workers processes and says how they start: ``"spawn"``,
            ``"fork"``, ``"forkserver"``, or a context of :mod:`multiprocessing`.
        generator: draws the seed of each epoch and, with ``shuffle``, the order; the default
            generator when left out.
        prefetch_factor: batches that each worker loads in advance, 2 when left out.
        persistent_workers: keep the workers from one epoch to the next.
        pin_memory_device: without effect, as in torch.
        in_order: without effect: batches always come in order.
        worker_type: ``"thread"`` or ``"process"``; see below.

    Attributes:
        epoch: the number of the next epoch, from 0.
        batch: the number of the next batch in the epoch that is being loaded. A batch whose samples
            were all left out counts, so ``set_epoch(epoch, start_batch=batch)`` goes on here.
        samples: samples in the batches given since that epoch began or was resumed.
        skipped: the reason for each sample that was left out, by index; of an iterable dataset, by
            the place that it gives (:meth:`Loading.leave_out`).

    Raises:
        ValueError: for arguments that exclude each other or are out of range.
        TypeError: for a ``multiprocessing_context`` that is none.

    As ``torch.utils.data.DataLoader``: with the same seed the order is torch's. These things differ:

    - Workers are threads: Pillow and NumPy release the GIL, nothing is copied between processes,
      and threads work the same on every system. ``worker_type="process"`` spawns processes, whose
      batches come through shared memory. Under ``minicnn.torch`` they are processes where Python
      forks by default (Linux, up to Python 3.13), as scripts rely on that. Elsewhere they are
      threads: scripts then need no ``if __name__ == "__main__":``, but Python's ``random`` and
      NumPy's global generator, which all threads share, give other numbers than torch's workers.
      No worker outlives the program: what is not done two seconds after Ctrl-C is cut off.
    - Augmentation depends only on the epoch's seed and how many samples were drawn before, not on
      the workers. Under ``minicnn.torch`` torch's rule holds instead (:mod:`minicnn.data.seeding`).
    - After :meth:`set_epoch`, which torch does not have, order and augmentation depend only on
      ``seed`` and the epoch: a program can go to any epoch, and to any batch in it.
    - Samples whose dataset raises :class:`SkipSample` are left out and listed in ``skipped``.
    - An error in a sample is raised with the sample's index and source, and ends the epoch.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[list[Any]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: str | BaseContext | None = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
        worker_type: str | None = None,
    ) -> None:
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers, worker_type)
        _check_samplers(dataset, batch_size, shuffle, sampler, batch_sampler, drop_last)
        if batch_sampler is not None:
            batch_size = None
        if sampler is None:
            if isinstance(dataset, IterableDataset):
                sampler = EndlessSampler()
            elif shuffle:
                sampler = RandomSampler(dataset, generator=generator)
            else:
                sampler = SequentialSampler(dataset)
        if batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        if collate_fn is None:
            collate_fn = default_convert if batch_sampler is None else default_collate
        self.dataset = dataset
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.num_workers = num_workers
        self.collate_fn = collate_fn
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = _context(multiprocessing_context, num_workers)
        self.generator = generator
        self.prefetch_factor = 2 if prefetch_factor is None and num_workers else prefetch_factor
        self.persistent_workers = persistent_workers
        self.in_order = in_order
        self.worker_type = worker_type
        self.epoch = self.batch = self.samples = 0
        self.skipped: dict[Any, str] = {}  # index: reason, of all samples left out so far
        self.length_said: int | None = None  # of an iterable dataset, when len() was asked for
        self._seed: int | None = None
        self._epochs_are_set = False
        self._start_batch = 0
        self._pool: Pool | None = None  # of persistent workers

    @property
    def seed(self) -> int:
        """What decides order and augmentation after :meth:`set_epoch`; each other epoch draws one.

        It is drawn when it is first asked for, and can be set.
        """
        return self.draw_seed() if self._seed is None else self._seed

    @seed.setter
    def seed(self, seed: int) -> None:
        self._seed = seed

    def draw_seed(self) -> int:
        """Draws the seed of an epoch, as torch's loader does."""
        drawn_from = random.default_generator if self.generator is None else self.generator
        self._seed = drawn_from.random_()
        return self._seed

    def __len__(self) -> int:
        """Batches in an epoch."""
        if not isinstance(self.dataset, IterableDataset):
            return len(self.sampler if self.batch_sampler is None else self.batch_sampler)  # type: ignore[arg-type]
        self.length_said = size = len(self.dataset)  # type: ignore[arg-type]
        if self.batch_size is None:
            return size
        return size // self.batch_size if self.drop_last else -(-size // self.batch_size)

    def set_epoch(self, epoch: int, start_batch: int = 0) -> None:
        """Sets the next epoch, and the batch with which it starts.

        From here on ``seed`` and the number of an epoch decide everything in it: its batches equal
        those of an uninterrupted run, whose epochs were set, too, bit for bit.

        Raises:
            ValueError: for a negative number, or a start within an iterable dataset.
        """
        if epoch < 0 or start_batch < 0:
            raise ValueError(f"epoch and start_batch must be >= 0, got {epoch} and {start_batch}")
        if start_batch and isinstance(self.dataset, IterableDataset):
            raise ValueError(f"an IterableDataset has no batch to start at, got {start_batch}")
        self.epoch, self._start_batch = epoch, start_batch
        self._epochs_are_set = True

    def __iter__(self) -> Iteration:
        epoch, start = self.epoch, self._start_batch
        self.epoch, self._start_batch = epoch + 1, 0
        if self._epochs_are_set:
            for sampler in (self.sampler, self.batch_sampler):
                set_epoch = getattr(sampler, "set_epoch", None)
                if set_epoch is not None:
                    set_epoch(epoch)
        kind = ParallelIteration if self.num_workers else SerialIteration
        return kind(self, epoch, start, self._epochs_are_set)

    # ------------------------------------------------------------------------ for an Iteration

    @property
    def samples_have_own_numbers(self) -> bool:
        """Whether minicnn's rule of random numbers holds in the epoch that begins, not torch's."""
        return self._epochs_are_set or not rules.torch_rules

    def job(self, base_seed: int) -> Job:
        """What loads batches of this loader."""
        return Job(
            self.dataset,
            self.collate_fn,
            self.batch_sampler is not None,
            self.drop_last,
            base_seed,
            self.num_workers,
            self.worker_init_fn,
            get_image_backend(),
        )

    def kept_pool(self) -> Pool | None:
        """The workers of the epoch before, if they are persistent."""
        return self._pool if self._pool is not None and self._pool.usable else None

    def make_pool(self, base_seed: int) -> Pool:
        """Starts workers."""
        # An iterable dataset is told apart by workers, and so are torch's streams.
        shared = self.samples_have_own_numbers and not isinstance(self.dataset, IterableDataset)
        pool = Pool(self.job(base_seed), self.num_workers, self._process_context(), shared)
        self._pool = pool if self.persistent_workers else None
        return pool

    def drop_pool(self) -> None:
        """Forgets the workers, one of which may be dead or stuck: the next epoch starts new ones."""
        self._pool = None

    def _process_context(self) -> BaseContext | None:
        if self.worker_type == "thread":
            return None
        if self.multiprocessing_context is not None:
            return self.multiprocessing_context
        if self.worker_type == "process":
            return multiprocessing.get_context("spawn")  # fork would copy locks that threads hold
        if rules.torch_rules and _start_method() == "fork":
            return multiprocessing.get_context("fork")
        return None


def _start_method() -> str:
    """How this program starts processes."""
    chosen = multiprocessing.get_start_method(allow_none=True)
    return chosen or multiprocessing.get_all_start_methods()[0]


def _context(context: str | BaseContext | None, num_workers: int) -> BaseContext | None:
    if context is None:
        return None
    if num_workers == 0:
        raise ValueError("multiprocessing_context needs num_workers > 0, got 0")
    if isinstance(context, str):
        methods = multiprocessing.get_all_start_methods()
        if context not in methods:
            raise ValueError(f"multiprocessing_context must be one of {methods}, got {context!r}")
        return multiprocessing.get_context(context)
    if not isinstance(context, BaseContext):
        raise TypeError(
            f"multiprocessing_context must be a context or a start method's name, got {context!r}"
        )
    return context


def _check_samplers(
    dataset: Any,
    batch_size: int | None,
    shuffle: bool | None,
    sampler: Iterable[Any] | None,
    batch_sampler: Iterable[list[Any]] | None,
    drop_last: bool,
) -> None:
    if isinstance(dataset, IterableDataset) and (shuffle or sampler or batch_sampler):
        raise ValueError(
            "an IterableDataset decides the order itself: it excludes shuffle, sampler and "
            "batch_sampler"
        )
    if sampler is not None and shuffle:
        raise ValueError("sampler and shuffle=True exclude each other")
    if batch_sampler is not None:
        if batch_size != 1 or shuffle or sampler is not None or drop_last:
            raise ValueError("batch_sampler excludes batch_size, shuffle, sampler and drop_last")
    elif batch_size is None and drop_last:
        raise ValueError("batch_size=None gives single samples, which excludes drop_last")


def _check_workers(
    num_workers: int,
    timeout: float,
    prefetch_factor: int | None,
    persistent_workers: bool,
    worker_type: str | None,
) -> None:
    if worker_type not in ("thread", "process", None):
        raise ValueError(f"worker_type must be 'thread' or 'process', got {worker_type!r}")
    if num_workers < 0 or timeout < 0:
        raise ValueError(f"num_workers and timeout must be >= 0, got {num_workers} and {timeout}")
    if num_workers == 0 and (prefetch_factor is not None or persistent_workers):
        raise ValueError("prefetch_factor and persistent_workers need num_workers > 0")
    if prefetch_factor is not None and prefetch_factor <= 0:
        raise ValueError(f"prefetch_factor must be positive, got {prefetch_factor}")
