"""ImageNet's pictures as people have them: in tars, in folders of classes, in Kaggle's folders."""

from __future__ import annotations

import os
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from ..csv_lines import csv_lines
from ..files import walk
from ..image_folder import IMG_EXTENSIONS
from ..packed import PackedStrings
from ..problems import Problems
from ..tar import DamagedTar, Member, members
from ..vision_dataset import DatasetNotFound
from ..window import File, Slice, Window
from .imagenet_classes import synsets, validation_labels

__all__ = ["ARCHIVE_META", "Files", "find_files"]

ARCHIVE_META = {  # name, MD5
    "train": ("ILSVRC2012_img_train.tar", "1d675b47d978889d74fa0da5fadfb00e"),
    "val": ("ILSVRC2012_img_val.tar", "29b22e2961454d5413ddabcf34fc5622"),
    "devkit": ("ILSVRC2012_devkit_t12.tar.gz", "fa75699e90414af021442c21a62c3abf"),
}

_WNID = re.compile(r"n\d{8}")
_VALIDATION_PICTURE = re.compile(r"ILSVRC2012_val_(\d{8})\.", re.IGNORECASE)
_KAGGLE = ("CLS-LOC", "Data/CLS-LOC", "ILSVRC/Data/CLS-LOC", "*/ILSVRC/Data/CLS-LOC")
_SOLUTION = "LOC_val_solution.csv"
_LARGEST = (1 << 32) - 1  # bytes of a picture
_NO_CLASS = "is no class of ImageNet 2012"


class Picture(NamedTuple):
    """A picture that was found."""

    name: str  # in the tar, or below the folder
    offset: int = 0  # in the tar
    size: int = 0

    @property
    def file(self) -> str:
        """The name without folders."""
        return self.name.rpartition("/")[2]


_Class = tuple[int, list[Picture]]  # a class, 0 to 999, and its pictures


class Files:
    """Where the pictures of a split are.

    Attributes:
        base: the tar, or the folder.
        is_archive: whether it is a tar.
    """

    base: Path
    is_archive = False

    @property
    def sources(self) -> list[Path]:
        """What an index depends on."""
        return [self.base]

    @property
    def beside(self) -> Path:
        """Where the index is written; that must not change the time of a source."""
        return self.base.parent

    def path(self, index: Mapping[str, np.ndarray], row: int) -> str:
        """The path of the picture in a row of the index."""
        return f"{self.base}/{_name(index, row)}"

    def classes(self, problems: Problems) -> Iterator[_Class]:
        """The classes in their order, with the pictures; what is broken is noted."""
        raise NotImplementedError

    def read(self, index: Mapping[str, np.ndarray], row: int) -> bytes:
        """The bytes of the picture in a row of the index."""
        raise NotImplementedError

    def scan(self) -> dict[str, np.ndarray]:
        """The index: of each picture its class, name and place; the classes; what is broken."""
        problems, classes, folders = Problems(), array("h"), list[str]()
        labels, offsets, sizes = array("h"), array("Q"), array("I")
        wnids = list(synsets())

        def names() -> Iterator[str]:
            for label, pictures in self.classes(problems):
                if not pictures:
                    problems.note(
                        str(self.base), f"no picture is in the folder or tar of {wnids[label]}"
                    )
                folder = _common_folder(pictures)
                classes.append(label)
                folders.append(folder)
                for picture in self._unique(pictures, problems):
                    labels.append(label)
                    offsets.append(picture.offset)
                    sizes.append(picture.size)
                    yield picture.name[len(folder) :]

        arrays = PackedStrings.pack(names()).arrays("names")
        if self.is_archive:
            arrays["offsets"], arrays["sizes"] = np.array(offsets), np.array(sizes)
        return {
            **arrays,
            **PackedStrings.pack(folders).arrays("folders"),
            **problems.arrays(),
            "classes": np.array(classes),
            "labels": np.array(labels),
        }

    def _unique(self, pictures: list[Picture], problems: Problems) -> Iterator[Picture]:
        """Pictures sorted by name, without the second one of a name."""
        last = ""
        for picture in sorted(pictures, key=lambda picture: picture.file):
            if picture.file == last:
                problems.note(f"{self.base}/{picture.name}", "is there twice")
            else:
                yield picture
            last = picture.file


class _Tar(Files):
    """One of the published tars."""

    is_archive = True

    def __init__(self, path: Path) -> None:
        self.base = path
        self._file = File(path)

    def read(self, index: Mapping[str, np.ndarray], row: int) -> bytes:
        return self._file.read_at(int(index["offsets"][row]), int(index["sizes"][row]))

    def _files(self, window: Window, label: str, problems: Problems) -> Iterator[Member]:
        """The files in a tar, up to its first damage."""
        try:
            for member in members(window, label):
                if member.kind == "file":
                    yield member
                elif member.kind != "folder":
                    problems.note(f"{label}/{member.name}", "is neither a file nor a folder")
        except DamagedTar as error:
            problems.note(error.label, error.reason)

    def _pictures(
        self, window: Window, label: str, problems: Problems, start: int = 0, folder: str = ""
    ) -> Iterator[Picture]:
        """The pictures in a tar, which begins at ``start`` of the file."""
        for member in self._files(window, label, problems):
            name = member.name.rpartition("/")[2]
            if name.startswith("."):
                continue
            if _is_picture(name) and member.size <= _LARGEST:
                yield Picture(folder + member.name, start + member.offset, member.size)
            else:
                problems.note(f"{label}/{member.name}", "is no picture")


