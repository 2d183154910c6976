"""Files inside folders and zips, read in place: nothing is unpacked to disk.

A zip is listed once. Each file in it is then read with one positioned read, so any number of
threads can read at once. Pickling a zip source stores its path alone; unpickling opens it again.
"""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from .files import walk
from .window import Damaged, File, Memory, Slice, Window, WindowFile

_LOCAL_HEADER = struct.Struct("<4s22xHH")  # signature, …, lengths of the name and the extra field
_ENCRYPTED = 1
_DEEPEST = 5  # zips inside a zip


class FolderSource:
    """Files below a folder.

    Args:
        root: the folder.
        names: paths of files relative to it.
    """

    def __init__(self, root: Path, names: list[str]) -> None:
        self.root = root
        # One block of bytes instead of an object for each file.
        self._names = np.array([os.fsencode(name) for name in names], dtype=np.bytes_)

    def names(self) -> list[str]:
        """The files' paths relative to the folder."""
        return [os.fsdecode(name) for name in self._names.tolist()]

    def path(self, i: int) -> str:
        """The path of file ``i``."""
        return str(self.root / os.fsdecode(self._names[i]))

    def read(self, i: int) -> bytes:
        """The bytes of file ``i``."""
        return Path(self.path(i)).read_bytes()


class ZipSource:
    """Files in a zip, which may be inside other zips.

    Args:
        path: the outermost zip.
        inside: names of the zips to go through from there, outermost first.

    Raises:
        ValueError: if it is not a zip, is truncated or encrypted, or is compressed by a method
            other than store and deflate.
    """

    def __init__(self, path: Path, inside: tuple[str, ...] = ()) -> None:
        self.zip_path, self.inside = path, inside
        self.label = "/".join([str(path), *inside])
        self._window: Window = File(path)
        try:
            for name in inside:
                self._window = self._enter(name)
            self._list()
        except (Damaged, zlib.error, OverflowError, OSError) as error:
            raise ValueError(f"{self.label} is damaged ({error}); download it again") from error

    @classmethod
    def listed(cls, path: Path, names: np.ndarray, entries: np.ndarray) -> ZipSource:
        """A zip that was listed before, which is only opened.

        Args:
            path: the zip.
            names: of its files, (N,) of dtype ``S``.
            entries: the :attr:`entries` of these files.
        """
        source = cls.__new__(cls)
        source.zip_path, source.inside, source.label = path, (), str(path)
        source._window, source._names, source._entries = File(path), names, entries
        return source

    @property
    def entries(self) -> np.ndarray:
        """Where each file is: offset, packed size, size, CRC-32 and method, (N, 5) int64."""
        return self._entries

    def __reduce__(self) -> tuple[type[ZipSource], tuple[Path, tuple[str, ...]]]:
        return type(self), (self.zip_path, self.inside)

    def names(self) -> list[str]:
        """The files' names in the zip."""
        return [name.decode() for name in self._names.tolist()]

    def path(self, i: int) -> str:
        """The path of file ``i``: the zip's path, then the name in the zip."""
        return f"{self.label}/{self._names[i].decode()}"

    def read(self, i: int) -> bytes:
        """The bytes of file ``i``, checked against the zip's checksum."""
        offset, packed, size, checksum, method = (int(number) for number in self._entries[i])
        data = self._window.read_at(self._data_offset(offset), packed)
        if method == zipfile.ZIP_DEFLATED:
            data = _inflate(data, size)
        if zlib.crc32(data) != checksum:
            raise Damaged("checksum in the zip does not match: the zip is damaged")
        return data

    def _list(self) -> None:
        infos = [
            info
            for info in self._infos(self._window, self.label)
            if not _name(info).endswith("/")  # a folder
        ]
        self._names = np.array([_name(info).encode() for info in infos], dtype=np.bytes_)
        self._entries = np.array(
            [
                (i.header_offset, i.compress_size, i.file_size, i.CRC, i.compress_type)
                for i in infos
            ],
            dtype=np.int64,
        ).reshape(len(infos), 5)

    def _enter(self, name: str) -> Window:
        found = [i for i in self._infos(self._window, self.label) if _name(i) == name]
        if len(found) != 1:
            raise Damaged(f"{name} is in it {len(found)} times")
        (info,) = found
        offset = self._data_offset(info.header_offset)
        if info.compress_type == zipfile.ZIP_STORED:
            return Slice(self._window, offset, info.compress_size)
        # Deflated data can only be read from the start, so an inner zip that is deflated is
        # unpacked whole into memory. It hardly grows: the pictures in it are compressed already.
        packed = self._window.read_at(offset, info.compress_size)
        return Memory(_inflate(packed, info.file_size))

    @staticmethod
    def _infos(window: Window, label: str) -> list[zipfile.ZipInfo]:
        begin = window.read_at(0, min(14, window.size))
        if begin[:2] != b"PK":
            raise ValueError(f"{label} is not a zip: {_what_it_is(begin)}")
        try:
            with zipfile.ZipFile(io.BufferedReader(WindowFile(window), 1 << 20)) as archive:
                infos = archive.infolist()
        except Exception as error:  # zipfile raises more than BadZipFile for damaged ones
            raise ValueError(
                f"{label} is a truncated or damaged zip of {window.size:,} bytes ({error}); "
                "download it again"
            ) from error
        for info in infos:
            if info.flag_bits & _ENCRYPTED:
                raise ValueError(f"{label}/{info.filename} is encrypted")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError(
                    f"{label}/{info.filename} is packed by method {info.compress_type}; only store "
                    "and deflate can be read: zip it again"
                )
        return infos

    def _data_offset(self, header_offset: int) -> int:
        # Only the local header, not the zip's directory, says where the data begins.
        header = self._window.read_at(header_offset, _LOCAL_HEADER.size)
        signature, name, extra = _LOCAL_HEADER.unpack(header)
        if signature != b"PK\x03\x04":
            raise Damaged("local header in the zip is wrong: the zip is damaged")
        return header_offset + _LOCAL_HEADER.size + name + extra


