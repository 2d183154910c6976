"""Pascal VOC: pictures with a mask of each pixel's class."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .dataset import Dataset
from .picture import check_on_error, load_picture, open_picture

__all__ = ["VOCSegmentation"]

_IMAGE_SETS = ("train", "trainval", "val", "test")


class VOCSegmentation(Dataset):
    """Sample i is (picture in mode RGB, mask in mode P): 0 background, 1 to 20 classes, 255 void.

    Args:
        root: the folder ``VOC2012``, its parent ``VOCdevkit``, or the folder that contains
            ``VOCdevkit``. Nothing is downloaded: unpack ``VOCtrainval_11-May-2012.tar`` from
            http://host.robots.ox.ac.uk/pascal/VOC/voc2012/.
        year: of the challenge.
        image_set: ``"train"``, ``"trainval"``, ``"val"`` or ``"test"``.
        transforms: called with picture and mask, such as
            :class:`~minicnn.transforms.JointTransform`.
        on_error: what a ``DataLoader`` does where a picture or its mask is missing or broken:
            ``"raise"`` an error, ``"skip"`` it with one warning for all, or ``"warn"`` for each.

    Attributes:
        images, masks: paths of the files.

    Raises:
        ValueError: for an unknown ``image_set``, or a damaged list of names.
        FileNotFoundError: if there is no VOC in ``root``; if ``on_error`` is ``"raise"``, also if a
            picture or mask is missing.

    As ``torchvision.datasets.VOCSegmentation``, without its download.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        year: str = "2012",
        image_set: str = "train",
        transforms: Callable[[Any, Any], Any] | None = None,
        on_error: str = "raise",
    ) -> None:
        check_on_error(on_error)
        if image_set not in _IMAGE_SETS:
            raise ValueError(f"image_set must be one of {_IMAGE_SETS}, got {image_set!r}")
        folder = _find(Path(root), year)
        self.transforms, self.on_error = transforms, on_error
        listed = folder / "ImageSets" / "Segmentation" / f"{image_set}.txt"
        names = _names(listed)
        self.images = [str(folder / "JPEGImages" / f"{name}.jpg") for name in names]
        self.masks = [str(folder / "SegmentationClass" / f"{name}.png") for name in names]
        missing = [path for path in (*self.images, *self.masks) if not os.path.isfile(path)]
        if missing and on_error == "raise":
            raise FileNotFoundError(f"{len(missing)} files of {listed} are missing: {missing[0]} …")

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image: Any = load_picture(self.images[index], self.on_error)
        mask: Any = open_picture(self.masks[index], self.on_error)
        return (image, mask) if self.transforms is None else self.transforms(image, mask)

    def describe(self, index: int) -> str:
        """The picture's path."""
        return self.images[index]


def _names(listed: Path) -> list[str]:
    try:
        return listed.read_text(encoding="utf-8").split()
    except UnicodeDecodeError as error:
        raise ValueError(f"{listed} is damaged: it is no UTF-8 text ({error})") from error


def _find(root: Path, year: str) -> Path:
    for folder in (root / "VOCdevkit" / f"VOC{year}", root / f"VOC{year}", root):
        if (folder / "ImageSets" / "Segmentation").is_dir():
            return folder
    raise FileNotFoundError(
        f"no VOC{year} in {str(root)!r}: it must hold VOCdevkit/VOC{year}/ImageSets/Segmentation"
    )
