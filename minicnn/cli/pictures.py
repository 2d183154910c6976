"""Pictures at paths, without labels: files, and what is in folders and zips."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from PIL import ImageOps
from tqdm import tqdm

from ..data import DataLoader, Dataset
from ..data.archive import FolderSource, ZipSource, find_sources
from ..data.dogs_vs_cats import is_picture
from ..data.picture import decode_picture
from ..tensor import Tensor
from ..transforms.functional import pil_to_tensor

__all__ = ["Pictures", "batches", "loader_of"]


class Pictures(Dataset[tuple[Tensor, int]]):
    """The pictures at some paths, upright, as bytes (3, H, W), each with its number.

    Args:
        paths: pictures, whatever their names end in, and folders and zips, in which those files are
            pictures that end as pictures do. Numbers in names are sorted as numbers.
        cut: called with a picture, returns the part that the network sees.

    A ``DataLoader`` leaves broken pictures out, with a warning for each.

    Raises:
        FileNotFoundError: for a path that does not exist, or has no picture in it.
        ValueError: for a damaged zip.
    """

    def __init__(self, paths: Sequence[Path], cut: Callable[[Any], Any]) -> None:
        self.cut = cut
        self._found: list[tuple[FolderSource | ZipSource, int]] = []
        for path in paths:
            self._found += sorted(_find(path), key=lambda found: _in_order(found[0].path(found[1])))

    def __len__(self) -> int:
        return len(self._found)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        source, i = self._found[index]
        picture = decode_picture(lambda: source.read(i), source.path(i), on_error="warn")
        return pil_to_tensor(self.cut(ImageOps.exif_transpose(picture))), index

    def describe(self, index: int) -> str:
        """The picture's path; in a zip, the zip's path followed by the name in it."""
        source, i = self._found[index]
        return source.path(i)


def _find(path: Path) -> list[tuple[FolderSource | ZipSource, int]]:
    if path.is_file() and path.suffix.lower() != ".zip":
        return [(FolderSource(path.parent, [path.name]), 0)]
    found = [
        (source, i)
        for source in find_sources(path, lambda name: True)
        for i, name in enumerate(source.names())
        if is_picture(name)
    ]
    if not found:
        raise FileNotFoundError(f"no pictures in {path}")
    return found


def _in_order(path: str) -> list[int | str]:
    """A key under which 2.jpg comes before 10.jpg."""
    parts = re.split(r"(\d+)", path)  # text and digits in turn
    return [int(part) if i % 2 else part for i, part in enumerate(parts)]


def loader_of(pictures: Any, args: argparse.Namespace) -> DataLoader[Any]:
    """A loader with the command's ``--batch-size`` and ``--workers``."""
    return DataLoader(pictures, batch_size=args.batch_size, num_workers=args.workers)


def batches(loader: DataLoader[Any], title: str) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches of a loader, with a progress bar on a terminal."""
    total = len(loader.dataset)
    with tqdm(total=total, desc=title, unit="picture", disable=None, leave=False) as bar:
        for pictures, numbers in loader:
            yield pictures, numbers
            bar.update(len(numbers))
