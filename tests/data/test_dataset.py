from __future__ import annotations

import numpy as np
import pytest

from minicnn.data import (
    ConcatDataset,
    Dataset,
    Subset,
    TensorDataset,
    TransformDataset,
    random_split,
)
from minicnn.random import Generator
from minicnn.tensor import Tensor


class Squares(Dataset):
    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> tuple[int, str]:
        return index * index, "label"

    def describe(self, index: int) -> str:
        return f"square of {index}"


def test_tensor_dataset_cuts_along_the_first_dimension():
    x, y = np.arange(12.0, dtype=np.float32).reshape(4, 3), np.arange(4)
    dataset = TensorDataset(Tensor.of(x), Tensor.of(y))
    row, label = dataset[2]
    assert len(dataset) == 4
    assert row.numpy().tolist() == [6, 7, 8] and label.item() == 2


@pytest.mark.parametrize("sizes", [(), (3, 4)])
def test_tensor_dataset_rejects_different_or_no_sizes(sizes):
    with pytest.raises(ValueError, match="equal first dimensions"):
        TensorDataset(*(Tensor.of(np.zeros(size)) for size in sizes))


def test_subset_takes_its_indices_and_names_the_original_sample():
    subset = Subset(Squares(10), [7, 2])
    assert [subset[i][0] for i in range(len(subset))] == [49, 4]
    assert subset.describe(0) == "square of 7"


def test_concat_finds_the_part_and_counts_from_the_end_too():
    joined = Squares(3) + Squares(2)
    assert [joined[i][0] for i in range(5)] == [0, 1, 4, 0, 1]
    assert joined[-1][0] == 1 and joined[-5][0] == 0
    assert joined.describe(4) == "square of 1"
    for index in (5, -6):
        with pytest.raises(IndexError, match="out of range"):
            joined[index]
    with pytest.raises(ValueError, match="at least one"):
        ConcatDataset([])


def test_concat_passes_over_empty_parts():
    joined = ConcatDataset([Squares(0), Squares(2), Squares(0), Squares(1)])
    assert [joined[i][0] for i in range(3)] == [0, 1, 0]


def test_transform_dataset_changes_the_first_item_only():
    dataset = TransformDataset(Squares(4), lambda number: -number)
    assert dataset[3] == (-9, "label")
    assert dataset.describe(3) == "square of 3"


@pytest.mark.parametrize(
    ("lengths", "sizes"),
    [
        ([6, 4], [6, 4]),
        ([0.8, 0.2], [8, 2]),
        ([1 / 3, 1 / 3, 1 / 3], [4, 3, 3]),  # the remainder goes round
        ([0.5, 0.25], None),
        ([6, 5], None),
        ([11, -1], None),
        ([1.5, -0.5], None),
    ],
)
def test_random_split(lengths, sizes):
    if sizes is None:
        with pytest.raises(ValueError, match=r"add up|between 0 and 1"):
            random_split(Squares(10), lengths)
        return
    parts = random_split(Squares(10), lengths, Generator().manual_seed(3))
    assert [len(part) for part in parts] == sizes
    assert sorted(part[i][0] for part in parts for i in range(len(part))) == [
        i * i for i in range(10)
    ]


def test_random_split_repeats_with_its_seed():
    first, second, other = (
        random_split(Squares(50), [25, 25], Generator().manual_seed(seed))[0].indices
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)
