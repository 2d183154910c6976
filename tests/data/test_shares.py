"""Processes that share a dataset: who gets which samples, and how they are augmented."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import data

pytestmark = pytest.mark.cpu_only


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9])
@pytest.mark.parametrize("shuffle", [False, True])
def test_without_padding_nobody_is_counted_twice(length: int, shuffle: bool) -> None:
    shares = [
        data.DistributedSampler(range(length), 4, rank, shuffle=shuffle, pad=False)
        for rank in range(4)
    ]
    taken = [list(share) for share in shares]
    assert sorted(index for own in taken for index in own) == list(range(length))
    assert [len(share) for share in shares] == [len(own) for own in taken]
    assert max(map(len, taken)) - min(map(len, taken)) <= 1


def test_the_process_group_decides_who_this_is() -> None:
    share = data.DistributedSampler(range(5))
    assert (share.rank, share.num_replicas) == (0, 1)


class Noisy(data.Dataset[Any]):
    """Samples that draw a number, as augmentation does."""

    def __len__(self) -> int:
        return 12

    def __getitem__(self, index: int) -> tuple[int, float]:
        return index, float(mc.rand(1, generator=data.current_generator()))


@pytest.mark.parametrize("num_workers", [0, 2])
def test_augmentation_goes_by_the_position_in_the_epoch(num_workers: int) -> None:
    def epoch(processes: int, rank: int, batch_size: int) -> list[Any]:
        sampler = data.DistributedSampler(Noisy(), processes, rank)
        loader = data.DataLoader(Noisy(), batch_size, sampler=sampler, num_workers=num_workers)
        loader.seed = 3
        loader.set_epoch(5)
        return list(loader)

    whole = epoch(1, 0, 6)
    parts = [epoch(3, rank, 2) for rank in range(3)]
    for number, (indices, drawn) in enumerate(whole):
        shares = [part[number] for part in parts]
        for rank, (own_indices, own_drawn) in enumerate(shares):
            np.testing.assert_array_equal(own_indices.array, indices.array[rank::3])
            np.testing.assert_array_equal(own_drawn.array, drawn.array[rank::3])


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_shares_of_batches(size: int) -> None:
    """All processes draw the same batches, and sample number i of the epoch is in process i % size."""
    whole = data.BatchSampler(range(100, 111), 4, False)
    shares = [data.DistributedBatchSampler(whole, size, rank) for rank in range(size)]
    taken = [list(share) for share in shares]
    for number, batch in enumerate(whole):
        own = [batches[number] for batches in taken]
        assert sorted(index for part in own for index in part) == batch
        for rank, part in enumerate(own):
            assert all((index - 100) % size == rank for index in part)
    assert [len(share) for share in shares] == [3] * size


def test_a_loader_counts_an_empty_share() -> None:
    sampler = data.DistributedBatchSampler(data.BatchSampler(range(5), 4, False), 3, 2)
    for dataset in Noisy(), data.TensorDataset(mc.arange(12)):
        loader = data.DataLoader(dataset, batch_sampler=sampler)
        assert [batch[0].tolist() for batch in loader] == [[2]]
        assert loader.batch == 2
