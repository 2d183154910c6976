"""Pictures that are decoded once and then stay in memory, as arrays of bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image
from tqdm import tqdm

from .dataset import Dataset, SkipSample, describe
from .loader import DataLoader

__all__ = ["DecodedPictures"]

_CHUNK = 64  # pictures that a worker decodes at a time
_NONE = np.zeros((0, 0, 3), np.uint8)


class DecodedPictures(Dataset[tuple[np.ndarray, int]]):
    """The pictures of a dataset with their labels, decoded in advance by several threads.

    A broken picture is noticed now and raised when its sample is asked for, so that a
    :class:`DataLoader` leaves it out as usual.

    Args:
        dataset: gives (picture in mode RGB, label).
        transform: called with each picture once, returns a picture: what is the same in all epochs.
        num_workers: threads; Pillow lets them run at the same time.

    Attributes:
        pictures: uint8, (H, W, 3) each; without pixels where one is broken.
        sizes: height and width of each, (N, 2) of int64.
        labels: (N,) of int64.
        broken: what the dataset raised, by index.

    Raises:
        ValueError: for a picture in another mode.
        Exception: whatever ``dataset[index]`` raises, unless it is a :class:`SkipSample`.
    """

    def __init__(
        self, dataset: Any, transform: Callable[[Image.Image], Image.Image], num_workers: int = 0
    ) -> None:
        self.dataset = dataset
        self.pictures: list[np.ndarray] = []
        self.sizes = np.zeros((len(dataset), 2), np.int64)
        self.labels = np.zeros(len(dataset), np.int64)
        self.broken: dict[int, SkipSample] = {}
        loader: DataLoader[Any] = DataLoader(
            _Decoding(dataset, transform), _CHUNK, num_workers=num_workers, collate_fn=list
        )
        loader.seed = 0  # so that it draws none: nothing here is random
        loader.set_epoch(0)
        with tqdm(
            total=len(dataset), desc="decoding", unit="picture", disable=None, leave=False
        ) as bar:
            for samples in loader:
                for picture, label in samples:
                    self._add(picture, label)
                bar.update(len(samples))

    def _add(self, picture: np.ndarray | SkipSample, label: int) -> None:
        index = len(self.pictures)
        if isinstance(picture, SkipSample):
            self.broken[index] = picture
            picture = _NONE
        elif picture.ndim != 3 or picture.shape[2] != 3:
            raise ValueError(
                f"{describe(self.dataset, index)}: pictures must be in mode RGB, got an array of "
                f"shape {picture.shape}"
            )
        self.pictures.append(picture)
        self.sizes[index], self.labels[index] = picture.shape[:2], label

    @property
    def nbytes(self) -> int:
        """The bytes of all pixels."""
        return sum(picture.nbytes for picture in self.pictures)

    def take_pictures(self) -> list[np.ndarray]:
        """The pictures, which are not kept any more; all else stays."""
        taken, self.pictures = self.pictures, []
        return taken

    def check(self, index: int) -> None:
        """Raises what the dataset raised for this picture, if it is broken."""
        if index in self.broken:
            raise self.broken[index].with_traceback(None)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        self.check(index)
        return self.pictures[index], int(self.labels[index])

    def __len__(self) -> int:
        return len(self.labels)

    def describe(self, index: int) -> str:
        return describe(self.dataset, index)


class _Decoding(Dataset[tuple[Any, int]]):
    """The samples with their pictures as arrays; of a broken one, the error and no label."""

    def __init__(self, dataset: Any, transform: Callable[[Image.Image], Image.Image]) -> None:
        self.dataset, self.transform = dataset, transform

    def __getitem__(self, index: int) -> tuple[Any, int]:
        try:
            picture, label = self.dataset[index]
        except SkipSample as broken:
            return broken, -1
        return np.asarray(self.transform(picture)), label

    def __len__(self) -> int:
        return len(self.dataset)

    def describe(self, index: int) -> str:
        return describe(self.dataset, index)
