"""CIFAR-10 and CIFAR-100: 60,000 pictures of 32 x 32 pixels."""

# ruff: noqa: RUF012  torchvision has these class attributes, which programs read and replace
from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ...io.file_kind import START, describe_file
from ...io.numpy_pickle import read_numpy_pickle
from ..vision_dataset import VisionDataset
from ._checks import check_md5_if_whole, check_there, unusable
from .utils import download_and_extract_archive

__all__ = ["CIFAR10", "CIFAR100"]


class CIFAR10(VisionDataset):
    """Pictures of ten classes: sample i is (picture in mode RGB, class).

    Args:
        root: a folder that contains ``cifar-10-batches-py``.
        train: whether to read the 50,000 pictures to train on, or the 10,000 to test on.
        transform: called with the picture.
        target_transform: called with the class.
        download: whether to download and unpack the files if they are not there.

    Attributes:
        data: (N, 32, 32, 3) of uint8.
        targets: list of the classes; ``classes`` has their names, ``class_to_idx`` their numbers.

    Raises:
        RuntimeError: if a file is missing, damaged or of another kind; the message names it.

    Krizhevsky 2009; as ``torchvision.datasets.CIFAR10``. The files are pickles, read without running
    code from them. torchvision refuses files that are not the published ones; here parts of them,
    and own pictures in their format, are read.
    """

    base_folder = "cifar-10-batches-py"
    url = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
    filename = "cifar-10-python.tar.gz"
    tgz_md5 = "c58f30108f718f92721af3b95e74349a"
    train_list = [
        ["data_batch_1", "c99cafc152244af753f735de768cd75f"],
        ["data_batch_2", "d4bba439e000b95fd0a9bffe97cbabec"],
        ["data_batch_3", "54ebc095f3ab1f0389bbae665268c751"],
        ["data_batch_4", "634d18415352ddfa80567beed471001a"],
        ["data_batch_5", "482c414d41f54cd18b22e5b47cb7c3cb"],
    ]
    test_list = [["test_batch", "40351d587109b95175f43aff81a1287e"]]
    meta = {
        "filename": "batches.meta",
        "key": "label_names",
        "md5": "5ff9c542aee3614f3951f8cda6e48888",
    }
    counts = {"train": 10_000, "test": 10_000}  # pictures in each published file

    def __init__(
        self,
        root: str | os.PathLike[str],
        train: bool = True,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.train = train
        if download:
            self.download()
        listed = self.train_list if train else self.test_list
        check_there(type(self).__name__, self._paths(listed), self.url)
        self.data: np.ndarray = np.empty((0, 32, 32, 3), np.uint8)
        self.targets: list[int] = []
        parts = []
        for path, (_, md5) in zip(self._paths(listed), listed, strict=True):
            pictures, targets = _read_batch(path)
            check_md5_if_whole(path, md5, len(targets), self.counts["train" if train else "test"])
            parts.append(pictures)
            self.targets += targets
        # N x 3072 to N x 3 x 32 x 32 to N x 32 x 32 x 3
        self.data = np.vstack(parts).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        self.classes: list[str] = _read_entry(self._path(self.meta["filename"]), self.meta["key"])
        self.class_to_idx = {name: number for number, name in enumerate(self.classes)}

    def download(self) -> None:
        """Downloads and unpacks the files, unless they are there."""
        files = [*self._paths(self.train_list + self.test_list), self._path(self.meta["filename"])]
        if not all(path.is_file() for path in files):
            download_and_extract_archive(self.url, self.root, None, self.filename, self.tgz_md5)

    def _path(self, name: str) -> Path:
        return Path(self.root, self.base_folder, name)

    def _paths(self, listed: list[list[str]]) -> list[Path]:
        return [self._path(name) for name, _ in listed]

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._transformed(Image.fromarray(self.data[index]), self.targets[index])

    def extra_repr(self) -> str:
        return f"Split: {'Train' if self.train else 'Test'}"


class CIFAR100(CIFAR10):
    """Pictures of a hundred classes; arguments and attributes as :class:`CIFAR10`'s."""

    base_folder = "cifar-100-python"
    url = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
    filename = "cifar-100-python.tar.gz"
    tgz_md5 = "eb9058c3a382ffc7106e4002c42a8d85"
    train_list = [["train", "16019d7e3df5f24257cddd939b257f8d"]]
    test_list = [["test", "f0ef6b0ae62326f3e7ffdfab6717acfc"]]
    meta = {
        "filename": "meta",
        "key": "fine_label_names",
        "md5": "7973b15100ade9c7d40fb424638fde48",
    }
    counts = {"train": 50_000, "test": 10_000}


def _read_entry(path: Path, *keys: str) -> Any:
    """The value in a pickled dict under the first key that it has."""
    with open(path, "rb") as file:
        start = file.read(START)
        file.seek(0)
        if not start.startswith((b"\x80", b"(")):  # a pickle of protocol 2 or later, or of 0
            kind = describe_file(start, path.stat().st_size)
            raise unusable(f"{str(path)!r} is no file of CIFAR: it is {kind}")
        try:
            content = read_numpy_pickle(file)
        except ValueError as error:
            raise unusable(f"{str(path)!r} is damaged or no file of CIFAR: {error}") from error
    for key in keys:
        if isinstance(content, dict) and key in content:
            return content[key]
    raise RuntimeError(f"{str(path)!r} is no file of CIFAR: it has no {' or '.join(keys)}")


def _read_batch(path: Path) -> tuple[np.ndarray, list[int]]:
    """The pictures of a file, (N, 3072) of uint8, and their classes."""
    pictures = _read_entry(path, "data")
    targets = [int(target) for target in _read_entry(path, "labels", "fine_labels")]
    fits = isinstance(pictures, np.ndarray) and pictures.dtype == np.uint8
    if not fits or pictures.shape != (len(targets), 3072):
        found = getattr(pictures, "shape", type(pictures).__name__)
        raise RuntimeError(
            f"{str(path)!r} is no file of CIFAR: its data must be ({len(targets)}, 3072) of uint8, "
            f"got {found}"
        )
    return pictures, targets
