"""The pictures of a run by name, so that a resumed run never trains on one it validates with."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..data import Dataset, Subset
from ..data.dataset import describe
from ..data.picture import SkippedPicture

__all__ = ["NamedPictures", "names_of"]


def names_of(dataset: Any, folder: Path) -> list[str]:
    """What ``describe`` says of each sample: the path of its file, from ``folder`` if it is inside.

    Raises:
        ValueError: if two samples have the same name.
    """
    prefix = f"{folder}{os.sep}"
    names = [describe(dataset, index).removeprefix(prefix) for index in range(len(dataset))]
    if len(set(names)) < len(names):
        raise ValueError(f"the samples of {type(dataset).__name__} have no names of their own")
    return names


class NamedPictures(Dataset):
    """The pictures with these names, in this order; one that is gone counts as broken.

    Args:
        names: of :func:`names_of`.
        dataset: has the pictures and may have others; the whole dataset of a :class:`Subset` is used.
        folder: as for :func:`names_of`.

    Attributes:
        gone: names without a picture.
    """

    def __init__(self, names: Sequence[str], dataset: Any, folder: Path) -> None:
        while isinstance(dataset, Subset):
            dataset = dataset.dataset
        self.names, self.dataset = names, dataset
        self._index = {name: index for index, name in enumerate(names_of(dataset, folder))}
        self.gone = [name for name in names if name not in self._index]

    def __getitem__(self, index: int) -> Any:
        name = self.names[index]
        if name not in self._index:
            raise SkippedPicture(f"{name}: is gone since the run began")
        return self.dataset[self._index[name]]

    def __len__(self) -> int:
        return len(self.names)

    def describe(self, index: int) -> str:
        """The picture's path."""
        return self.names[index]
