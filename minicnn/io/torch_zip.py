"""Reads the zip format of ``torch.save`` (since PyTorch 1.6).

``data.pkl`` describes the objects, ``data/0``, ``data/1``, … are the storages: one-dimensional
arrays that several tensors may share. The checksum of every record is compared.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import IO, Any

import numpy as np

from ..tensor import Tensor
from .location import Placement
from .raw import read_bytes, read_numbers, size_of
from .safe_pickle import Vocabulary
from .torch_objects import StorageReference, storage_of

__all__ = ["is_torch_zip", "read_torch_zip"]

_HEADER = struct.Struct("<4s22xHH")  # of a record: magic number, lengths of name and extra field


def is_torch_zip(archive: zipfile.ZipFile) -> bool:
    """Whether a zip is one of ``torch.save``."""
    return any(name.partition("/")[2] == "data.pkl" for name in archive.namelist())


def read_torch_zip(
    file: IO[bytes], archive: zipfile.ZipFile, place: Placement, vocabulary: Vocabulary
) -> object:
    """Reads the object that ``torch.save`` wrote.

    Args:
        file: the archive's file.
        archive: the directory of the zip.
        place: where storages go.
        vocabulary: what the pickle may name.

    Raises:
        ValueError: if the file is damaged.
        UnsafePickle: a ValueError, if it names something else.
    """
    records = _Records(file, archive)
    if "constants.pkl" in records.infos:
        raise ValueError("it is a TorchScript program: save its state_dict() with torch.save")
    if "byteorder" in records.infos and records.read("byteorder") != b"little":
        raise ValueError("its numbers are big-endian, which is not supported")
    storages: dict[tuple[str, Any], Tensor] = {}

    def storage(identity: Any) -> Tensor:
        reference = StorageReference(identity, 5)
        key = reference.key, reference.dtype
        if key not in storages:
            numbers = records.read_numbers(f"data/{reference.key}", reference)
            storages[key] = storage_of(place(numbers, reference.location))
        return storages[key]

    return vocabulary.load(io.BytesIO(records.read("data.pkl")), storage)


class _Records:
    """The records of an archive by their names, without the folder that they are all in."""

    def __init__(self, file: IO[bytes], archive: zipfile.ZipFile) -> None:
        self.file = file
        infos = archive.infolist()
        self.infos = {info.filename.partition("/")[2]: info for info in infos}
        if len(self.infos) != len(infos):
            raise ValueError("two of its records have the same name")
        # Records that overlap would take more memory than the file.
        if sum(info.file_size for info in infos) > size_of(file):
            raise ValueError("it is cut off, or its directory is damaged")
        # torch.serialization.set_crc32_options(False) writes zeros.
        self.has_checksums = any(info.CRC for info in infos)

    def read(self, name: str) -> bytes:
        """The bytes of a record."""
        info = self._seek(name)
        content = read_bytes(self.file, info.file_size)
        self._check(info, content)
        return content

    def read_numbers(self, name: str, reference: StorageReference) -> np.ndarray:
        """The numbers of a storage."""
        info = self._seek(name)
        count, dtype = reference.count, reference.dtype
        if info.file_size != count * dtype.itemsize:
            raise ValueError(
                f"its record {name[:100]!r} has {info.file_size} bytes, expected {count} numbers of "
                f"{dtype}"
            )
        numbers = read_numbers(self.file, dtype, count)
        self._check(info, numbers.view(np.uint8))
        return numbers

    def _seek(self, name: str) -> zipfile.ZipInfo:
        """Goes to the content of a record, which follows a header with its name."""
        if name not in self.infos:
            raise ValueError(f"it holds no record {name[:100]!r}")
        info = self.infos[name]
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
            raise ValueError(
                f"its record {name[:100]!r} is compressed or encrypted, which torch never does"
            )
        self.file.seek(info.header_offset)
        magic, name_length, extra_length = _HEADER.unpack(read_bytes(self.file, _HEADER.size))
        if magic != b"PK\x03\x04":
            raise ValueError(f"its record {name[:100]!r} is not where it should be")
        self.file.seek(name_length + extra_length, io.SEEK_CUR)
        return info

    def _check(self, info: zipfile.ZipInfo, content: Any) -> None:
        if self.has_checksums and zlib.crc32(content) != info.CRC:
            raise ValueError(
                f"the checksum of its record {info.filename[:100]!r} does not fit: the file is damaged"
            )