class TrainTar(_Tar):
    """A tar with a tar for each class."""

    def classes(self, problems: Problems) -> Iterator[_Class]:
        numbers, tars = _numbers(), dict[int, Member]()
        for member in self._files(self._file, str(self.base), problems):
            label = numbers.get(member.name.rpartition("/")[2].removesuffix(".tar"))
            if label is None or label in tars:
                why = _NO_CLASS if label is None else "is there twice"
                problems.note(f"{self.base}/{member.name}", why)
            else:
                tars[label] = member
        for label in _with_bar(sorted(tars)):
            tar = tars[label]
            window, path = Slice(self._file, tar.offset, tar.size), f"{self.base}/{tar.name}"
            pictures = self._pictures(window, path, problems, tar.offset, f"{tar.name}/")
            yield label, list(pictures)


class TrainTars(_Tar):
    """A folder with a tar for each class, to which the published one unpacks."""

    def __init__(self, base: Path) -> None:
        self.base = base

    @property
    def sources(self) -> list[Path]:
        return _class_tars(self.base)

    @property
    def beside(self) -> Path:
        return self.base

    def read(self, index: Mapping[str, np.ndarray], row: int) -> bytes:
        tar = _name(index, row).partition("/")[0]
        # It is opened for each picture, as a thousand files may be more than a program may open.
        file = File(self.base / tar)
        return file.read_at(int(index["offsets"][row]), int(index["sizes"][row]))

    def classes(self, problems: Problems) -> Iterator[_Class]:
        for path in _with_bar(self.sources):
            if path.stem in synsets():
                pictures = self._pictures(File(path), str(path), problems, folder=f"{path.name}/")
                yield _numbers()[path.stem], list(pictures)
            else:
                problems.note(str(path), _NO_CLASS)


class ValidationTar(_Tar):
    """A tar of pictures, whose numbers tell their classes."""

    def classes(self, problems: Problems) -> Iterator[_Class]:
        pictures = _with_bar(self._pictures(self._file, str(self.base), problems))
        yield from sorted(_by_class(pictures, {}, self.base, problems).items())


class Folder(Files):
    """A folder of folders of classes.

    Args:
        base: the folder.
        is_validation: whether there may be pictures in it, too, whose numbers tell their classes.
        solution: Kaggle's list of the validation pictures' classes, if there is one.
    """

    def __init__(self, base: Path, is_validation: bool, solution: Path | None) -> None:
        self.base, self._is_validation, self._solution = base, is_validation, solution

    @property
    def sources(self) -> list[Path]:
        known = [self.base / name for name in _folders(self.base) if name in synsets()]
        return [self.base, *known, *([self._solution] if self._solution else [])]

    def path(self, index: Mapping[str, np.ndarray], row: int) -> str:
        return os.path.join(self.base, _name(index, row))

    def read(self, index: Mapping[str, np.ndarray], row: int) -> bytes:
        return Path(self.path(index, row)).read_bytes()

    def classes(self, problems: Problems) -> Iterator[_Class]:
        numbers, folders = _numbers(), {}
        for name in _folders(self.base):
            if name in numbers:
                folders[numbers[name]] = name
            elif _WNID.fullmatch(name):  # others, such as lost+found, are no part of ImageNet
                problems.note(f"{self.base}/{name}", _NO_CLASS)
        for tar in _class_tars(self.base):
            if numbers.get(tar.stem) not in folders:
                problems.note(str(tar), "is not unpacked as the others are")
        flat: dict[int, list[Picture]] = {}
        if self._is_validation:
            solution = _read_solution(self._solution, problems) if self._solution else {}
            flat = _by_class(self._pictures(), solution, self.base, problems)
        for label in _with_bar(sorted({*folders, *flat})):
            inside = self._pictures(folders[label]) if label in folders else ()
            yield label, [*flat.get(label, ()), *inside]

    def _pictures(self, folder: str = "") -> Iterator[Picture]:
        for name in _files(self.base / folder):
            yield Picture(f"{folder}/{name}" if folder else name)


