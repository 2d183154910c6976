"""Samplers: in which order, and how often, a loader takes the samples of a dataset.

With the same seed they give torch's indices. A sampler with a ``generator`` draws from that one,
others from the default generator; :mod:`minicnn.data.seeding` says when a loader decides instead.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any, Generic, TypeVar

import numpy as np

from ..random import Generator
from ..tensor import Tensor
from .seeding import sampler_generator

Index = TypeVar("Index")


class Sampler(Generic[Index]):
    """Gives indices by iteration; a subclass defines ``__iter__`` and, for ``len``, ``__len__``.

    Args:
        data_source: without effect, as in earlier versions of torch.
    """

    def __init__(self, data_source: Sized | None = None) -> None:
        """Does nothing."""

    def __iter__(self) -> Iterator[Index]:
        raise NotImplementedError(f"{type(self).__name__} must define __iter__()")


class SequentialSampler(Sampler[int]):
    """0, 1, 2, …"""

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class EndlessSampler(Sampler[None]):
    """None for ever: a place in a batch, which the next sample of an iterable dataset takes."""

    def __iter__(self) -> Iterator[None]:
        return itertools.repeat(None)


class RandomSampler(Sampler[int]):
    """All indices in random order, or random indices with replacement.

    Args:
        data_source: the dataset; only its length matters.
        replacement: whether an index may be drawn twice.
        num_samples: how many to draw, ``len(data_source)`` when left out. More than that without
            replacement goes through the data several times, as in torch.
        generator: draws the indices. When left out, the default generator draws a seed for a new
            one, as in torch.

    Raises:
        TypeError: if ``replacement`` is not a bool.
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
        self._num_samples = num_samples
        if not isinstance(replacement, bool):
            raise TypeError(f"replacement must be a bool, got {replacement!r}")
        if not isinstance(self.num_samples, int) or self.num_samples <= 0:
            raise ValueError(f"num_samples must be positive, got {self.num_samples}")

    @property
    def num_samples(self) -> int:
        """How many indices it gives."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        generator = sampler_generator(self.generator)
        if generator is not self.generator:
            generator = Generator().manual_seed(generator.random_())
        size, left = len(self.data_source), self.num_samples
        if self.replacement:
            for _ in range(left // 32):  # torch draws so many at once
                yield from generator.integers(0, size, 32).tolist()
            yield from generator.integers(0, size, left % 32).tolist()
            return
        for _ in range(left // size):
            yield from generator.permutation(size).tolist()
        # torch draws this permutation, too, when nothing of it is needed
        yield from generator.permutation(size)[: left % size].tolist()

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """The given indices in random order."""

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        for i in sampler_generator(self.generator).permutation(len(self.indices)).tolist():
            yield self.indices[i]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """Indices 0 … len(weights) - 1, drawn with probabilities proportional to ``weights``.

    Args:
        weights: one number >= 0 for each sample; they need not add up to 1.
        num_samples: how many to draw.
        replacement: whether an index may be drawn twice.
        generator: the default generator when left out.

    Raises:
        ValueError: for weights that are not 1-D, are negative or all zero; without replacement,
            if fewer than ``num_samples`` weights are above 0.
    """

    def __init__(
        self,
        weights: Sequence[float] | Tensor,
        num_samples: int,
        replacement: bool = True,
        generator: Generator | None = None,
    ) -> None:
        array = np.asarray(weights.tolist() if isinstance(weights, Tensor) else weights, np.float64)
        self.weights = Tensor.of(array)
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator
        if not isinstance(num_samples, int) or isinstance(num_samples, bool) or num_samples <= 0:
            raise ValueError(f"num_samples must be positive, got {num_samples}")
        if not isinstance(replacement, bool):
            raise ValueError(  # noqa: TRY004  as torch
                f"replacement must be a bool, got {replacement!r}"
            )
        if array.ndim != 1:
            raise ValueError(f"weights must be 1-D, got shape {array.shape}")
        positive = int((array > 0).sum())
        if positive == 0 or not (array >= 0).all():
            raise ValueError("weights must be >= 0 with at least one above 0")
        if not replacement and num_samples > positive:
            raise ValueError(
                f"cannot draw {num_samples} samples without replacement from {positive} with a "
                "weight above 0"
            )

    def __iter__(self) -> Iterator[int]:
        weights = self.weights.array
        generator = sampler_generator(self.generator)
        drawn = generator.choice(len(weights), self.num_samples, self.replacement, weights)
        yield from drawn.tolist()

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """Lists of ``batch_size`` indices from another sampler.

    Args:
        sampler: any iterable of indices.
        batch_size: indices in a list.
        drop_last: drop the last list if it is shorter than the others.

    Raises:
        ValueError: if ``batch_size`` is not a positive integer, or ``drop_last`` no bool.
    """

    def __init__(self, sampler: Iterable[Any], batch_size: int, drop_last: bool) -> None:
        if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size <= 0:
            raise ValueError(f"batch_size must be a positive integer, got {batch_size!r}")
        if not isinstance(drop_last, bool):
            raise ValueError(f"drop_last must be a bool, got {drop_last!r}")  # noqa: TRY004  as torch
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        indices = iter(self.sampler)
        while batch := list(itertools.islice(indices, self.batch_size)):
            if len(batch) < self.batch_size and self.drop_last:
                return
            yield batch

    def __len__(self) -> int:
        size = len(self.sampler)  # type: ignore[arg-type]
        return size // self.batch_size if self.drop_last else -(-size // self.batch_size)
