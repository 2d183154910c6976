"""Records of bytes by key in one file, which threads and processes share, within a budget.

The file has three parts: a header; a table with one slot for each 4 KB of the budget; and the
records, one after the other. A key gives the slot from which on its entry is looked for.

An entry is written after its record, and has a checksum of the record and one of itself. What a
killed process, a full disk or a power failure left half-written does not fit its checksum, and counts
as absent. So the disk may be written in any order, and readers need no lock. The file is read, not
mapped: if a mapped file is cut, the system kills the process.
"""

from __future__ import annotations

import contextlib
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

from ..warn import warn
from .shared_file import SharedFile

__all__ = ["LEAST", "Found", "Store"]

_MAGIC = b"minicnn cache 1\n"
_PER_SLOT = 4096  # bytes of the budget
_PROBED = 16  # slots in which an entry may be
LEAST = 1 << 16  # bytes of a budget
_LARGEST = 0x7FFFF000  # bytes of a record: what Linux reads at once
_CHECKSUM = struct.Struct("<I")

_TAKING, _TOLD, _STOPPED = range(3)  # states; _TOLD: a warning has told that it is full


class _Header(NamedTuple):
    """How the file begins.

    Attributes:
        magic: names the format.
        slots: in the table.
        end: of the last record.
        records: how many there are.
        state: one of those above.
    """

    magic: bytes
    slots: int
    end: int
    records: int
    state: int


class _Entry(NamedTuple):
    """What a slot of the table says of a record.

    Attributes:
        key, stamp: 16 and 8 bytes.
        offset, size, checksum: where the record is, and its CRC-32.
    """

    key: bytes
    stamp: bytes
    offset: int
    size: int
    checksum: int


_HEADER, _ENTRY = struct.Struct("<16sQQQI"), struct.Struct("<16s8sQQI")
_TABLE = _HEADER.size + _CHECKSUM.size  # the table's offset
_SLOT = _ENTRY.size + _CHECKSUM.size  # bytes of a slot
_FREE = bytes(_SLOT)
_DAMAGED = _Header(b"", 0, 0, 0, _STOPPED)


class Found(NamedTuple):
    """What was found under a key.

    Attributes:
        record: None if there is none, one with another stamp, or a damaged one.
        slot: the bytes of the key's slot, or of a free one; None if other keys have them all.
    """

    record: bytes | None
    slot: bytes | None


