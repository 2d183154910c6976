"""Datasets of files that are sorted into one folder per class."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from .files import walk
from .picture import load_picture
from .vision_dataset import VisionDataset

IMG_EXTENSIONS = (
    ".jpg",
    ".jpeg",
    ".png",
    ".ppm",
    ".bmp",
    ".pgm",
    ".tif",
    ".tiff",
    ".webp",
)


def pil_loader(path: str | os.PathLike[str]) -> Image.Image:
    """The picture at ``path`` in mode RGB, as :func:`load_picture`, under torchvision's name."""
    return load_picture(path)


default_loader = pil_loader


def has_file_allowed_extension(filename: str, extensions: str | tuple[str, ...]) -> bool:
    """Whether a name ends in one of some endings, which are in lower case."""
    return filename.lower().endswith(extensions)


def is_image_file(filename: str) -> bool:
    """Whether a name ends as a picture's."""
    return has_file_allowed_extension(filename, IMG_EXTENSIONS)


def find_classes(directory: str | os.PathLike[str]) -> tuple[list[str], dict[str, int]]:
    """The folders in a folder, sorted, and their numbers.

    Raises:
        FileNotFoundError: if there is none.
    """
    classes = sorted(entry.name for entry in os.scandir(directory) if os.path.isdir(entry.path))
    if not classes:
        raise FileNotFoundError(f"no class folder in {os.fspath(directory)}")
    return classes, {name: number for number, name in enumerate(classes)}


def make_dataset(
    directory: str | os.PathLike[str],
    class_to_idx: dict[str, int] | None = None,
    extensions: str | tuple[str, ...] | None = None,
    is_valid_file: Callable[[str], bool] | None = None,
    allow_empty: bool = False,
) -> list[tuple[str, int]]:
    """The files in ``directory/CLASS/…`` with their classes, sorted by class and path.

    Args:
        directory: a folder with one folder for each class.
        class_to_idx: the classes' numbers; by default those of :func:`find_classes`.
        extensions, is_valid_file, allow_empty: as for :class:`DatasetFolder`.

    Raises:
        FileNotFoundError: if a class has no file.
        ValueError: for no classes, and unless exactly one of ``extensions`` and ``is_valid_file`` is
            given.
    """
    if (extensions is None) == (is_valid_file is None):
        raise ValueError("exactly one of extensions and is_valid_file must be given")
    directory = os.path.expanduser(directory)
    if class_to_idx is None:
        _, class_to_idx = find_classes(directory)
    if not class_to_idx:
        raise ValueError("class_to_idx must have at least one class, got none")
    samples: list[tuple[str, int]] = []
    empty = []
    for name in sorted(class_to_idx):
        folder = Path(directory, name)
        paths = [
            path
            for path in (_files(folder) if folder.is_dir() else ())
            if (is_valid_file(path) if is_valid_file else path.lower().endswith(extensions or ()))
        ]
        samples += [(path, class_to_idx[name]) for path in paths]
        if not paths:
            empty.append(name)
    if empty and not allow_empty:
        endings = (extensions,) if isinstance(extensions, str) else extensions
        kinds = f" ending in {', '.join(endings)}" if endings else ""
        raise FileNotFoundError(f"no file{kinds} for classes {', '.join(empty)} in {directory}")
    return samples


class DatasetFolder(VisionDataset):
    """Files in ``root/CLASS/…``: sample i is ``(loader(path), class)``.

    Args:
        root: a folder with one folder for each class; subfolders of these are searched, too.
        loader: called with a file's path.
        extensions: the endings, in lower case, of the files to use.
        transform: called with the loader's result.
        target_transform: called with the class.
        is_valid_file: called with a file's path, says whether to use it; instead of ``extensions``.
        allow_empty: whether a class may have no file.

    Attributes:
        classes: folder names, sorted; ``class_to_idx`` gives their numbers.
        samples: list of (path, class), sorted by class and path; ``targets`` lists the classes.

    Raises:
        FileNotFoundError: if ``root`` has no class folder, or a class has no file.
        PermissionError: for a folder that cannot be read.
        ValueError: unless exactly one of ``extensions`` and ``is_valid_file`` is given.

    Subclasses may override :meth:`find_classes` and :meth:`make_dataset`. As
    ``torchvision.datasets.DatasetFolder``, but pipes and links that lead round in a circle are left out.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        loader: Callable[[str], Any],
        extensions: tuple[str, ...] | None = None,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.loader, self.extensions = loader, extensions
        self.classes, self.class_to_idx = self.find_classes(self.root)
        self.samples = self.make_dataset(
            self.root, self.class_to_idx, extensions, is_valid_file, allow_empty
        )
        self.targets = [target for _, target in self.samples]

    def find_classes(self, directory: str | os.PathLike[str]) -> tuple[list[str], dict[str, int]]:
        """The classes and their numbers, see :func:`find_classes`."""
        return find_classes(directory)

    @staticmethod
    def make_dataset(
        directory: str | os.PathLike[str],
        class_to_idx: dict[str, int],
        extensions: str | tuple[str, ...] | None = None,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> list[tuple[str, int]]:
        """The files and their classes, see :func:`make_dataset`."""
        return make_dataset(directory, class_to_idx, extensions, is_valid_file, allow_empty)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        path, target = self.samples[index]
        return self._transformed(self.loader(path), target)

    def describe(self, index: int) -> str:
        """The file's path."""
        return self.samples[index][0]


class ImageFolder(DatasetFolder):
    """Pictures in ``root/CLASS/…``, in mode RGB, as ``torchvision.datasets.ImageFolder``.

    Classes are numbered in the order of their names. See :class:`DatasetFolder` for the arguments.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
        loader: Callable[[str], Any] = default_loader,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> None:
        super().__init__(
            root,
            loader,
            IMG_EXTENSIONS if is_valid_file is None else None,
            transform,
            target_transform,
            is_valid_file,
            allow_empty,
        )
        self.imgs = self.samples


def _files(folder: Path) -> Iterator[str]:
    for parent, names in sorted(walk(str(folder))):
        for name in names:
            yield os.path.join(parent, name)
