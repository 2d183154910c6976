"""Datasets: a length and samples by index; and ways to split, join and wrap them."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from ..random import Generator
from ..tensor import Tensor
from ..warn import warn
from .seeding import current_generator

Sample = TypeVar("Sample")


class SkipSample(Exception):
    """Raised by ``dataset[index]`` so that a ``DataLoader`` leaves this sample out of its batch.

    The loader lists such samples in ``DataLoader.skipped``. With ``warn`` it warns about each of
    them, otherwise once at the end of the epoch.
    """

    warn = False


class Dataset(Generic[Sample]):
    """Samples by index; subclasses define ``__getitem__`` and mostly ``__len__``, as in torch.

    A subclass may also define ``describe(index)``, which error messages use to name a sample, and
    ``__getitems__(indices)``, which returns a list of samples, if that is faster than one by one.
    """

    def __getitem__(self, index: Any) -> Sample:
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__(index)")

    def describe(self, index: int) -> str:
        """The source of sample ``index``, such as a file's path."""
        return type(self).__name__

    def __add__(self, other: Dataset[Any]) -> ConcatDataset:
        return ConcatDataset([self, other])


def describe(dataset: Any, index: Any) -> str:
    """``dataset.describe(index)`` if it is a :class:`Dataset`, else the name of its type."""
    if isinstance(dataset, Dataset):
        return dataset.describe(index)
    return type(dataset).__name__


def batch_getter(dataset: Any) -> Callable[[list[Any]], list[Any]] | None:
    """``dataset.__getitems__``, unless there is none or it would load the samples one by one."""
    method = getattr(type(dataset), "__getitems__", None)
    if method is Subset.__getitems__:
        parts = [dataset.dataset]
    elif method is StackDataset.__getitems__:
        parts = dataset.parts()
    else:
        return getattr(dataset, "__getitems__", None)
    return dataset.__getitems__ if any(map(batch_getter, parts)) else None


def _samples(dataset: Any, indices: list[Any]) -> list[Any]:
    getter = batch_getter(dataset)
    return [dataset[index] for index in indices] if getter is None else getter(indices)


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Tensors cut along their first dimension: sample i is ``(tensors[0][i], tensors[1][i], …)``.

    Raises:
        ValueError: if there is no tensor, or their first dimensions differ.
    """

    def __init__(self, *tensors: Tensor) -> None:
        sizes = [len(tensor) for tensor in tensors]
        if not sizes or len(set(sizes)) > 1:
            raise ValueError(
                f"TensorDataset expects tensors with equal first dimensions, got {sizes}"
            )
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        return len(self.tensors[0])


class StackDataset(Dataset[Any]):
    """Several datasets side by side: sample i holds sample i of each.

    Args:
        args: the datasets, for samples that are tuples.
        kwargs: or the datasets by name, for samples that are dicts.

    Raises:
        ValueError: if there is none, both kinds are given, or their lengths differ.
    """

    datasets: tuple[Any, ...] | dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if bool(args) == bool(kwargs):
            raise ValueError("StackDataset expects datasets, either positional or by name")
        self.datasets = args or kwargs
        sizes = [len(dataset) for dataset in self.parts()]
        if len(set(sizes)) > 1:
            raise ValueError(f"StackDataset expects datasets of equal lengths, got {sizes}")

    def parts(self) -> list[Any]:
        """The datasets, without their names."""
        datasets = self.datasets
        return list(datasets.values() if isinstance(datasets, dict) else datasets)

    def _named(self, items: Iterable[Any]) -> Any:
        if isinstance(self.datasets, dict):
            return dict(zip(self.datasets, items))
        return tuple(items)

    def __getitem__(self, index: Any) -> Any:
        return self._named(dataset[index] for dataset in self.parts())

    def __getitems__(self, indices: list[Any]) -> list[Any]:
        columns = [_samples(dataset, indices) for dataset in self.parts()]
        return [self._named(items) for items in zip(*columns, strict=True)]

    def __len__(self) -> int:
        return len(self.parts()[0])

    def describe(self, index: int) -> str:
        return ", ".join(describe(dataset, index) for dataset in self.parts())


class Subset(Dataset[Any]):
    """The samples of ``dataset`` at ``indices``."""

    def __init__(self, dataset: Any, indices: Sequence[int] | np.ndarray) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, list):
            return self.dataset[[self._original(i) for i in index]]
        return self.dataset[self._original(index)]

    def __getitems__(self, indices: list[Any]) -> list[Any]:
        return _samples(self.dataset, [self._original(i) for i in indices])

    def __len__(self) -> int:
        return len(self.indices)

    def describe(self, index: int) -> str:
        return describe(self.dataset, self._original(index))

    def _original(self, index: Any) -> Any:
        original = self.indices[index]
        return original.item() if hasattr(original, "item") else original  # NumPy's, or a tensor's


class ConcatDataset(Dataset[Any]):
    """Several datasets joined end to end.

    Raises:
        ValueError: for an empty list.
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset expects at least one dataset, got none")
        self.cumulative_sizes = list(itertools.accumulate(len(d) for d in self.datasets))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> Any:
        dataset, local = self._find(index)
        return dataset[local]

    def describe(self, index: int) -> str:
        return describe(*self._find(index))

    def _find(self, index: int) -> tuple[Any, int]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} is out of range for {len(self)} samples")
        index %= len(self)
        number = bisect.bisect_right(self.cumulative_sizes, index)
        start = self.cumulative_sizes[number - 1] if number else 0
        return self.datasets[number], index - start


