"""The share that one of several processes has of a dataset, or of each batch."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sized

from ..random import Generator
from .sampler import Sampler


class DistributedSampler(Sampler[int]):
    """Every ``num_replicas``-th index, from number ``rank`` on.

    To train, all processes have equally many samples, and so batches. To evaluate, nobody may be
    counted twice: ``DistributedSampler(dataset, shuffle=False, pad=False)``, and add up the counts of
    all processes.

    Args:
        dataset: only its length matters.
        num_replicas: how many processes share the dataset; as many as there are when left out.
        rank: which of them this is, from 0; this one when left out.
        shuffle: take the indices in an order that (seed, epoch) decides.
        seed: the same in all processes.
        drop_last: leave out indices at the end, so that all have equally many.
        pad: without ``drop_last``, add the first indices again, so that all have equally many.
            False: some processes have one sample less, and each sample is in one process.

    Raises:
        ValueError: if ``rank`` is not in [0, num_replicas).

    As ``torch.utils.data.DistributedSampler``, which always pads.
    """

    def __init__(
        self,
        dataset: Sized,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
        *,
        pad: bool = True,
    ) -> None:
        from ..distributed import get_rank, get_world_size  # not for every program with a loader

        self.dataset = dataset
        self.num_replicas = get_world_size() if num_replicas is None else num_replicas
        self.rank = get_rank() if rank is None else rank
        if not 0 <= self.rank < self.num_replicas:
            raise ValueError(f"rank must be in [0, {self.num_replicas}), got {self.rank}")
        self.epoch = 0
        self.drop_last = drop_last
        rounded = math.floor if drop_last else math.ceil
        self.num_samples = rounded(len(dataset) / self.num_replicas)
        self.total_size = self.num_samples * self.num_replicas
        if not pad and not drop_last:
            self.total_size = len(dataset)
            self.num_samples = len(range(self.rank, self.total_size, self.num_replicas))
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

    @property
    def share(self) -> tuple[int, int]:
        """(rank, num_replicas), by which a loader knows the position of a sample in the epoch."""
        return self.rank, self.num_replicas

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch, for another order."""
        self.epoch = epoch


class DistributedBatchSampler(Sampler[list[int]]):
    """The share that one of several processes has of each batch of another sampler.

    All processes draw the same batches, so the order, the number of batches and the size of a whole
    batch are those of one process, whatever the number of processes. In the order of the epoch, the
    processes take one sample each in turn. A share of a small batch may be empty; a
    :class:`DataLoader` leaves such a batch out, but counts it.

    Args:
        batch_sampler: gives the whole batches, the same ones in all processes.
        num_replicas: how many processes share them; as many as there are when left out.
        rank: which of them this is, from 0; this one when left out.
    """

    def __init__(
        self,
        batch_sampler: Collection[list[int]],
        num_replicas: int | None = None,
        rank: int | None = None,
    ) -> None:
        from ..distributed import get_rank, get_world_size

        self.batch_sampler = batch_sampler
        self.num_replicas = get_world_size() if num_replicas is None else num_replicas
        self.rank = get_rank() if rank is None else rank

    def __iter__(self) -> Iterator[list[int]]:
        drawn = 0
        for batch in self.batch_sampler:
            yield batch[(self.rank - drawn) % self.num_replicas :: self.num_replicas]
            drawn += len(batch)

    def __len__(self) -> int:
        return len(self.batch_sampler)

    @property
    def share(self) -> tuple[int, int]:
        """(rank, num_replicas), by which a loader knows the position of a sample in the epoch."""
        return self.rank, self.num_replicas
