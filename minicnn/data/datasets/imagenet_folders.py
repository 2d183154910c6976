"""ImageNet's pictures in folders of classes, Kaggle's among them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from ..csv_lines import csv_lines
from ..files import walk
from ..image_folder import is_image_file
from ..problems import Problems
from .imagenet_classes import synsets
from .imagenet_files import (
    NO_CLASS,
    VALIDATION_PICTURE,
    WNID,
    Class,
    Files,
    Picture,
    by_class,
    class_numbers,
    name_of_row,
    with_bar,
)
from .imagenet_tars import class_tars

__all__ = ["Folder", "has_pictures"]


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
        return os.path.join(self.base, name_of_row(index, row))

    def read(self, index: Mapping[str, np.ndarray], row: int) -> bytes:
        return Path(self.path(index, row)).read_bytes()

    def classes(self, problems: Problems) -> Iterator[Class]:
        numbers, folders = class_numbers(), {}
        for name in _folders(self.base):
            if name in numbers:
                folders[numbers[name]] = name
            elif WNID.fullmatch(name):  # others, such as lost+found, are no part of ImageNet
                problems.note(f"{self.base}/{name}", NO_CLASS)
        for tar in class_tars(self.base):
            if numbers.get(tar.stem) not in folders:
                problems.note(str(tar), "is not unpacked as the others are")
        flat: dict[int, list[Picture]] = {}
        if self._is_validation:
            solution = _read_solution(self._solution, problems) if self._solution else {}
            flat = by_class(self._pictures(), solution, self.base, problems)
        for label in with_bar(sorted({*folders, *flat})):
            inside = self._pictures(folders[label]) if label in folders else ()
            yield label, [*flat.get(label, ()), *inside]

    def _pictures(self, folder: str = "") -> Iterator[Picture]:
        for name in _files(self.base / folder):
            yield Picture(f"{folder}/{name}" if folder else name)


def has_pictures(folder: Path, split: str) -> bool:
    """Whether there are folders of classes in a folder, or validation pictures."""
    if any(name in synsets() for name in _folders(folder)):
        return True
    return split == "val" and any(map(VALIDATION_PICTURE.match, _files(folder)))


def _read_solution(path: Path, problems: Problems) -> dict[str, int]:
    """The class of each validation picture by its name without ending."""
    numbers, found = class_numbers(), {}
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


def _folders(folder: Path) -> list[str]:
    """The names of the folders in a folder, sorted, without hidden ones."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.is_dir()]
    return sorted(name for name in names if not name.startswith("."))


def _files(folder: Path) -> list[str]:
    """The names of the pictures in a folder, sorted, without hidden ones."""
    _, names = next(walk(str(folder)))
    return [name for name in names if is_image_file(name) and not name.startswith(".")]
