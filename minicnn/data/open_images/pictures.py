"""Which pictures of Open Images are on the disk: files ``<image id>.jpg`` in some folders."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ..index import Index, open_index
from .files import picture_folders

__all__ = ["Pictures"]

_NAME = re.compile(r"[0-9a-f]{16}\.jpg")


class Pictures:
    """The pictures of a split.

    Args:
        root: the dataset's folder.
        split: ``"train"``, ``"validation"`` or ``"test"``.
    """

    def __init__(self, root: Path, split: str) -> None:
        # The index is written into root, which changes root's time. So if there are pictures in
        # root itself, they are listed each time.
        self._folders = picture_folders(root, split)
        in_root = _list([root])
        if len(in_root["id"]):
            self._folders.insert(0, root)
            self._index = Index(_list(self._folders) if len(self._folders) > 1 else in_root)
        else:
            self._index = open_index(
                f"openimages-{split}-pictures", self._folders, lambda: _list(self._folders), root
            )
        self._home = root / split

    def find(self, ids: np.ndarray) -> np.ndarray:
        """Where pictures are in the list, (N,) int32; -1 for those that are not there."""
        known = self._index["id"]
        if not len(known):
            return np.full(len(ids), -1, np.int32)
        places = np.minimum(np.searchsorted(known, ids), len(known) - 1)
        return np.where(known[places] == ids, places, -1).astype(np.int32)

    def path(self, image_id: int, place: int) -> str:
        """The path of a picture; if it is not there, the one where it could be."""
        folder = self._home if place < 0 else self._folders[self._index["folder"][place]]
        return str(folder / f"{image_id:016x}.jpg")


def _list(folders: list[Path]) -> dict[str, np.ndarray]:
    """The ids of all pictures, ascending, and the number of each one's folder."""
    ids, counts = [], []
    for folder in tqdm(folders, desc="listing pictures", leave=False, disable=None):
        with os.scandir(folder) as entries:
            found = [int(e.name[:16], 16) for e in entries if _NAME.fullmatch(e.name)]
        ids.append(np.array(found, np.uint64))
        counts.append(len(found))
    unique, first = np.unique(np.concatenate([np.empty(0, np.uint64), *ids]), return_index=True)
    number = np.repeat(np.arange(len(folders), dtype=np.uint16), counts)
    return {"id": unique, "folder": number[first]}
