"""Kaggle's Dogs vs. Cats pictures, in any of the forms in which people have them."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from PIL import Image

from .archive import FolderSource, ZipSource, find_sources
from .broken import broken_pictures
from .dataset import Dataset
from .image_folder import IMG_EXTENSIONS
from .picture import check_on_error, decode_picture

CLASSES = ("cat", "dog")

Root: TypeAlias = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]

_NAMED = re.compile(r"(cat|dog)\.(\d{1,18})\.", re.IGNORECASE)  # cat.17.jpg
_CLASS_FOLDER = re.compile(r"(cat|dog)s?", re.IGNORECASE)  # PetImages/Cat/17.jpg
_NUMBERED = re.compile(r"(\d{1,18})\.")  # test/17.jpg; more digits do not fit into int64
_MACOS_FILES = ("__macosx/", "._")  # metadata that macOS adds to zips; not pictures
_TEST_NAMES = ("test", "test.zip", "test1", "test1.zip")
_NO_LABEL = -1  # of a test picture


class PictureKey(NamedTuple):
    """Identifies a picture, wherever its file is; pictures are sorted by their keys."""

    label: int
    number: int  # -1 if its name has none
    name: str  # the file's, if it has no number


class DogsVsCats(Dataset):
    """Cats (class 0) and dogs (class 1), so that the second probability is Kaggle's P(dog).

    Args:
        root: a path, or several whose pictures are joined: Kaggle's outer zip, ``train.zip`` or
            ``test.zip``, a folder with zips or pictures in it, or Microsoft's PetImages as a zip
            or a folder. Zips are read in place.
        split: ``"train"`` gives ``(picture, class)``, in the order cat 0, cat 1, … dog 0, …;
            ``"test"`` gives ``(picture, id)`` in the order of the ids.
        transform: called with each picture, a PIL image in mode RGB.
        on_error: what happens with a broken picture. Indexing always raises
            :class:`BrokenPicture` with its path. ``"raise"`` lets a ``DataLoader`` raise, too;
            with ``"skip"`` and ``"warn"`` the loader leaves the picture out of its batch and lists
            it in ``DataLoader.skipped``, with one warning for all or one for each. :meth:`verify`
            finds all broken pictures in advance.

    Attributes:
        classes, class_to_idx: ``["cat", "dog"]`` and their numbers.
        targets: class of each picture, (N,) int64; only in the training split.
        ids: number in each picture's file name, (N,) int64, -1 if it has none.
        ignored: paths of files that are not pictures.

    Raises:
        FileNotFoundError: if a path does not exist, or there is no picture of this split in it.
        ValueError: for a file that is not a zip or is damaged, a picture whose name contains
            neither cat, dog nor a number, or the same picture found twice.
    """

    def __init__(
        self,
        root: Root,
        split: str = "train",
        transform: Callable[[Any], Any] | None = None,
        on_error: str = "raise",
    ) -> None:
        if split not in ("train", "test"):
            raise ValueError(f"split must be 'train' or 'test', got {split!r}")
        check_on_error(on_error)
        self.roots = _paths(root)
        self.split, self.transform, self.on_error = split, transform, on_error
        self.classes = list(CLASSES)
        self.class_to_idx = {name: number for number, name in enumerate(CLASSES)}
        self.ignored: list[str] = []
        self._sources: list[FolderSource | ZipSource] = []
        self._find_pictures()
        if split == "train":
            self.targets = self._labels.astype(np.int64)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} is out of range for {len(self)} pictures")
        picture: Any = self.load(index)
        if self.transform is not None:
            picture = self.transform(picture)
        return picture, int(self._labels[index] if self.split == "train" else self.ids[index])

    def load(self, index: int) -> Image.Image:
        """The picture itself, in mode RGB, without the transform."""
        source, i = self._locate(index)
        return decode_picture(lambda: source.read(i), source.path(i), self.on_error)

    def describe(self, index: int) -> str:
        """The picture's path; in a zip, the zip's path followed by the name in it."""
        source, i = self._locate(index)
        return source.path(i)

    def verify(self, num_workers: int = 2) -> list[tuple[str, str]]:
        """Decodes every picture, in ``num_workers`` threads.

        Returns:
            The path and the reason of each broken one.
        """
        return broken_pictures(self.load, self.describe, len(self), num_workers)

    def __repr__(self) -> str:
        if self.split == "test":
            count = f"{len(self)} test pictures"
        else:
            cats, dogs = np.bincount(self.targets, minlength=2)
            count = f"{cats} cats and {dogs} dogs"
        return f"DogsVsCats({count} from {', '.join(str(root) for root in self.roots)})"

    def _locate(self, index: int) -> tuple[FolderSource | ZipSource, int]:
        return self._sources[self._source_of[index]], int(self._position_of[index])

    def _find_pictures(self) -> None:
        found: dict[PictureKey, tuple[int, int]] = {}  # the source and the position in it
        strange: list[str] = []
        of_the_other = 0  # pictures of the split that is not asked for
        for source in (s for root in self.roots for s in find_sources(root, self._wants_zip)):
            self._sources.append(source)
            for i, name in enumerate(source.names()):
                if not is_picture(name):
                    self.ignored.append(source.path(i))
                elif (key := picture_key(name)) is None:
                    strange.append(source.path(i))
                elif (key.label == _NO_LABEL) == (self.split == "test"):
                    self._add(found, key, (len(self._sources) - 1, i))
                else:
                    of_the_other += 1
        if strange:
            raise ValueError(
                "pictures should be named like cat.1.jpg, Cat/1.jpg or, for the test, 1.jpg; "
                f"{len(strange)} are not, the first being {strange[0]}"
            )
        if not found:
            name = "cat.1.jpg or Cat/1.jpg" if self.split == "train" else "1.jpg"
            raise FileNotFoundError(
                f"no {self.split} pictures (named like {name}) in "
                f"{', '.join(str(root) for root in self.roots)}; "
                f"{of_the_other} {self._other} pictures and {len(self.ignored)} other files are there"
            )
        keys = sorted(found)
        # Arrays, not lists: thousands of objects would cost memory in every worker process.
        self._labels = np.array([key.label for key in keys], dtype=np.int8)
        self.ids = np.array([key.number for key in keys], dtype=np.int64)
        self._source_of, self._position_of = np.array([found[k] for k in keys], dtype=np.int32).T

    @property
    def _other(self) -> str:
        return "test" if self.split == "train" else "train"

    def _wants_zip(self, name: str) -> bool:
        return not name.lower().startswith(self._other)

    def _add(
        self, found: dict[PictureKey, tuple[int, int]], key: PictureKey, place: tuple[int, int]
    ) -> None:
        if key in found:
            first, second = (self._sources[source].path(i) for source, i in (found[key], place))
            raise ValueError(
                f"the same picture is there twice: {first} and {second}; "
                "give the path of one of them only"
            )
        found[key] = place


def find_test_pictures(root: Root) -> DogsVsCats | None:
    """The test pictures in or next to the training pictures; None if there are none.

    Args:
        root: of the training pictures, as :class:`DogsVsCats` takes it.

    Returns:
        The dataset of the first place that has some: ``root`` itself, then the folders and zips
        ``test`` and ``test1``, Kaggle's name, beside it.
    """
    paths = _paths(root)
    beside = [path.parent / name for path in paths for name in _TEST_NAMES]
    places: list[Root] = [paths, *filter(Path.exists, beside)]
    for place in places:
        with contextlib.suppress(OSError, ValueError):
            return DogsVsCats(place, split="test")
    return None


def _paths(root: Root) -> list[Path]:
    return [Path(root)] if isinstance(root, (str, os.PathLike)) else [Path(path) for path in root]


def is_picture(name: str) -> bool:
    """Whether a file's name ends as a picture's, and it is none of macOS's own files."""
    lower = name.lower()
    if any(lower.startswith(x) or f"/{x}" in lower for x in _MACOS_FILES):
        return False
    return lower.endswith(IMG_EXTENSIONS)


def picture_key(name: str) -> PictureKey | None:
    """The key in a picture's name; None if the name contains neither a class nor a number."""
    folder, _, file = name.rpartition("/")
    numbered = _NUMBERED.match(file)
    if named := _NAMED.match(file):
        return PictureKey(CLASSES.index(named[1].lower()), int(named[2]), "")
    if in_class := _CLASS_FOLDER.fullmatch(folder.rpartition("/")[2]):
        label = CLASSES.index(in_class[1].lower())
        return PictureKey(label, int(numbered[1]), "") if numbered else PictureKey(label, -1, file)
    return PictureKey(_NO_LABEL, int(numbered[1]), "") if numbered else None
