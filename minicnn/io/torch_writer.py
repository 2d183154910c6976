"""Writes the zip format of ``torch.save`` without torch; ``torch.load(weights_only=True)`` reads it.

:mod:`.torch_zip` says what is in the file. Storages begin at multiples of 64 bytes, so that the file
can be mapped into memory.
"""

from __future__ import annotations

import zipfile
import zlib
from typing import IO

from ..devices import CPU, to_device
from ..typing import Array
from .any_pickle import AnyPickleWriter, Parts
from .pickle_writer import PickleWriter, tensors_in
from .raw import bytes_of
from .torch_storages import storages_of

__all__ = ["write_any_torch_zip", "write_torch_zip"]

_ALIGNMENT = 64  # bytes
_HEADER = 30  # bytes of a record's header before its name
_PADDING = 4  # bytes of an extra field before its content
_ZIP64 = 20  # bytes of the extra field of a record of more than 2 GiB


def write_torch_zip(obj: object, file: IO[bytes]) -> None:
    """Writes an object; :func:`minicnn.save` says what it may contain.

    Tensors that share memory share a storage in the file.

    Raises:
        TypeError: if ``obj`` contains another type; the message says where.
    """
    storages, places = storages_of(tensors_in(obj))
    _write(file, storages, PickleWriter(places).dump(obj))


def write_any_torch_zip(obj: object, file: IO[bytes]) -> None:
    """Writes any object that Python's ``pickle`` can write; only ObjectVocabulary reads it."""
    parts = Parts(obj)
    storages, places = storages_of(parts.tensors)
    _write(file, storages, AnyPickleWriter(places, parts).dump(obj))


def _write(file: IO[bytes], storages: list[Array], pickle: bytes) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        records: dict[str, bytes | Array] = {
            "data.pkl": pickle,
            ".format_version": b"1",
            ".storage_alignment": b"%d" % _ALIGNMENT,
            "byteorder": b"little",
            **{f"data/{key}": storage for key, storage in enumerate(storages)},
            "version": b"3\n",
            ".data/serialization_id": b"%040d" % zlib.crc32(pickle),
        }
        for name, record in records.items():
            content = record if isinstance(record, bytes) else bytes_of(to_device(record, CPU))
            info = zipfile.ZipInfo(f"archive/{name}")
            position = archive.fp.tell()  # type: ignore[union-attr]  # it is open
            info.extra = _padding(position + _HEADER + len(info.filename), len(content))
            archive.writestr(info, content)


def _padding(position: int, size: int) -> bytes:
    """An extra field that ends at a multiple of 64 bytes, if what follows it begins at ``position``."""
    if size * 1.05 > zipfile.ZIP64_LIMIT:  # as zipfile decides
        position += _ZIP64
    length = -(position + _PADDING) % _ALIGNMENT
    return b"FB" + length.to_bytes(2, "little") + b"Z" * length
