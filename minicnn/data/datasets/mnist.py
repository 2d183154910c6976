"""MNIST and the sets in its format: grey pictures of 28 x 28 pixels in idx files."""

# ruff: noqa: RUF012  torchvision has these class attributes, which programs read and replace
from __future__ import annotations

import os
import shutil
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ...io.files import load
from ...io.idx import read_idx
from ...tensor import Tensor
from ...warn import warn
from ..vision_dataset import VisionDataset
from ._checks import check_there, unusable
from .utils import download_and_extract_archive, extract_archive, verify_str_arg

__all__ = [
    "EMNIST",
    "KMNIST",
    "MNIST",
    "QMNIST",
    "FashionMNIST",
    "read_image_file",
    "read_label_file",
    "read_sn3_pascalvincent_tensor",
]

_DIGITS = [
    f"{digit} - {name}"
    for digit, name in enumerate(
        ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    )
]


class MNIST(VisionDataset):
    """Handwritten digits: sample i is (picture in mode L, digit).

    Args:
        root: a folder that contains ``MNIST/raw`` (a subclass: its own name) with the idx files,
            unpacked or as ``.gz``.
        train: whether to read the 60,000 pictures to train on, or the 10,000 to test on.
        transform: called with the picture.
        target_transform: called with the class.
        download: whether to download and unpack the files if they are not there.

    Attributes:
        data: (N, 28, 28) of uint8.
        targets: (N,) of int64; ``classes`` has the names, ``class_to_idx`` their numbers.

    Raises:
        RuntimeError: if a file is missing, cut off or of another kind; the message names it.

    LeCun, Cortes & Burges; as ``torchvision.datasets.MNIST``.
    """

    mirrors = [
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "http://yann.lecun.com/exdb/mnist/",
    ]
    resources: Any = [
        ("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        ("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
        ("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
        ("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
    ]
    training_file = "training.pt"
    test_file = "test.pt"
    classes = _DIGITS

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
        if self._is_processed():
            self.data, self.targets = load(self._processed(train))
            return
        if download:
            self.download()
        files = self.images_file, self.labels_file
        packed = [f"{path}.gz" for path in files]
        used = [p if os.path.exists(p) or not os.path.exists(gz) else gz
                for p, gz in zip(files, packed, strict=True)]  # fmt: skip
        check_there(type(self).__name__, used, self.mirrors[0])
        self.data, self.targets = self._read(*used)

    # ---- where the files are ----

    @property
    def raw_folder(self) -> str:
        """Where the idx files are."""
        return os.path.join(self.root, type(self).__name__, "raw")

    @property
    def processed_folder(self) -> str:
        """Where torchvision before 0.9 kept the pictures as tensors."""
        return os.path.join(self.root, type(self).__name__, "processed")

    @property
    def images_file(self) -> str:
        """The path of the pictures."""
        return os.path.join(self.raw_folder, f"{self._prefix}-images-idx3-ubyte")

    @property
    def labels_file(self) -> str:
        """The path of their classes."""
        return os.path.join(self.raw_folder, f"{self._prefix}-labels-idx1-ubyte")

    @property
    def _prefix(self) -> str:
        return "train" if self.train else "t10k"

    def _processed(self, train: bool) -> str:
        return os.path.join(self.processed_folder, self.training_file if train else self.test_file)

    def _is_processed(self) -> bool:
        return all(os.path.isfile(self._processed(train)) for train in (True, False))

    # ---- reading and downloading ----

    def _read(self, images: str, labels: str) -> tuple[Tensor, Tensor]:
        data, targets = read_image_file(images), read_label_file(labels)
        if len(data) != len(targets):
            raise RuntimeError(
                f"{images!r} has {len(data)} pictures, but {labels!r} {len(targets)} classes"
            )
        return data, targets

    def download(self) -> None:
        """Downloads and unpacks the files, unless they are there; tries one mirror after another."""
        for name, md5 in self.resources:
            if not os.path.isfile(os.path.join(self.raw_folder, name.removesuffix(".gz"))):
                self._download(name, md5)

    def _download(self, name: str, md5: str) -> None:
        errors = []
        for mirror in self.mirrors:
            try:
                return download_and_extract_archive(mirror + name, self.raw_folder, None, name, md5)
            except (RuntimeError, OSError) as error:
                errors.append(str(error))
        raise RuntimeError(f"Error downloading {name}: {'; '.join(errors)}")

    # ---- the dataset ----

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The classes' numbers by name."""
        return {name: number for number, name in enumerate(self.classes)}

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._transformed(self._picture(index), int(self.targets[index]))

    def _picture(self, index: int) -> Image.Image:
        return Image.fromarray(np.ascontiguousarray(self.data[index].numpy()))

    def extra_repr(self) -> str:
        return f"Split: {'Train' if self.train else 'Test'}"

    # ---- names of old ----

    def _renamed(self, old: str, new: str) -> Tensor:
        warn(f"{old} has been renamed {new}")
        return getattr(self, new)

    @property
    def train_labels(self) -> Tensor:
        """``targets``, with a warning."""
        return self._renamed("train_labels", "targets")

    @property
    def test_labels(self) -> Tensor:
        """``targets``, with a warning."""
        return self._renamed("test_labels", "targets")

    @property
    def train_data(self) -> Tensor:
        """``data``, with a warning."""
        return self._renamed("train_data", "data")

    @property
    def test_data(self) -> Tensor:
        """``data``, with a warning."""
        return self._renamed("test_data", "data")


class FashionMNIST(MNIST):
    """Pictures of clothes (Xiao, Rasul & Vollgraf 2017); arguments as :class:`MNIST`'s."""

    mirrors = ["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"]
    resources = [
        ("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        ("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
        ("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
        ("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
    ]
    classes = [
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
        "Ankle boot",
    ]  # fmt: skip


class KMNIST(MNIST):
    """Cursive Japanese characters (Clanuwat et al. 2018); arguments as :class:`MNIST`'s."""

    mirrors = ["http://codh.rois.ac.jp/kmnist/dataset/kmnist/"]
    resources = [
        ("train-images-idx3-ubyte.gz", "bdb82020997e1d708af4cf47b453dcf7"),
        ("train-labels-idx1-ubyte.gz", "e144d726b3acfaa3e44228e80efcd344"),
        ("t10k-images-idx3-ubyte.gz", "5c965bf0a639b31b8f53240b1b52f4d7"),
        ("t10k-labels-idx1-ubyte.gz", "7320c461ea6c1c855c0b718fb2a4b134"),
    ]
    classes = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]


class EMNIST(MNIST):
    """Handwritten letters and digits (Cohen et al. 2017).

    Args:
        root, kwargs: as :class:`MNIST`'s.
        split: ``"byclass"``, ``"bymerge"``, ``"balanced"``, ``"letters"``, ``"digits"`` or
            ``"mnist"``.

    Raises:
        ValueError: for another ``split``.
    """

    mirrors = ["https://biometrics.nist.gov/cs_links/EMNIST/"]
    url = "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip"
    md5 = "58c8d27c78d21e728a6bc7b3cc06412e"
    splits = ("byclass", "bymerge", "balanced", "letters", "digits", "mnist")
    # Lower-case letters that look like the upper-case ones are one class with them.
    _merged = sorted(set(string.digits + string.ascii_letters) - set("cijklmopsuvwxyz"))
    classes_split_dict = {
        "byclass": sorted(string.digits + string.ascii_letters),
        "bymerge": _merged,
        "balanced": _merged,
        "letters": ["N/A", *string.ascii_lowercase],
        "digits": list(string.digits),
        "mnist": list(string.digits),
    }

    def __init__(self, root: str | os.PathLike[str], split: str, **kwargs: Any) -> None:
        self.split = verify_str_arg(split, "split", self.splits)
        self.training_file, self.test_file = f"training_{split}.pt", f"test_{split}.pt"
        self.classes = self.classes_split_dict[split]
        super().__init__(root, **kwargs)

    @property
    def _prefix(self) -> str:
        return f"emnist-{self.split}-{'train' if self.train else 'test'}"

    def download(self) -> None:
        """Downloads and unpacks the files of all splits, unless those of this one are there."""
        if os.path.isfile(self.images_file) and os.path.isfile(self.labels_file):
            return
        download_and_extract_archive(self.url, self.raw_folder, md5=self.md5)
        inner = Path(self.raw_folder, "gzip")
        for path in inner.glob("*.gz"):
            extract_archive(path, self.raw_folder)
        shutil.rmtree(inner)


class QMNIST(MNIST):
    """MNIST with more pictures to test on, and with where each comes from (Yadav & Bottou 2019).

    Args:
        root, kwargs: as :class:`MNIST`'s.
        what: ``"train"``, ``"test"``, ``"test10k"`` (MNIST's own), ``"test50k"`` (the others) or
            ``"nist"`` (all); by default as ``train`` says.
        compat: whether a target is the digit, or the eight numbers that are known of a picture.
        train: whether ``what`` is ``"train"`` or ``"test"`` by default.

    Raises:
        ValueError: for another ``what``.
    """

    subsets = {
        "train": "train", "test": "test", "test10k": "test", "test50k": "test", "nist": "nist",
    }  # fmt: skip
    mirrors = ["https://raw.githubusercontent.com/facebookresearch/qmnist/master/"]
    resources = {
        "train": [
            ("qmnist-train-images-idx3-ubyte.gz", "ed72d4157d28c017586c42bc6afe6370"),
            ("qmnist-train-labels-idx2-int.gz", "0058f8dd561b90ffdd0f734c6a30e5e4"),
        ],
        "test": [
            ("qmnist-test-images-idx3-ubyte.gz", "1394631089c404de565df7b7aeaf9412"),
            ("qmnist-test-labels-idx2-int.gz", "5b5b05890a5e13444e108efe57b788aa"),
        ],
        "nist": [
            ("xnist-images-idx3-ubyte.xz", "7f124b3b8ab81486c9d8c2749c17f834"),
            ("xnist-labels-idx2-int.xz", "5ed0e788978e45d4a8bd4b7caec3d79d"),
        ],
    }
    _parts = {"test10k": slice(0, 10_000), "test50k": slice(10_000, None)}

    def __init__(
        self,
        root: str | os.PathLike[str],
        what: str | None = None,
        compat: bool = True,
        train: bool = True,
        **kwargs: Any,
    ) -> None:
        what = what or ("train" if train else "test")
        self.what = verify_str_arg(what, "what", tuple(self.subsets))
        self.compat = compat
        self.training_file = self.test_file = f"{what}.pt"
        super().__init__(root, train, **kwargs)

    @property
    def images_file(self) -> str:
        return self._unpacked(0)

    @property
    def labels_file(self) -> str:
        return self._unpacked(1)

    def _unpacked(self, number: int) -> str:
        name, _ = self.resources[self.subsets[self.what]][number]
        return os.path.join(self.raw_folder, os.path.splitext(name)[0])

    def download(self) -> None:
        """Downloads and unpacks the files that are needed, unless they are there."""
        for number, (name, md5) in enumerate(self.resources[self.subsets[self.what]]):
            if not os.path.isfile(self._unpacked(number)):
                self._download(name, md5)

    def _read(self, images: str, labels: str) -> tuple[Tensor, Tensor]:
        part = self._parts.get(self.what, slice(None))
        data, targets = _read(images, "u1", 3), _read(labels, "i4", 2).astype(np.int64)
        return Tensor.of(data[part]), Tensor.of(targets[part])

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        known = self.targets[index]
        return self._transformed(self._picture(index), int(known[0]) if self.compat else known)

    def extra_repr(self) -> str:
        return f"Split: {self.what}"


def read_sn3_pascalvincent_tensor(path: str | os.PathLike[str], strict: bool = True) -> Tensor:
    """The numbers in an idx file; they must be as many as it says, whatever ``strict`` is."""
    return Tensor.of(_read_idx(path))


def read_image_file(path: str | os.PathLike[str]) -> Tensor:
    """The pictures in an idx file, (N, H, W) of uint8; a RuntimeError if it has something else."""
    return Tensor.of(_read(path, "u1", 3))


def read_label_file(path: str | os.PathLike[str]) -> Tensor:
    """The classes in an idx file of uint8, (N,) of int64; a RuntimeError if it has something else."""
    return Tensor.of(_read(path, "u1", 1).astype(np.int64))


def _read(path: str | os.PathLike[str], dtype: str, ndim: int) -> np.ndarray:
    array = _read_idx(path)
    if array.dtype != dtype or array.ndim != ndim:
        raise RuntimeError(
            f"{os.fspath(path)!r} must hold {np.dtype(dtype)} in {ndim} dimensions, "
            f"got {array.dtype} of shape {array.shape}"
        )
    return array


def _read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    try:
        return read_idx(path)
    except ValueError as error:
        raise unusable(error) from error
