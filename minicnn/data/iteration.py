"""One epoch of a loader: an iterator over its batches."""

from __future__ import annotations

import itertools
import math
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Any

from ..warn import warn
from .pinned import pinned
from .seeding import epoch_generator, use_generator
from .worker import Batch, Request, Source, Stop

if TYPE_CHECKING:
    from .loader import DataLoader

_END = object()  # None is an index


class Iteration(Iterator[Any]):
    """An iterator over the batches of one epoch.

    Args:
        loader: the loader.
        epoch: its number.
        start: the number of the batch to start with.
        set_epoch: whether the loader's seed and the epoch decide everything, or the seed is drawn.
    """

    _is_closed = True  # until it is open

    def __init__(self, loader: DataLoader[Any], epoch: int, start: int, set_epoch: bool) -> None:
        self._loader = loader
        self._epoch = epoch
        self._in_batches = loader.batch_sampler is not None
        self._sampler: Any = loader.batch_sampler if self._in_batches else loader.sampler
        own = getattr(loader.sampler, "share", (0, 1))
        self._share = getattr(self._sampler, "share", own)  # of the epoch's positions
        self._order = epoch_generator(loader.seed, epoch) if set_epoch else None
        self._indices = self._begin_sampler()  # before the seed is drawn, as in torch
        self._base_seed = loader.seed if set_epoch else self._draw_seed()
        self._seed = self._base_seed if loader.samples_have_own_numbers else None
        self._position = 0  # samples drawn so far
        self._given = self._quietly_skipped = 0
        loader.batch, loader.samples = start, 0
        for _ in range(start):
            self._next_request()
        self._begin()
        self._is_closed = False

    def _draw_seed(self) -> int:
        return self._loader.draw_seed()

    def _begin(self) -> None:
        """Prepares the loading of batches."""

    def _next_batch(self) -> Batch | None:
        """The next batch that was loaded; None at the end."""
        raise NotImplementedError

    def close(self) -> None:
        """Ends the epoch here."""
        self._is_closed = True

    def __iter__(self) -> Iteration:
        return self

    def __len__(self) -> int:
        """Batches in an epoch."""
        return len(self._sampler)

    def __next__(self) -> Any:
        if self._is_closed:
            raise StopIteration
        loader = self._loader
        try:
            while (batch := self._next_batch()) is not None:
                loader.batch += 1
                loader.samples += batch.count
                if batch.skipped:
                    self._note_skipped(batch.skipped)
                if batch.count:
                    self._given += 1
                    if loader.length_said is not None and self._given > loader.length_said:
                        self._warn_of_length()
                    return pinned(batch.value) if loader.pin_memory else batch.value
        except (Exception, KeyboardInterrupt):
            loader.drop_pool()
            self.close()
            raise
        self.close()
        if self._quietly_skipped:
            warn(f"{self._quietly_skipped} samples were left out; DataLoader.skipped lists them")
        raise StopIteration

    def _begin_sampler(self) -> Iterator[Any]:
        with use_generator(self._order):
            return iter(self._sampler)

    def _next_request(self, begins: bool = False) -> Request | None:
        if self._order is None:
            indices: Any = next(self._indices, _END)
        else:  # samplers are lazy, so the epoch's generator must be current for each index
            with use_generator(self._order):
                indices = next(self._indices, _END)
        if indices is _END:
            return None
        asked = list(indices) if self._in_batches else [indices]
        first, self._position = self._position, self._position + len(asked)
        return Request(self._seed, self._epoch, first, asked, begins, self._share)

    def _note_skipped(self, skipped: list[tuple[Any, str, bool]]) -> None:
        known = self._loader.skipped
        for index, reason, loud in skipped:
            if index in known:
                continue
            known[index] = reason
            if loud:
                warn(f"left out sample {index}: {reason}")
            else:
                self._quietly_skipped += 1

    def _warn_of_length(self) -> None:
        dataset, size = self._loader.dataset, self._loader.length_said
        message = (
            f"Length of IterableDataset {dataset} was reported to be {size} (when accessing "
            f"len(dataloader)), but {self._given} samples have been fetched. "
        )
        if self._loader.num_workers:
            message += "Each worker has to give samples of its own: see get_worker_info()."
        warn(message)


class SerialIteration(Iteration):
    """Loads each batch when it is asked for."""

    def _begin(self) -> None:
        self._source = Source(self._loader.job(self._base_seed))
        self._stop = Stop()
        self._source.begin(self._epoch)

    def _next_batch(self) -> Batch | None:
        request = self._next_request()
        if request is None:
            return None
        batch = self._source.load(request, self._stop)
        return None if batch.ended else batch


class ParallelIteration(Iteration):
    """Has workers load batches in advance, in turn or by whichever is free."""

    def _draw_seed(self) -> int:
        kept = self._loader.kept_pool()
        return self._loader.draw_seed() if kept is None else kept.base_seed

    def _begin(self) -> None:
        loader = self._loader
        kept = loader.kept_pool()
        if kept is None and self._order is None:
            self._indices = self._begin_sampler()  # torch begins it twice before the first batch
        self._pool = kept or loader.make_pool(self._base_seed)
        self._stop = Stop()
        self._pending: deque[tuple[int, Future[Batch]]] = deque()  # with the number of the worker
        self._active = set(range(loader.num_workers))  # workers that have samples left
        self._to_begin = set(self._active)
        self._turns = itertools.cycle(range(loader.num_workers))
        for _ in range(loader.prefetch_factor * loader.num_workers):  # type: ignore[operator]
            self._submit()

    def _submit(self) -> None:
        for number in itertools.islice(self._turns, self._loader.num_workers):
            if number in self._active:
                break
        else:
            return
        request = self._next_request(begins=number in self._to_begin)
        if request is not None:
            self._to_begin.discard(number)
            self._pending.append((number, self._pool.submit(number, request, self._stop)))

    def _next_batch(self) -> Batch | None:
        while self._pending:
            number, future = self._pending.popleft()
            batch = self._result(future)
            if not batch.ended:
                self._submit()
                return batch
            if number in self._active:  # its other requests will come back empty, too
                self._active.remove(number)
                self._submit()
        return None

    def _result(self, future: Future[Batch]) -> Batch:
        timeout = self._loader.timeout
        deadline = time.monotonic() + (timeout or math.inf)
        while not future.done():
            left = deadline - time.monotonic()
            if left <= 0:
                raise RuntimeError(f"DataLoader timed out after {timeout} seconds")
            wait([future], min(left, 1))  # on Windows, Ctrl-C does not interrupt it
        return future.result()

    def close(self) -> None:
        """Ends the epoch here; workers stop in the middle of a batch."""
        if self._is_closed:
            return
        super().close()
        kept = self._pool is self._loader.kept_pool()
        if kept and self._seed is None:
            return  # the streams of torch's workers go on behind all that was asked for
        self._stop.requested = True
        for _, future in self._pending:
            future.cancel()
        if not kept:
            self._pool.close()

    __del__ = close
