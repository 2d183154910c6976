"""Files in a zip, found by their names."""

from __future__ import annotations

from bisect import bisect_left
from pathlib import Path

import numpy as np

from .archive import ZipSource
from .index import Index, open_index
from .packed import PackedStrings

__all__ = ["ZippedFiles"]


class ZippedFiles:
    """The files in a zip, which is listed once, into an index beside it.

    Args:
        path: of the zip.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is not a zip, is damaged, or packed in a way that cannot be read.
    """

    def __init__(self, path: Path) -> None:
        index = open_index(f"zip-{path.name}", [path], lambda: _list(path), path.parent)
        self.__setstate__((path, index))

    def __getstate__(self) -> tuple[Path, Index]:
        return self.path, self._index

    def __setstate__(self, state: tuple[Path, Index]) -> None:
        self.path, self._index = state
        self._names = PackedStrings.of_arrays(self._index, "names")
        self._source = ZipSource.listed(self.path, np.empty(0, np.bytes_), self._index["entries"])

    def __contains__(self, name: str) -> bool:
        place = bisect_left(self._names, name)
        return place < len(self._names) and self._names[place] == name

    def read(self, name: str) -> bytes:
        """The bytes of a file.

        Raises:
            FileNotFoundError: if it is not in the zip.
            ValueError: if it is damaged.
        """
        if name not in self:
            raise FileNotFoundError("the zip has no such file")
        return self._source.read(bisect_left(self._names, name))


def _list(path: Path) -> dict[str, np.ndarray]:
    source = ZipSource(path)
    names = source.names()
    order = sorted(range(len(names)), key=names.__getitem__)
    packed = PackedStrings.pack(names[i] for i in order)
    return {**packed.arrays("names"), "entries": source.entries[order]}
