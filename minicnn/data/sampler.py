"""Samplers: in which order, and how often, a loader takes the samples of a dataset.

Random samplers draw from ``generator`` if one is given, otherwise from the current generator.
Inside a ``DataLoader`` that one depends only on the loader's seed and the epoch, which makes an
epoch repeatable.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any

import numpy as np

from ..random import Generator
from .seeding import current_generator


class Sampler:
    """Gives indices by iteration; a subclass defines ``__iter__`` and, for ``len``, ``__len__``."""

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__} must define __iter__()")


class SequentialSampler(Sampler):
    """0, 1, 2, …"""

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler):
    """All indices in random order, or random indices with replacement.

    Args:
        data_source: the dataset; only its length matters.
        replacement: whether an index may be drawn twice.
        num_samples: how many to draw, ``len(data_source)`` when left out. More than that without
            replacement goes through the data several times, as in torch.
        generator: the current generator when left out.

    Raises:
        ValueError: if ``num_samples`` is not positive.
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        self.data_source = data_source
        self.replacement = replacement
        self.generator = generator
        self.num_samples = len(data_source) if num_samples is None else num_samples
        if self.num_samples <= 0:
            raise ValueError(f"num_samples must be positive, got {self.num_samples}")

    def __iter__(self) -> Iterator[int]:
        generator = current_generator() if self.generator is None else self.generator
        size = len(self.data_source)
        if self.replacement:
            yield from generator.integers(0, size, self.num_samples).tolist()
            return
        left = self.num_samples
        while left > 0:
            yield from generator.permutation(size)[:left].tolist()
            left -= size

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler):
    """The given indices in random order."""

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        generator = current_generator() if self.generator is None else self.generator
        for i in generator.permutation(len(self.indices)):
            yield self.indices[i]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler):
    """Indices 0 … len(weights) - 1, drawn with probabilities proportional to ``weights``.

    Args:
        weights: one number >= 0 for each sample; they need not add up to 1.
        num_samples: how many to draw.
        replacement: whether an index may be drawn twice.
        generator: the current generator when left out.

    Raises:
        ValueError: for weights that are not 1-D, are negative or all zero; without replacement,
            if fewer than ``num_samples`` weights are above 0.
    """

    def __init__(
        self,
        weights: Sequence[float],
        num_samples: int,
        replacement: bool = True,
        generator: Generator | None = None,
    ) -> None:
        self.weights = np.asarray(weights, dtype=np.float64)
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator
        if num_samples <= 0:
            raise ValueError(f"num_samples must be positive, got {num_samples}")
        if self.weights.ndim != 1:
            raise ValueError(f"weights must be 1-D, got shape {self.weights.shape}")
        positive = int((self.weights > 0).sum())
        if positive == 0 or not (self.weights >= 0).all():
            raise ValueError("weights must be >= 0 with at least one above 0")
        if not replacement and num_samples > positive:
            raise ValueError(
                f"cannot draw {num_samples} samples without replacement from {positive} with a "
                "weight above 0"
            )

    def __iter__(self) -> Iterator[int]:
        generator = current_generator() if self.generator is None else self.generator
        p = self.weights / self.weights.sum()
        yield from generator.choice(len(p), self.num_samples, self.replacement, p).tolist()

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler):
    """Lists of ``batch_size`` indices from another sampler.

    Args:
        sampler: any iterable of indices.
        batch_size: indices in a list.
        drop_last: drop the last list if it is shorter than the others.

    Raises:
        ValueError: if ``batch_size`` is not a positive integer.
    """

    def __init__(self, sampler: Iterable[Any], batch_size: int, drop_last: bool) -> None:
        if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size <= 0:
            raise ValueError(f"batch_size must be a positive integer, got {batch_size!r}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[Any]]:
        batch = []
        for index in self.sampler:
            batch.append(index)
            if len(batch) == self.batch_size:
                yield batch
                batch = []
        if batch and not self.drop_last:
            yield batch

    def __len__(self) -> int:
        size = len(self.sampler)  # type: ignore[arg-type]
        return size // self.batch_size if self.drop_last else -(-size // self.batch_size)
