"""Datasets of files that are sorted into one folder per class."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from .dataset import Dataset
from .files import walk
from .picture import load_picture

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


class DatasetFolder(Dataset):
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

    As ``torchvision.datasets.DatasetFolder``, but pipes and links that lead round in a circle are left
    out.
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
        if (extensions is None) == (is_valid_file is None):
            raise ValueError("exactly one of extensions and is_valid_file must be given")
        self.root, self.loader, self.extensions = os.fspath(root), loader, extensions
        self.transform, self.target_transform = transform, target_transform
        self.classes = _find_classes(self.root)
        self.class_to_idx = {name: number for number, name in enumerate(self.classes)}
        self.samples: list[tuple[str, int]] = []
        empty = []
        for number, name in enumerate(self.classes):
            paths = [p for p in _files(Path(self.root, name)) if self._counts(p, is_valid_file)]
            self.samples += [(path, number) for path in paths]
            if not paths:
                empty.append(name)
        if empty and not allow_empty:
            kinds = f" ending in {', '.join(extensions)}" if extensions else ""
            raise FileNotFoundError(f"no file{kinds} for classes {', '.join(empty)} in {self.root}")
        self.targets = [target for _, target in self.samples]

    def _counts(self, path: str, is_valid_file: Callable[[str], bool] | None) -> bool:
        if is_valid_file is not None:
            return is_valid_file(path)
        return path.lower().endswith(self.extensions or ())

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        path, target = self.samples[index]
        sample, label = self.loader(path), target
        if self.transform is not None:
            sample = self.transform(sample)
        if self.target_transform is not None:
            label = self.target_transform(target)
        return sample, label

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
        loader: Callable[[str], Any] = pil_loader,
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


def _find_classes(root: str) -> list[str]:
    classes = sorted(entry.name for entry in os.scandir(root) if os.path.isdir(entry.path))
    if not classes:
        raise FileNotFoundError(f"no class folder in {root}")
    return classes


def _files(folder: Path) -> Iterator[str]:
    for parent, names in sorted(walk(str(folder))):
        for name in names:
            yield os.path.join(parent, name)
