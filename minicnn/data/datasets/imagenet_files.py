"""Where ImageNet's pictures are, and the index of them; what tars and folders share."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from tqdm import tqdm

from ..packed import PackedStrings
from ..problems import Problems
from .imagenet_classes import synsets, validation_labels

__all__ = [
    "NO_CLASS",
    "VALIDATION_PICTURE",
    "WNID",
    "Class",
    "Files",
    "Picture",
    "by_class",
    "class_numbers",
    "name_of_row",
    "with_bar",
]

Item = TypeVar("Item")

WNID = re.compile(r"n\d{8}")
VALIDATION_PICTURE = re.compile(r"ILSVRC2012_val_(\d{8})\.", re.IGNORECASE)
NO_CLASS = "is no class of ImageNet 2012"


class Picture(NamedTuple):
    """A picture that was found."""

    name: str  # in the tar, or below the folder
    offset: int = 0  # in the tar
    size: int = 0

    @property
    def file(self) -> str:
        """The name without folders."""
        return self.name.rpartition("/")[2]


Class = tuple[int, list[Picture]]  # a class, 0 to 999, and its pictures


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
        return f"{self.base}/{name_of_row(index, row)}"

    def classes(self, problems: Problems) -> Iterator[Class]:
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


def name_of_row(index: Mapping[str, np.ndarray], row: int) -> str:
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


def by_class(
    pictures: Iterable[Picture], solution: dict[str, int], base: Path, problems: Problems
) -> dict[int, list[Picture]]:
    """Validation pictures by class: Kaggle's list or their numbers tell it."""
    labels = validation_labels()
    found: dict[int, list[Picture]] = {}
    for picture in pictures:
        number = VALIDATION_PICTURE.match(picture.file)
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


def class_numbers() -> dict[str, int]:
    """The number of each class by its id."""
    return {wnid: number for number, wnid in enumerate(synsets())}


def with_bar(items: Iterable[Item]) -> Iterable[Item]:
    """Shows on a terminal how many are done."""
    return tqdm(items, desc="listing ImageNet's pictures", disable=None, leave=False)
