"""Datasets that give their samples one after the other, in an order of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from .dataset import Dataset, Sample


class IterableDataset(Dataset[Sample], Iterable[Sample]):
    """Samples by iteration; subclasses define ``__iter__``, and ``__len__`` if it is known.

    A loader takes the samples in their order. With workers each one iterates, so each must give
    samples of its own: :func:`get_worker_info` says which worker it is. Threads have copies of the
    dataset as ``copy.copy`` makes them. :mod:`minicnn.data.loading` has the epoch, and tells the loader
    of broken samples.
    """

    def __iter__(self) -> Iterator[Sample]:
        raise NotImplementedError(f"{type(self).__name__} must define __iter__()")

    def __add__(self, other: Dataset[Any]) -> ChainDataset:  # type: ignore[override]
        return ChainDataset([self, other])


class ChainDataset(IterableDataset[Any]):
    """Iterable datasets one after the other.

    Raises:
        TypeError: on iterating, for a dataset of another kind.
    """

    def __init__(self, datasets: Iterable[Dataset[Any]]) -> None:
        self.datasets = datasets

    def __iter__(self) -> Iterator[Any]:
        for dataset in self._iterables():
            yield from dataset

    def __len__(self) -> int:
        return sum(map(len, self._iterables()))  # type: ignore[arg-type]

    def _iterables(self) -> Iterator[IterableDataset[Any]]:
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                raise TypeError(
                    f"ChainDataset expects iterable datasets, got {type(dataset).__name__}"
                )
            yield dataset
