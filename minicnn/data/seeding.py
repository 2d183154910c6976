"""A sample's random numbers depend only on (seed, epoch, position), not on who loads it.

The position counts the samples drawn in the epoch. A sample that is drawn twice, as by
:class:`WeightedRandomSampler`, is augmented differently each time.

The loader sets a generator for every ``dataset[index]`` and for its sampler; transforms and
samplers call :func:`current_generator`. So augmentation and order do not depend on the number of
workers, their kind or their timing, and an epoch can be repeated from any of its batches.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ..random import Generator, default_generator

_local = threading.local()


def current_generator() -> Generator:
    """The generator to draw from: inside a ``DataLoader`` the sample's own, else the default one.

    A random transform that draws from it is reproducible with any number of workers.
    """
    generator = getattr(_local, "generator", None)
    return default_generator if generator is None else generator


@contextmanager
def use_generator(generator: Generator) -> Iterator[None]:
    """Makes ``generator`` the current one of this thread inside a ``with`` block."""
    before = getattr(_local, "generator", None)
    _local.generator = generator
    try:
        yield
    finally:
        _local.generator = before


def epoch_generator(seed: int, epoch: int) -> Generator:
    """The generator for the order of one epoch."""
    return Generator().seed_with(seed, epoch)


def sample_generator(
    seed: int, epoch: int, position: int, generator: Generator | None = None
) -> Generator:
    """The generator for one sample in one epoch.

    Args:
        seed: the loader's seed, an integer >= 0.
        epoch: below 2**64.
        position: how many samples were drawn before it in the epoch.
        generator: one to restart, which takes less time than to make one.
    """
    return (generator or Generator()).seed_with(seed, epoch, position)
