"""ImageNet's pictures in tars: the published ones, and those of single classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from ..image_folder import is_image_file
from ..problems import Problems
from ..tar import DamagedTar, Member, members
from ..window import File, Slice, Window
from .imagenet_classes import synsets
from .imagenet_files import (
    NO_CLASS,
    WNID,
    Class,
    Files,
    Picture,
    by_class,
    class_numbers,
    name_of_row,
    with_bar,
)

__all__ = ["TrainTar", "TrainTars", "ValidationTar", "class_tars"]

_LARGEST = (1 << 32) - 1  # bytes of a picture


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
            if is_image_file(name) and member.size <= _LARGEST:
                yield Picture(folder + member.name, start + member.offset, member.size)
            else:
                problems.note(f"{label}/{member.name}", "is no picture")


class TrainTar(_Tar):
    """A tar with a tar for each class."""

    def classes(self, problems: Problems) -> Iterator[Class]:
        numbers, tars = class_numbers(), dict[int, Member]()
        for member in self._files(self._file, str(self.base), problems):
            label = numbers.get(member.name.rpartition("/")[2].removesuffix(".tar"))
            if label is None or label in tars:
                why = NO_CLASS if label is None else "is there twice"
                problems.note(f"{self.base}/{member.name}", why)
            else:
                tars[label] = member
        for label in with_bar(sorted(tars)):
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
        return class_tars(self.base)

    @property
    def beside(self) -> Path:
        return self.base

    def read(self, index: Mapping[str, np.ndarray], row: int) -> bytes:
        tar = name_of_row(index, row).partition("/")[0]
        # It is opened for each picture, as a thousand files may be more than a program may open.
        file = File(self.base / tar)
        return file.read_at(int(index["offsets"][row]), int(index["sizes"][row]))

    def classes(self, problems: Problems) -> Iterator[Class]:
        for path in with_bar(self.sources):
            if path.stem in synsets():
                pictures = self._pictures(File(path), str(path), problems, folder=f"{path.name}/")
                yield class_numbers()[path.stem], list(pictures)
            else:
                problems.note(str(path), NO_CLASS)


class ValidationTar(_Tar):
    """A tar of pictures, whose numbers tell their classes."""

    def classes(self, problems: Problems) -> Iterator[Class]:
        pictures = with_bar(self._pictures(self._file, str(self.base), problems))
        yield from sorted(by_class(pictures, {}, self.base, problems).items())


def class_tars(folder: Path) -> list[Path]:
    """The tars in a folder that are named after a class, sorted."""
    return sorted(path for path in folder.glob("n*.tar") if WNID.fullmatch(path.stem))