class Store:
    """Records by key. They stay once they are stored; processes to which it is pickled share them.

    Args:
        path: of the file, which is made if there is none; None for memory.
        budget: bytes that the file may have. One that is larger, or damaged, is begun again.

    Raises:
        ValueError: for a budget below 64 KB, or if there is another file at ``path``.
        OSError: if the file cannot be written.
    """

    def __init__(self, path: Path | None, budget: int) -> None:
        if budget < LEAST:
            raise ValueError(f"budget must be at least {LEAST:,} bytes, got {budget:,}")
        self.budget = budget
        self._file = SharedFile(path)
        with self._file.locked():
            header = self._begin()
            self._write_header(header._replace(state=_TAKING))
        self._slots = header.slots

    @property
    def used(self) -> int:
        """Bytes of the file that are in use."""
        return self._header().end

    def __len__(self) -> int:
        """How many records there are."""
        return self._header().records

    def get(self, key: bytes, stamp: bytes) -> Found:
        """Looks for a record.

        Args:
            key: 16 bytes, of a hash.
            stamp: 8 bytes; a record that was stored with others is stale.
        """
        slot, _ = self._find(key)
        entry = _entry(slot)
        if entry is not None and entry.stamp == stamp:
            record = self._file.read(entry.offset, entry.size)
            if len(record) == entry.size and zlib.crc32(record) == entry.checksum:
                return Found(record, slot)
        return Found(None, slot)

    def takes(self, size: int, found: Found) -> bool:
        """Whether there is room for a record of ``size`` bytes; the first that does not fit is a warning.

        Args:
            size: of the record, or less.
            found: as for :meth:`put`.
        """
        header, old = self._header(), _entry(found.slot)
        if found.slot is None:
            return False
        if old is not None and size <= old.size:
            return True
        if header.state == _TAKING and not self._fits(header, size):
            with self._file.locked():
                self._tell_full(self._header())
        return header.state != _STOPPED and self._fits(header, size)

    def put(self, key: bytes, stamp: bytes, record: bytes, found: Found) -> None:
        """Stores a record if there is room. An error, such as a full disk, becomes a warning.

        Args:
            key, stamp: as for :meth:`get`.
            record: is written over a stale or damaged one if it is not larger.
            found: what :meth:`get` gave. If the slot has changed since then, somebody else has stored
                this record.
        """
        with self._file.locked():
            slot, position = self._find(key)
            if slot is None or slot != found.slot:
                return
            header, old = self._header(), _entry(slot)
            grown = None
            if old is None or old.size < len(record):
                if header.state == _STOPPED or not self._fits(header, len(record)):
                    self._tell_full(header)
                    return
                records = header.records + (old is None)
                grown = header._replace(end=header.end + len(record), records=records)
            offset = header.end if grown or old is None else old.offset
            entry = _Entry(key, stamp, offset, len(record), zlib.crc32(record))
            try:
                self._file.write(offset, record)
                if grown:  # before the entry, so that these bytes are not given twice
                    self._write_header(grown)
                self._file.write(position, _sealed(_ENTRY.pack(*entry)))
            except OSError as error:
                with contextlib.suppress(OSError):
                    self._write_header(header._replace(state=_STOPPED))
                self._warn(f"cannot grow ({error.strerror})", header)

    def _fits(self, header: _Header, size: int) -> bool:
        return header.end + size <= self.budget and size <= _LARGEST

    def _tell_full(self, header: _Header) -> None:
        if header.state == _TAKING:
            self._write_header(header._replace(state=_TOLD))
            self._warn("is full", header)

    def _warn(self, what: str, header: _Header) -> None:
        warn(
            f"the cache {what}: it keeps {header.records:,} pictures, the others are decoded each time"
        )

    def _begin(self) -> _Header:
        """The header of the file, which is made if it cannot be used as it is."""
        start, header = self._file.read(0, _TABLE), self._header()
        if start and not start.startswith(_MAGIC[:7]):
            raise ValueError(f"{self._file.path} is not a cache of pictures: choose another path")
        if header.magic == _MAGIC and header.slots and header.end <= self.budget:
            return header
        if start:
            self._file.replace()
        slots = self.budget // _PER_SLOT
        return _Header(_MAGIC, slots, _TABLE + (slots + _PROBED) * _SLOT, 0, _TAKING)

    def _find(self, key: bytes) -> tuple[bytes | None, int]:
        """The slot of a key, else the first free one, and its position in the file."""
        first = _TABLE + int.from_bytes(key[:8], "little") % self._slots * _SLOT
        slots = self._file.read(first, _PROBED * _SLOT).ljust(_PROBED * _SLOT, b"\0")
        for start in range(0, len(slots), _SLOT):
            slot = slots[start : start + _SLOT]
            if slot.startswith(key) or slot == _FREE:
                return slot, first + start
        return None, 0

    def _header(self) -> _Header:
        """The header; one that takes nothing if it is damaged."""
        content = _opened(self._file.read(0, _TABLE))
        return _DAMAGED if content is None else _Header(*_HEADER.unpack(content))

    def _write_header(self, header: _Header) -> None:
        self._file.write(0, _sealed(_HEADER.pack(*header)))


def _entry(slot: bytes | None) -> _Entry | None:
    """The entry in a slot, if there is one and it is whole."""
    content = None if slot is None else _opened(slot)
    return None if content is None else _Entry(*_ENTRY.unpack(content))


def _sealed(content: bytes) -> bytes:
    return content + _CHECKSUM.pack(zlib.crc32(content))


def _opened(data: bytes) -> bytes | None:
    """What was sealed, if it is whole."""
    content = data[: -_CHECKSUM.size]
    return content if len(data) > _CHECKSUM.size and _sealed(content) == data else None
