from __future__ import annotations

import numpy as np
import pytest

from minicnn.data import (
    BatchSampler,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from minicnn.random import Generator


def test_sequential():
    assert list(SequentialSampler("abcd")) == [0, 1, 2, 3]


def test_random_visits_all_once_in_a_new_order_each_time():
    sampler = RandomSampler(range(40), generator=Generator().manual_seed(0))
    first, second = list(sampler), list(sampler)
    assert sorted(first) == sorted(second) == list(range(40))
    assert first != second
    assert first == list(RandomSampler(range(40), generator=Generator().manual_seed(0)))


def test_random_more_than_there_are_goes_round():
    drawn = list(RandomSampler(range(5), num_samples=12, generator=Generator().manual_seed(0)))
    assert len(drawn) == 12
    assert sorted(drawn[:5]) == sorted(drawn[5:10]) == list(range(5))


def test_random_with_replacement_repeats_some():
    drawn = list(RandomSampler(range(50), replacement=True, generator=Generator().manual_seed(0)))
    assert len(drawn) == 50 and len(set(drawn)) < 50


def test_random_with_replacement_may_have_no_end():
    drawn = iter(RandomSampler(range(3), replacement=True, num_samples=10**18))
    assert {next(drawn) for _ in range(100)} == {0, 1, 2}


@pytest.mark.parametrize("size", [0, -1])
def test_random_needs_samples(size):
    with pytest.raises(ValueError, match="must be positive"):
        RandomSampler(range(3), num_samples=size)


def test_subset_random():
    drawn = list(SubsetRandomSampler([3, 7, 11, 15, 19], Generator().manual_seed(1)))
    assert sorted(drawn) == [3, 7, 11, 15, 19]


def test_weighted_draws_in_proportion():
    drawn = list(WeightedRandomSampler([1, 0, 3], 4000, generator=Generator().manual_seed(0)))
    counts = np.bincount(drawn, minlength=3)
    assert counts[1] == 0
    assert counts[2] / counts[0] == pytest.approx(3, rel=0.15)


def test_weighted_without_replacement():
    drawn = list(
        WeightedRandomSampler([1, 2, 3], 3, replacement=False, generator=Generator().manual_seed(0))
    )
    assert sorted(drawn) == [0, 1, 2]


@pytest.mark.parametrize(
    ("weights", "count", "message"),
    [
        ([1, 2], 0, "num_samples"),
        ([[1, 2]], 1, "1-D"),
        ([0, 0], 1, "above 0"),
        ([1, -1], 1, "above 0"),
        ([1, 0, 1], 3, "without replacement"),
    ],
)
def test_weighted_rejects(weights, count, message):
    with pytest.raises(ValueError, match=message):
        WeightedRandomSampler(weights, count, replacement=False)


@pytest.mark.parametrize(
    ("drop_last", "batches"), [(False, [[0, 1, 2], [3, 4, 5], [6]]), (True, [[0, 1, 2], [3, 4, 5]])]
)
def test_batch(drop_last, batches):
    sampler = BatchSampler(range(7), 3, drop_last)
    assert list(sampler) == batches
    assert len(sampler) == len(batches)


@pytest.mark.parametrize("size", [0, -1, 1.5, True, None])
def test_batch_size_must_be_positive(size):
    with pytest.raises(ValueError, match="batch_size must be a positive integer"):
        BatchSampler(range(7), size, False)
