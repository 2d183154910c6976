"""SVHN: digits of house numbers, cut out of photographs, in MATLAB's files."""

# ruff: noqa: RUF012  torchvision has these class attributes, which programs read and replace
from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ...io.matlab import read_matlab
from ..vision_dataset import VisionDataset
from ._checks import check_md5_if_whole, check_there, unusable
from .utils import download_url, verify_str_arg

__all__ = ["SVHN"]

_COUNTS = {"train": 73_257, "test": 26_032, "extra": 531_131}  # pictures in the published files


class SVHN(VisionDataset):
    """Digits in pictures of 32 x 32 pixels: sample i is (picture in mode RGB, digit).

    Args:
        root: the folder with ``train_32x32.mat``, ``test_32x32.mat`` or ``extra_32x32.mat``.
        split: ``"train"``, ``"test"`` or ``"extra"``.
        transform: called with the picture.
        target_transform: called with the digit.
        download: whether to download the file if it is not there.

    Attributes:
        data: (N, 3, 32, 32) of uint8.
        labels: (N,) of int64; the files write 10 for the digit 0, here it is 0.

    Raises:
        ValueError: for another ``split``.
        RuntimeError: if the file is missing, damaged or of another kind; the message names it.

    Netzer et al. 2011; as ``torchvision.datasets.SVHN``, without SciPy. torchvision refuses files
    that are not the published ones; here parts of them are read.
    """

    split_list = {
        split: [
            f"http://ufldl.stanford.edu/housenumbers/{split}_32x32.mat",
            f"{split}_32x32.mat",
            md5,
        ]
        for split, md5 in (
            ("train", "e26dedcc434d2e4c54c9b2d4a06d8373"),
            ("test", "eb5a983be6a315427106f1b164d9cef3"),
            ("extra", "a93ce644f1a588dc4d68dda5feec44a7"),
        )
    }

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "train",
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.split = verify_str_arg(split, "split", tuple(self.split_list))
        self.url, self.filename, self.file_md5 = self.split_list[split]
        path = Path(self.root, self.filename)
        if download:
            self.download()
        check_there("SVHN", [path], self.url)
        try:
            arrays = read_matlab(path)
        except ValueError as error:
            raise unusable(error) from error
        pictures, labels = (arrays.get(name, np.empty(0)) for name in ("X", "y"))
        if pictures.shape != (32, 32, 3, labels.size) or pictures.dtype != np.uint8:
            raise RuntimeError(
                f"{str(path)!r} is no file of SVHN: its X must be (32, 32, 3, {labels.size}) of "
                f"uint8, got {pictures.shape} of {pictures.dtype}"
            )
        check_md5_if_whole(path, self.file_md5, labels.size, _COUNTS[split])
        self.data = pictures.transpose(3, 2, 0, 1)
        self.labels = labels.reshape(-1).astype(np.int64) % 10

    def download(self) -> None:
        """Downloads the file, unless it is there."""
        if not Path(self.root, self.filename).is_file():
            download_url(self.url, self.root, self.filename, self.file_md5)

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        picture = Image.fromarray(np.ascontiguousarray(self.data[index].transpose(1, 2, 0)))
        return self._transformed(picture, int(self.labels[index]))

    def extra_repr(self) -> str:
        return f"Split: {self.split}"