def _name(info: zipfile.ZipInfo) -> str:
    """The file's name with / between folders.

    Some Windows programs write backslashes there. Elsewhere a backslash is a character of a name.
    As Info-ZIP's unzip does.
    """
    made_by_windows = info.create_system == 0
    if made_by_windows and "/" not in info.filename:
        return info.filename.replace("\\", "/")
    return info.filename


def _inflate(packed: bytes, size: int) -> bytes:
    """Unpacks deflated data; a damaged or malicious zip cannot make it larger than ``size``."""
    data = zlib.decompressobj(wbits=-15).decompress(packed, size + 1)
    if len(data) != size:
        raise Damaged(f"data in the zip should unpack to {size} bytes: the zip is damaged")
    return data


def _what_it_is(begin: bytes) -> str:
    """Describes a file that is not a zip by its first bytes."""
    if not begin:
        return "the file is empty"
    if begin.lstrip()[:1] == b"<":
        return (
            f"begins with {begin!r}, a web page; log in to Kaggle, accept the competition's rules, "
            "and download it again"
        )
    return f"begins with {begin!r}"


def find_sources(
    path: Path, is_wanted_zip: Callable[[str], bool]
) -> Iterator[FolderSource | ZipSource]:
    """Finds all files at a path: those in a folder, in its zips, and in zips inside zips.

    Args:
        path: a folder or a zip.
        is_wanted_zip: called with the name of each zip found inside; False skips it.

    Raises:
        FileNotFoundError: if ``path`` does not exist.
        ValueError: if something that should be a zip is not.
        PermissionError: for a folder that cannot be read.
    """
    if not path.exists():
        raise FileNotFoundError(f"no such file or folder: {path}")
    if not path.is_dir():
        yield from _zip_sources(path, (), is_wanted_zip)
        return
    files = []
    for folder, names in walk(str(path)):
        for name in names:
            file = Path(folder, name)
            if not name.lower().endswith(".zip"):
                files.append(file.relative_to(path).as_posix())
            elif is_wanted_zip(name):
                yield from _zip_sources(file, (), is_wanted_zip)
    yield FolderSource(path, files)


def _zip_sources(
    path: Path, inside: tuple[str, ...], is_wanted_zip: Callable[[str], bool]
) -> Iterator[ZipSource]:
    if len(inside) > _DEEPEST:
        raise ValueError(f"{'/'.join([str(path), *inside])} is too deep: a zip may contain itself")
    source = ZipSource(path, inside)
    yield source
    for name in source.names():
        if name.lower().endswith(".zip") and is_wanted_zip(name.rpartition("/")[2]):
            yield from _zip_sources(path, (*inside, name), is_wanted_zip)
