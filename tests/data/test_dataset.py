from __future__ import annotations

import numpy as np
import pytest

from minicnn.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    StackDataset,
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


def test_stack_dataset_puts_samples_side_by_side():
    pairs = StackDataset(range(3), "abc")
    assert pairs[1] == (1, "b") and len(pairs) == 3
    named = StackDataset(number=range(3), square=Squares(3))
    assert named[2] == {"number": 2, "square": (4, "label")}
    assert named.__getitems__([0, 2]) == [named[0], named[2]]
    assert StackDataset(Squares(3), Squares(3)).describe(1) == "square of 1, square of 1"


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((), {}, "either positional or by name"),
        (([1],), {"a": [1]}, "either positional or by name"),
        (([1], [1, 2]), {}, r"equal lengths, got \[1, 2\]"),
    ],
)
def test_stack_dataset_rejects(args, kwargs, message):
    with pytest.raises(ValueError, match=message):
        StackDataset(*args, **kwargs)


class InBatches(Squares):
    """Counts how often a list of samples was asked for."""

    asked = 0

    def __getitems__(self, indices: list[int]) -> list[int]:
        self.asked += 1
        return [index * index for index in indices]


@pytest.mark.parametrize(
    "wrapped", [lambda d: d, lambda d: Subset(d, range(6)), lambda d: StackDataset(d)]
)
def test_a_loader_asks_for_whole_batches_where_it_can(wrapped):
    dataset = InBatches(6)
    batches = list(DataLoader(wrapped(dataset), 3))
    assert dataset.asked == 2
    assert np.ravel(batches[1][0] if isinstance(batches[1], list) else batches[1]).tolist() == [
        9,
        16,
        25,
    ]


def test_a_subset_of_single_samples_names_the_one_that_fails():
    class Failing(Squares):
        def __getitem__(self, index: int) -> int:
            raise OSError("gone")

    with pytest.raises(OSError, match=r"in sample 0 \(square of 4\): gone"):
        list(DataLoader(Subset(Failing(6), [4]), 1))


def test_a_subset_takes_lists_and_indices_of_any_kind():
    x = Tensor.of(np.arange(6) * 10)
    assert Subset(x, [1, 3, 5])[[0, 2]].tolist() == [10, 50]
    assert Subset(x, Tensor.of(np.array([2, 4])))[1].item() == 40
    assert Subset({"a": 1}, ["a"])[0] == 1


def test_an_empty_part_warns():
    with pytest.warns(UserWarning, match=r"an empty part: sizes \[1, 0\]"):
        random_split(Squares(1), [0.5, 0.5])


def test_a_dataset_need_not_have_a_length():
    class Endless(Dataset[int]):
        def __getitem__(self, index: int) -> int:
            return index

    assert not hasattr(Endless(), "__len__")
    assert [b.tolist() for b in DataLoader(Endless(), 2, sampler=[7, 8, 9])] == [[7, 8], [9]]
    with pytest.raises(NotImplementedError, match="must define __getitem__"):
        Dataset()[0]