class TransformDataset(Dataset[Any]):
    """``dataset`` with ``transform`` applied to the first item of each sample.

    It gives the two parts of a split different transforms: split a dataset without a transform,
    then wrap each part. torch has no such class.
    """

    def __init__(self, dataset: Any, transform: Callable[[Any], Any]) -> None:
        self.dataset = dataset
        self.transform = transform

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        first, *rest = self.dataset[index]
        return self.transform(first), *rest

    def __len__(self) -> int:
        return len(self.dataset)

    def describe(self, index: int) -> str:
        return describe(self.dataset, index)


def random_split(
    dataset: Any, lengths: Sequence[int | float], generator: Generator | None = None
) -> list[Subset]:
    """Cuts a dataset at random into parts that do not overlap, as torch's ``random_split``.

    Args:
        dataset: anything with a length.
        lengths: sizes that add up to ``len(dataset)``, or fractions that add up to 1. Fractions
            are rounded down; the samples left over go to the parts in turn, one each.
        generator: draws the order; the default generator when left out.

    Returns:
        One subset for each length.

    Raises:
        ValueError: if the lengths do not add up, or a fraction is not in [0, 1].
    """
    sizes = _sizes(lengths, len(dataset))
    drawn = current_generator() if generator is None else generator
    order = drawn.permutation(len(dataset)).tolist()
    starts = itertools.accumulate(sizes, initial=0)
    return [Subset(dataset, order[a : a + n]) for a, n in zip(starts, sizes, strict=False)]


def _sizes(lengths: Sequence[int | float], total: int) -> list[int]:
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1 + 1e-9:
        for fraction in lengths:
            if not 0 <= fraction <= 1:
                raise ValueError(f"fractions must be between 0 and 1, got {list(lengths)}")
        sizes = [math.floor(total * fraction) for fraction in lengths]
        for i in range(total - sum(sizes)):
            sizes[i % len(sizes)] += 1
        if 0 in sizes:
            warn(f"random_split makes an empty part: sizes {sizes}")
        return sizes
    if sum(lengths) != total or any(n != int(n) or n < 0 for n in lengths):
        raise ValueError(
            f"lengths must add up to the dataset's {total} samples (or be fractions that add up "
            f"to 1), got {list(lengths)}"
        )
    return [int(n) for n in lengths]
