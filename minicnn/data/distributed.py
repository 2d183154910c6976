"""DistributedSampler: the share that one of several programs has of a dataset."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sized

from ..random import Generator
from .sampler import Sampler


class DistributedSampler(Sampler[int]):
    """Every ``num_replicas``-th index, from number ``rank`` on, as torch's.

    Args:
        dataset: only its length matters.
        num_replicas: how many programs share the dataset; 1 when left out, as minicnn does not
            connect programs.
        rank: which of them this is, from 0, which is what it is when left out.
        shuffle: take the indices in an order that (seed, epoch) decides.
        seed: the same in all programs.
        drop_last: leave out indices at the end, so that all have equally many. Otherwise the first
            ones are added again.

    Raises:
        ValueError: if ``rank`` is not in [0, num_replicas).
    """

    def __init__(
        self,
        dataset: Sized,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        self.dataset = dataset
        self.num_replicas = 1 if num_replicas is None else num_replicas
        self.rank = 0 if rank is None else rank
        if not 0 <= self.rank < self.num_replicas:
            raise ValueError(f"rank must be in [0, {self.num_replicas}), got {self.rank}")
        self.epoch = 0
        self.drop_last = drop_last
        rounded = math.floor if drop_last else math.ceil
        self.num_samples = rounded(len(dataset) / self.num_replicas)
        self.total_size = self.num_samples * self.num_replicas
        self.shuffle = shuffle
        self.seed = seed

    def __iter__(self) -> Iterator[int]:
        indices = list(range(len(self.dataset)))
        if self.shuffle:
            generator = Generator().manual_seed(self.seed + self.epoch)
            indices = generator.permutation(len(indices)).tolist()
        if len(indices) < self.total_size:
            indices *= math.ceil(self.total_size / len(indices))
        return iter(indices[self.rank : self.total_size : self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch, for another order."""
        self.epoch = epoch
