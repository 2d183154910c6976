"""Where the files of Open Images are: the names they were published under, and people's folders."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..vision_dataset import DatasetNotFound

__all__ = ["ANNOTATIONS", "SPLITS", "AnnotationFiles", "mask_places", "picture_folders"]

SPLITS = ("train", "validation", "test")
ANNOTATIONS = ("labels", "boxes", "masks")
_DIGITS = "0123456789abcdef"  # the large archives are split by the first digit of the ids

# {split} and, in some names of V7, {short}. The newest come first, and those of the fewer classes
# that have boxes last. What follows the bar are fiftyone's names; they do not say the split.
_TABLES = {
    "labels": (
        "oidv7-{short}-annotations-human-imagelabels.csv "
        "oidv7-{split}-annotations-human-imagelabels.csv "
        "oidv6-{split}-annotations-human-imagelabels.csv "
        "{split}-annotations-human-imagelabels.csv "
        "{split}-annotations-human-imagelabels-boxable.csv | classifications.csv"
    ),
    "boxes": (
        "oidv7-{split}-annotations-bbox.csv oidv6-{split}-annotations-bbox.csv "
        "{split}-annotations-bbox.csv | detections.csv"
    ),
    "masks": "{split}-annotations-object-segmentation.csv | segmentations.csv",
}
_ALL_CLASSES = "oidv7-class-descriptions.csv oidv6-class-descriptions.csv class-descriptions.csv"
_BOXABLE = (
    "oidv7-class-descriptions-boxable.csv oidv6-class-descriptions-boxable.csv "
    "class-descriptions-boxable.csv classes.csv"
)
_DESCRIPTIONS = {
    "labels": f"{_ALL_CLASSES} {_BOXABLE}",
    "boxes": f"{_BOXABLE} {_ALL_CLASSES}",
    "masks": f"{_BOXABLE} {_ALL_CLASSES}",
}
_WITH_MASKS = (
    "oidv7-classes-segmentation.txt oidv6-classes-segmentation.txt classes-segmentation.txt "
    "segmentation_classes.csv"
)


class AnnotationFiles:
    """The CSV files of a split.

    Attributes:
        table: the annotations.
        descriptions: machine ids and names of the classes.
        chosen: machine ids of the classes with masks; None for other annotations, or if there is no
            such file.

    Raises:
        FileNotFoundError: if one of the first two is not there.
    """

    def __init__(self, root: Path, split: str, annotations: str) -> None:
        self.table = _table(root, split, annotations)
        folders = _folders(root, split)
        descriptions = _DESCRIPTIONS[annotations]
        self.descriptions = _required(_search(folders, descriptions.split()), root, descriptions)
        with_masks = _WITH_MASKS if annotations == "masks" else ""
        self.chosen = _search(folders, with_masks.split())

    def paths(self) -> list[Path]:
        """All that there are."""
        return [path for path in (self.table, self.descriptions, self.chosen) if path is not None]


def picture_folders(root: Path, split: str) -> list[Path]:
    """The folders, except ``root`` itself, in which there may be pictures of a split."""
    folders = [root / "images", root / "data"]
    for name in _names_of(split):
        folders += [root / name, root / name / "data", root / name / "images"]
        folders += [root / "images" / name, root / "data" / name]
        folders += sorted((root / "Dataset" / name).glob("*"))  # OIDv4 ToolKit: one for each class
    parts = [f"{split}_{digit}" for digit in _DIGITS]  # as their archives unpack
    inner = [folder / part for folder in [root, *folders] for part in parts]
    return _existing(folders + inner)


def mask_places(root: Path, split: str) -> list[Path]:
    """The zips and the folders in which there may be masks of a split."""
    folders = [root / "masks", root / f"{split}-masks", root / "labels" / "masks"]
    for name in _names_of(split):
        folders += [root / name / "masks", root / name / "labels" / "masks", root / "masks" / name]
    above = [root, *(root / name for name in _names_of(split)), *folders]
    parts = [folder / f"{split}-masks-{digit}" for folder in above for digit in _DIGITS]
    zips = [part.with_suffix(".zip") for part in parts]
    digits = sorted({*_DIGITS, *_DIGITS.upper()})  # fiftyone's are upper case
    inner = [folder / digit for folder in folders for digit in digits]
    return [path for path in zips if path.is_file()] + _existing(folders + parts + inner)


def _table(root: Path, split: str, annotations: str) -> Path:
    short = "val" if split == "validation" else split
    names = _TABLES[annotations].format(split=split, short=short)
    with_split, _, without = names.partition("|")
    path = _search(_folders(root, split), with_split.split())
    if path is None:
        own = [root / name / "labels" for name in _names_of(split)]
        own += [root / "labels"] if root.name in _names_of(split) else []
        path = _search(own, without.split())
    return _required(path, root, names.replace("|", ""))


def _names_of(split: str) -> tuple[str, ...]:
    """What people call the folder of a split."""
    return ("validation", "val") if split == "validation" else (split,)


def _folders(root: Path, split: str) -> list[Path]:
    """Where CSV files may be."""
    inside = ["annotations", "metadata", "labels", "csv_folder"]
    folders = [root, *(root / name for name in inside)]
    for name in _names_of(split):
        folders += [root / name, *(root / name / part for part in inside)]
        folders += [root / part / name for part in inside]
    return folders


def _search(folders: Iterable[Path], names: Iterable[str]) -> Path | None:
    """The file with the first name that there is."""
    folders = list(folders)
    paths = (folder / name for name in names for folder in folders)
    return next((path for path in paths if path.is_file()), None)


def _required(path: Path | None, root: Path, names: str) -> Path:
    if path is None:
        raise DatasetNotFound(
            f"none of these files is in {str(root)!r} or its folders annotations, metadata, labels "
            f"and those named after the split: {', '.join(names.split())}. Download one from "
            "https://storage.googleapis.com/openimages/web/download_v7.html"
        )
    return path


def _existing(folders: Iterable[Path]) -> list[Path]:
    """Those that there are, each once, whatever links lead to it."""
    found: dict[Path, Path] = {}
    for folder in folders:
        if folder.is_dir():
            found.setdefault(folder.resolve(), folder)
    return list(found.values())
