"""The index of a dataset: what a scan of its files found, kept in a file that can be mapped.

The first opening of a large dataset reads through its archives or annotations. What it finds there,
such as the offset of each picture, is written to one file, and the next opening maps that. It is
written beside the data, or in the cache folder where that cannot be written to. The file names the
size and the time of the last change of all it was made from. If one of them differs, or the file is
damaged, it is made once more.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..io.atomic import replacing
from ..io.download import cache_folder
from ..io.raw import bytes_of
from ..io.safetensors_file import make_header, map_safetensors, write_data

__all__ = ["Index", "open_index"]

_CHUNK = 1 << 20  # bytes whose checksum is taken at once


class Index(Mapping[str, np.ndarray]):
    """Arrays by name, mapped from a file, or in memory if none could be written.

    Pickling stores the file's path alone, so worker processes map the same memory.

    Args:
        arrays: by name.
        path: of the file; None if there is none.
        checksum: of the file.
    """

    def __init__(
        self, arrays: Mapping[str, np.ndarray], path: Path | None = None, checksum: str = ""
    ) -> None:
        self._arrays, self.path, self._checksum = arrays, path, checksum

    def __getitem__(self, name: str) -> np.ndarray:
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __reduce__(self) -> tuple[Any, ...]:
        if self.path is None:
            return Index, (dict(self._arrays),)
        return _reopen, (self.path, self._checksum)


def open_index(
    name: str,
    sources: Sequence[Path],
    build: Callable[[], Mapping[str, np.ndarray]],
    beside: Path,
    version: int = 1,
) -> Index:
    """Opens the index of some files, and makes it first if there is none that fits.

    Args:
        name: of the index, a part of its file's name, such as ``"imagenet-train"``.
        sources: the files and folders that it is made from. Of a folder the time of the last change
            counts, which is that of the last file added or removed.
        build: reads the sources and returns arrays of numbers by name.
        beside: the folder of the data, where the index is written.
        version: of what ``build`` returns.

    Raises:
        OSError: if a source cannot be read.
        Exception: what ``build`` raises; nothing is written then.
    """
    key = json.dumps([name, version, [_state(source) for source in sources]])
    places = _places(name, beside.resolve())
    for path in places:
        with contextlib.suppress(OSError, ValueError):  # damaged, or of another version
            return _open(path, key)
    arrays = {name: np.asarray(array) for name, array in build().items()}
    if key == json.dumps([name, version, [_state(source) for source in sources]]):
        for path in places:
            with contextlib.suppress(OSError):
                _write(path, arrays, key)
                return _open(path, key)
    return Index(arrays)


def _places(name: str, folder: Path) -> list[Path]:
    """Where an index of the data in a folder may be, the best place first."""
    places = [folder / f".minicnn-{name}.index"]
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    with contextlib.suppress(RuntimeError):  # a user of a container may have no home
        places.append(cache_folder() / "indexes" / f"{name}-{digest}.index")
    return places


def _state(source: Path) -> list[Any]:
    """What changes when a file or a folder does."""
    status = source.stat()
    size = None if source.is_dir() else status.st_size
    return [source.name.encode("utf-8", "backslashreplace").decode(), size, status.st_mtime_ns]


def _write(path: Path, arrays: Mapping[str, np.ndarray], key: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    checksum = 0
    order = sorted(arrays, key=lambda name: -arrays[name].itemsize)
    for name in order:
        checksum = zlib.crc32(bytes_of(arrays[name]), checksum)
    in_order = {name: arrays[name] for name in order}
    with replacing(path) as file:
        file.write(make_header(in_order, {"key": key, "crc32": str(checksum)}))
        write_data(file, in_order)


def _open(path: Path, key: str) -> Index:
    with path.open("rb") as file:
        contents = map_safetensors(file)
        if contents.metadata.get("key") != key:
            raise ValueError("it is the index of other files")
        file.seek(len(contents.header))
        if str(_checksum(file)) != contents.metadata.get("crc32"):
            raise ValueError("its checksum does not match")
    return Index(contents.arrays, path, contents.metadata["crc32"])


def _reopen(path: Path, checksum: str) -> Index:
    """The index in another process, whose file was checked by the first."""
    with path.open("rb") as file:
        contents = map_safetensors(file)
    if contents.metadata.get("crc32") != checksum:
        raise RuntimeError(f"{path} was replaced while its dataset was in use; open it once more")
    return Index(contents.arrays, path, checksum)


def _checksum(file: IO[bytes]) -> int:
    # It is read, not mapped, as mapped pages would count as memory of this process.
    checksum, buffer = 0, bytearray(_CHUNK)
    while size := file.readinto(buffer):  # type: ignore[attr-defined]
        checksum = zlib.crc32(memoryview(buffer)[:size], checksum)
    return checksum