def find_files(root: Path, split: str) -> Files:
    """Finds the pictures of a split under a folder.

    Folders of pictures go before tars, as somebody has unpacked them.

    Raises:
        DatasetNotFound: if there is none.
    """
    places = [root, *(path for name in _KAGGLE for path in sorted(root.glob(name)))]
    for place in places:
        folder = place / split
        if folder.is_dir() and _has_pictures(folder, split):
            return Folder(folder, split == "val", _find_solution(place) if split == "val" else None)
    folders = (root, root / split)
    for tar in (folder / ARCHIVE_META[split][0] for folder in folders):
        if tar.is_file():
            return TrainTar(tar) if split == "train" else ValidationTar(tar)
    for folder in folders if split == "train" else ():
        if _class_tars(folder):
            return TrainTars(folder)
    raise DatasetNotFound(_what_is_missing(root, split))


def _what_is_missing(root: Path, split: str) -> str:
    if not root.is_dir():
        return f"no ImageNet in {str(root)!r}: it is no folder"
    if _has_pictures(root, split):
        return f"{str(root)!r} must be the folder above that with the pictures, named {split!r}"
    return (
        f"no ImageNet in {str(root)!r}: it must hold {ARCHIVE_META[split][0]}, or {split} with a "
        f"folder for each class such as n01440764, or Kaggle's ILSVRC/Data/CLS-LOC/{split}. Get the "
        "pictures from https://image-net.org/download.php or "
        "https://www.kaggle.com/c/imagenet-object-localization-challenge"
    )


def _name(index: Mapping[str, np.ndarray], row: int) -> str:
    """A picture's name in the tar, or below the folder."""
    number = int(np.searchsorted(index["classes"], index["labels"][row]))
    folder = PackedStrings.of_arrays(index, "folders")[number]
    return folder + PackedStrings.of_arrays(index, "names")[row]


def _common_folder(pictures: Iterable[Picture]) -> str:
    """The folder that all pictures are in, with a slash; empty if there is none.

    It is stored once, not in each name, which would be twice as long.
    """
    folders = {"".join(picture.name.rpartition("/")[:2]) for picture in pictures}
    return folders.pop() if len(folders) == 1 else ""


def _has_pictures(folder: Path, split: str) -> bool:
    if any(name in synsets() for name in _folders(folder)):
        return True
    return split == "val" and any(map(_VALIDATION_PICTURE.match, _files(folder)))


def _find_solution(place: Path) -> Path | None:
    """Kaggle's list: it is beside the folder ILSVRC."""
    above = place.resolve().parents[:3] if place.resolve().name == "CLS-LOC" else ()
    paths = (folder / _SOLUTION for folder in (place, *above))
    return next((path for path in paths if path.is_file()), None)


def _read_solution(path: Path, problems: Problems) -> dict[str, int]:
    """The class of each validation picture by its name without ending."""
    numbers, found = _numbers(), {}
    for line, text, fields in csv_lines(path):
        picture, boxes = fields if len(fields) == 2 else ("", "")
        wnid = boxes.strip().partition(" ")[0]  # n01440764 10 20 30 40 n01440764 …
        if wnid in numbers:
            found[picture] = numbers[wnid]
        elif line > 1:  # the first one has the titles
            problems.note(
                f"{path}, line {line}", f"it must have a picture and its class, got {text[:60]!r}"
            )
    return found


def _by_class(
    pictures: Iterable[Picture], solution: dict[str, int], base: Path, problems: Problems
) -> dict[int, list[Picture]]:
    """Validation pictures by class: Kaggle's list or their numbers tell it."""
    labels = validation_labels()
    found: dict[int, list[Picture]] = {}
    for picture in pictures:
        number = _VALIDATION_PICTURE.match(picture.file)
        stem = picture.file.rpartition(".")[0]
        if stem in solution:
            label = solution[stem]
        elif number and 1 <= int(number[1]) <= len(labels):
            label = int(labels[int(number[1]) - 1])
        else:
            problems.note(
                f"{base}/{picture.name}", "its name must be like ILSVRC2012_val_00000001.JPEG"
            )
            continue
        found.setdefault(label, []).append(picture)
    return found


def _folders(folder: Path) -> list[str]:
    """The names of the folders in a folder, sorted, without hidden ones."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.is_dir()]
    return sorted(name for name in names if not name.startswith("."))


def _class_tars(folder: Path) -> list[Path]:
    """The tars in a folder that are named after a class, sorted."""
    return sorted(path for path in folder.glob("n*.tar") if _WNID.fullmatch(path.stem))


def _files(folder: Path) -> list[str]:
    """The names of the pictures in a folder, sorted, without hidden ones."""
    _, names = next(walk(str(folder)))
    return [name for name in names if _is_picture(name) and not name.startswith(".")]


def _is_picture(name: str) -> bool:
    return name.lower().endswith(IMG_EXTENSIONS)


def _numbers() -> dict[str, int]:
    """The number of each class by its id."""
    return {wnid: number for number, wnid in enumerate(synsets())}


def _with_bar(items: Iterable[Any]) -> Any:
    """Shows on a terminal how many are done."""
    return tqdm(items, desc="listing ImageNet's pictures", disable=None, leave=False)
