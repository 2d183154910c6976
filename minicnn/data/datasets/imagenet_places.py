"""Finds ImageNet in a folder, in one of the forms in which people have it."""

from __future__ import annotations

from pathlib import Path

from ..vision_dataset import DatasetNotFound
from .imagenet_files import Files
from .imagenet_folders import Folder, has_pictures
from .imagenet_tars import TrainTar, TrainTars, ValidationTar, class_tars

__all__ = ["ARCHIVE_META", "find_files"]

ARCHIVE_META = {  # name, MD5
    "train": ("ILSVRC2012_img_train.tar", "1d675b47d978889d74fa0da5fadfb00e"),
    "val": ("ILSVRC2012_img_val.tar", "29b22e2961454d5413ddabcf34fc5622"),
    "devkit": ("ILSVRC2012_devkit_t12.tar.gz", "fa75699e90414af021442c21a62c3abf"),
}

_KAGGLE = ("CLS-LOC", "Data/CLS-LOC", "ILSVRC/Data/CLS-LOC", "*/ILSVRC/Data/CLS-LOC")
_SOLUTION = "LOC_val_solution.csv"


def find_files(root: Path, split: str) -> Files:
    """Finds the pictures of a split under a folder.

    Folders of pictures go before tars, as somebody has unpacked them.

    Raises:
        DatasetNotFound: if there is none.
    """
    places = [root, *(path for name in _KAGGLE for path in sorted(root.glob(name)))]
    for place in places:
        folder = place / split
        if folder.is_dir() and has_pictures(folder, split):
            return Folder(folder, split == "val", _find_solution(place) if split == "val" else None)
    folders = (root, root / split)
    for tar in (folder / ARCHIVE_META[split][0] for folder in folders):
        if tar.is_file():
            return TrainTar(tar) if split == "train" else ValidationTar(tar)
    for folder in folders if split == "train" else ():
        if class_tars(folder):
            return TrainTars(folder)
    raise DatasetNotFound(_what_is_missing(root, split))


def _what_is_missing(root: Path, split: str) -> str:
    if not root.is_dir():
        return f"no ImageNet in {str(root)!r}: it is no folder"
    if has_pictures(root, split):
        return f"{str(root)!r} must be the folder above that with the pictures, named {split!r}"
    return (
        f"no ImageNet in {str(root)!r}: it must hold {ARCHIVE_META[split][0]}, or {split} with a "
        f"folder for each class such as n01440764, or Kaggle's ILSVRC/Data/CLS-LOC/{split}. Get the "
        "pictures from https://image-net.org/download.php or "
        "https://www.kaggle.com/c/imagenet-object-localization-challenge"
    )


def _find_solution(place: Path) -> Path | None:
    """Kaggle's list: it is beside the folder ILSVRC."""
    above = place.resolve().parents[:3] if place.resolve().name == "CLS-LOC" else ()
    paths = (folder / _SOLUTION for folder in (place, *above))
    return next((path for path in paths if path.is_file()), None)
