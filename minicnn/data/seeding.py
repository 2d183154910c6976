"""Which random numbers samples and samplers draw: minicnn's own rule, and torch's.

**A sample's numbers.** In minicnn they depend only on (seed, epoch, position), not on who loads the
sample. The position counts the samples drawn in the epoch, so one that is drawn twice, as by
:class:`WeightedRandomSampler`, is augmented differently each time. Processes that share a dataset
by a :class:`DistributedSampler` count together, so that as many pictures are augmented in the same
ways as in one process. Under ``minicnn.torch``
(:mod:`minicnn.rules`) torch's rule holds: samples draw from the default generator in the order in
which they are loaded, and in a worker from the stream that starts from ``base_seed + worker``.

**Seeds and order.** As in torch, always: each epoch of a loader draws a base seed, which is the seed
above, and then the sampler draws the order. After ``DataLoader.set_epoch`` the order, too, depends
only on (seed, epoch), so a run can go on from any batch.

Transforms call :func:`current_generator` and samplers :func:`sampler_generator`, whatever the rule.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from ..random import Generator, default_generator, manual_seed

_local = threading.local()


class SampleNumbers:
    """The generators of an epoch's samples; each is seeded when its sample asks for numbers.

    Args:
        seed: of the epoch, an integer >= 0.
        epoch: below 2**64.
        share: (rank, number of processes) where processes take the samples of an epoch in turn.
    """

    def __init__(self, seed: int, epoch: int, share: tuple[int, int] = (0, 1)) -> None:
        self._seed, self._epoch, self._share = seed, epoch, share
        self._generator: Generator | None = None
        self.go_to(0)

    def go_to(self, position: int) -> None:
        """Goes to the sample before which ``position`` others were drawn in this process."""
        rank, processes = self._share
        self._position = position * processes + rank
        self._is_seeded = False

    def generator(self) -> Generator:
        """The generator of the sample."""
        if self._generator is None or not self._is_seeded:
            self._is_seeded = True
            self._generator = sample_generator(
                self._seed, self._epoch, self._position, self._generator
            )
        return self._generator


def current_generator() -> Generator:
    """The generator to draw from: inside a ``DataLoader`` the sample's own, else the default one.

    A random transform that draws from it is reproducible with any number of workers.
    """
    current = getattr(_local, "current", None)
    if current is None:
        return default_generator
    return current.generator() if isinstance(current, SampleNumbers) else current


def sampler_generator(own: Generator | None) -> Generator:
    """The generator to draw an order from.

    Args:
        own: the sampler's, which is used unless :meth:`DataLoader.set_epoch` decides the order.
    """
    decided = getattr(_local, "current", None) is not None
    return current_generator() if decided or own is None else own


@contextmanager
def use_generator(generator: Generator | SampleNumbers | None) -> Iterator[None]:
    """Makes ``generator`` the current one of this thread inside a ``with`` block.

    None leaves the current one.
    """
    before = getattr(_local, "current", None)
    _local.current = before if generator is None else generator
    try:
        yield
    finally:
        _local.current = before


def epoch_generator(seed: int, epoch: int) -> Generator:
    """The generator for the order of one epoch."""
    return Generator().seed_with(seed, epoch)


def sample_generator(
    seed: int, epoch: int, position: int, generator: Generator | None = None
) -> Generator:
    """The generator for one sample in one epoch.

    Args:
        seed: the epoch's seed, an integer >= 0.
        epoch: below 2**64.
        position: how many samples were drawn before it in the epoch.
        generator: one to restart, which takes less time than to make one.
    """
    return (generator or Generator()).seed_with(seed, epoch, position)


def worker_generator(base_seed: int, worker: int) -> Generator:
    """The stream of a worker under torch's rule."""
    return Generator().manual_seed(base_seed + worker)


def seed_process(base_seed: int, worker: int) -> None:
    """Seeds all generators of a worker process, Python's and NumPy's too, as torch does."""
    random.seed(base_seed + worker)
    manual_seed(base_seed + worker)
    entropy = [worker, base_seed & 0xFFFFFFFF, base_seed >> 32, 0]
    np.random.seed(np.random.SeedSequence(entropy).generate_state(4))
