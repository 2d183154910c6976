"""The masks of Open Images: PNG files in zips, or extracted from them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tqdm import tqdm

from ..archive import ZipSource
from ..index import Index, open_index
from ..picture import BROKEN, open_picture
from ..problems import Problems
from .files import mask_places

__all__ = ["Masks"]


class Masks:
    """The masks of a split.

    Args:
        root: the dataset's folder.
        split: ``"train"``, ``"validation"`` or ``"test"``.
        annotations: the index of the annotations, which has their ``mask_path``.
        sources: the files which that was made from.

    Attributes:
        problems: zips that cannot be read.
        found: whether there is the mask of each row, (M,) bool.
    """

    def __init__(self, root: Path, split: str, annotations: Index, sources: list[Path]) -> None:
        self._annotations = annotations
        self._names = _strings(annotations["mask_path"])
        self._places = mask_places(root, split)
        self._index = open_index(
            f"openimages-{split}-mask-files", [*sources, *self._places], self._find, root
        )
        self.problems = Problems.of_arrays(self._index)
        self._open()

    def __getstate__(self) -> dict[str, Any]:
        # What the indexes have is not pickled with them.
        return {
            name: value
            for name, value in vars(self).items()
            if name not in ("_names", "found", "_zips")
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._names = _strings(self._annotations["mask_path"])
        self._open()

    def _open(self) -> None:
        self.found = self._index["place"] >= 0
        used = set(np.unique(self._index["place"]).tolist())
        self._zips = {
            i: ZipSource.listed(path, self._names, self._index["entries"])
            for i, path in enumerate(self._places)
            if i in used and path.suffix == ".zip"
        }

    def path(self, row: int) -> str:
        """The path of the mask of a row; in a zip, the zip's path followed by the name in it."""
        place = int(self._index["place"][row])
        name = self._names[row].decode("utf-8", "replace")
        return str(self._places[place] / name) if place >= 0 else name

    def load(self, row: int, size: tuple[int, int], on_error: str = "raise") -> np.ndarray:
        """The mask of a row, (height, width) uint8, in which 1 is the object.

        Args:
            row: its number.
            size: width and height of its picture.
            on_error: as for :func:`~minicnn.data.picture.decode_picture`.

        Raises:
            BrokenPicture: if it is not there or cannot be decoded.
        """
        path, source = self.path(row), self._zips.get(int(self._index["place"][row]))
        if not self.found[row]:
            raise BROKEN[on_error](f"{path}: the mask is in none of the zips and folders of masks")
        read = None if source is None else (lambda: source.read(row))
        mask = open_picture(path, on_error, read).convert("L")
        # Many have another size than their picture.
        mask = mask.resize(size, Image.Resampling.NEAREST)
        return (np.asarray(mask) > 127).astype(np.uint8)

    def _find(self) -> dict[str, np.ndarray]:
        """Where the mask of each row is: the number of the place, and the entry in the zip."""
        names, row_to_name = np.unique(self._names, return_inverse=True)
        place = np.full(len(names), -1, np.int16)
        entries = np.zeros((len(names), 5), np.int64)
        problems = Problems()
        bar = tqdm(self._places, desc="listing masks", leave=False, disable=None)
        for i, path in enumerate(bar):
            try:
                source = None if path.is_dir() else ZipSource(path)
            except ValueError as error:
                problems.note(str(path), str(error).removeprefix(f"{path} "))
                continue
            there = os.listdir(path) if source is None else source.names()
            base = np.array([os.fsencode(os.path.basename(name)) for name in there], np.bytes_)
            at = np.searchsorted(names, base).clip(max=len(names) - 1)
            hit = np.flatnonzero((names[at] == base) & (place[at] < 0))
            place[at[hit]] = i
            if source is not None:
                entries[at[hit]] = source.entries[hit]
        return {
            "place": place[row_to_name],
            "entries": entries[row_to_name],
            **problems.arrays(),
        }


def _strings(characters: np.ndarray) -> np.ndarray:
    """The rows of an array of bytes, (N, W), as strings, (N,)."""
    return characters.view(f"S{characters.shape[1]}").ravel()
