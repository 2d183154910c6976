"""Who reads which samples: shards are shared out among programs and their loaders' workers."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import NamedTuple

from ..worker_info import get_worker_info

__all__ = ["Reader", "rank_and_world_size"]


def rank_and_world_size() -> tuple[int, int]:
    """The number of this program among those that train together, and how many there are.

    As ``minicnn.distributed`` knows them once it is initialized, else as ``RANK`` and ``WORLD_SIZE``
    in the environment say.

    Raises:
        ValueError: if these do not fit each other.
    """
    distributed = sys.modules.get(
        "minicnn.distributed"
    )  # who has not imported it is not part of it
    if distributed is not None and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    rank, world_size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    if not 0 <= rank < world_size:
        raise ValueError(f"RANK must be from 0 to WORLD_SIZE - 1, got {rank} of {world_size}")
    return rank, world_size


class Reader(NamedTuple):
    """One of several that read a dataset together.

    Attributes:
        number: its own, from 0.
        readers: how many there are.
    """

    number: int
    readers: int

    @classmethod
    def current(cls, rank: int, world_size: int) -> Reader:
        """The worker of a loader that this code runs in, among those of all programs."""
        info = get_worker_info()
        worker, workers = (0, 1) if info is None else (info.id, info.num_workers)
        return cls(worker * world_size + rank, workers * world_size)

    def share(self, shards: int) -> Iterator[tuple[int, int, int]]:
        """What it reads of some shards, so that all readers together read each sample once.

        Each shard is read by one reader. If there are fewer shards than readers, several read the
        same one, and each takes every n-th sample of it.

        Returns:
            The number of a shard, the first sample to take, and n.
        """
        if shards >= self.readers:
            yield from ((shard, 0, 1) for shard in range(self.number, shards, self.readers))
        else:
            shard = self.number % shards
            yield shard, self.number // shards, len(range(shard, self.readers, shards))
