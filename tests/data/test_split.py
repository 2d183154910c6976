from __future__ import annotations

import numpy as np
import pytest

from minicnn.data import (
    Dataset,
    Subset,
    TransformDataset,
    balanced_subset,
    stratified_split,
)
from minicnn.data.split import targets_of


class Labelled(Dataset):
    def __init__(self, *counts: int) -> None:
        self.targets = [label for label, count in enumerate(counts) for _ in range(count)]

    def __len__(self) -> int:
        return len(self.targets)


def counts(subset: Subset) -> list[int]:
    return np.bincount(targets_of(subset), minlength=2).tolist()


def test_stratified_split_keeps_the_shares_and_loses_nothing():
    dataset = Labelled(100, 60)
    train, val = stratified_split(dataset, 0.1, seed=3)
    assert counts(train) == [90, 54] and counts(val) == [10, 6]
    assert sorted([*train.indices, *val.indices]) == list(range(160))


def test_stratified_split_depends_on_its_seed_alone():
    first, second, other = (
        stratified_split(Labelled(100, 60), 0.1, seed)[1].indices for seed in (1, 1, 2)
    )
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_stratified_split_leaves_one_of_each_class_on_both_sides():
    train, val = stratified_split(Labelled(2, 30), 0.01)
    assert counts(val) == [1, 1] and counts(train) == [1, 29]
    with pytest.raises(ValueError, match="at least 2"):
        stratified_split(Labelled(1, 30), 0.1)


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 20])
def test_stratified_split_fraction(fraction):
    with pytest.raises(ValueError, match="val_fraction must be between 0 and 1"):
        stratified_split(Labelled(5, 5), fraction)


@pytest.mark.parametrize(
    ("n", "expected"), [(6, [3, 3]), (7, [4, 3]), (50, [40, 10]), (99, [60, 10])]
)
def test_balanced_subset(n, expected):
    subset = balanced_subset(Labelled(60, 10), n)
    assert counts(subset) == expected
    assert len(set(subset.indices)) == len(subset)


def test_balanced_subsets_of_one_seed_are_nested():
    small, large = (balanced_subset(Labelled(60, 60), n, seed=5).indices for n in (10, 20))
    assert set(small) < set(large)
    assert set(small) != set(range(5)) | set(range(60, 65))  # drawn, not the first ones
    with pytest.raises(ValueError, match="must be positive"):
        balanced_subset(Labelled(5, 5), 0)


def test_targets_go_through_wrappers():
    dataset = TransformDataset(Subset(Labelled(2, 2) + Labelled(0, 3), [3, 0, 6]), str)
    assert targets_of(dataset).tolist() == [1, 0, 1]
    with pytest.raises(TypeError, match="Dataset has no `targets`"):
        targets_of(Dataset())
