"""What is in a tar: its headers alone are read, by position, and nothing is unpacked.

A tar is a row of members: a header of 512 bytes, then the data, filled up to a multiple of 512. Blocks
of zeros end it. So its members are listed by jumping from header to header. A tar inside a tar is a
:class:`~minicnn.data.window.Slice` of it, which can be listed in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .window import Damaged, Window

__all__ = ["DamagedTar", "Member", "members"]

_BLOCK = 512
_LONGEST = 1 << 20  # bytes of a long name or of PAX records
_KINDS = {b"0": "file", b"\0": "file", b"7": "file", b"1": "link", b"2": "link", b"5": "folder"}
_WITHOUT_DATA = (b"3", b"4", b"6")  # devices and pipes; nor have links and folders any
_SPARSE = b"S"
_LONG_NAME, _LONG_LINK, _RECORDS_FOR_ALL = b"L", b"K", b"g"
_ABOUT_THE_NEXT = (_LONG_NAME, _LONG_LINK, _RECORDS_FOR_ALL, b"x", b"X")
_COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd"}


class DamagedTar(ValueError):
    """A tar that is damaged, cut or none at all.

    Attributes:
        label: the tar's path.
        offset: where it is damaged, in bytes from its beginning.
        reason: what is wrong, and where.
    """

    def __init__(self, label: str, offset: int, reason: str) -> None:
        super().__init__(label, offset, reason)
        self.label, self.offset, self.reason = label, offset, f"{reason}, at byte {offset:,}"

    def __str__(self) -> str:
        return f"{self.label}: {self.reason}"


class Member(NamedTuple):
    """A member of a tar.

    Attributes:
        name: its path in the tar.
        offset: where its data begins, in bytes from the beginning of the tar.
        size: of its data, in bytes.
        kind: ``"file"``, ``"folder"``, ``"link"``, or ``"other"``: a device, a sparse file.
    """

    name: str
    offset: int
    size: int
    kind: str


def members(window: Window, label: str) -> Iterator[Member]:
    """The members of a tar in their order; those before a damage are yielded before the error.

    Reads the tars of Unix V7, ustar, GNU's long names and large sizes, and PAX's records.

    Args:
        window: the bytes of the tar.
        label: the tar's path, for errors.

    Raises:
        DamagedTar: if it is damaged, cut, compressed or no tar at all.

    The members are those of Python's ``tarfile``, which keeps all of them in memory, and takes a tar
    that is cut between two members for a whole one.
    """
    return _Reader(window, label).members()


class _Reader:
    """Lists one tar; :func:`members` says how."""

    def __init__(self, window: Window, label: str) -> None:
        self.window, self.label = window, label
        self.offset = 0  # of the header at hand

    def members(self) -> Iterator[Member]:
        records: dict[str, bytes] = {}  # of the next member
        for_all: dict[str, bytes] = {}
        while any(header := self.read(self.offset, _BLOCK)):
            self.check_sum(header)
            kind = header[156:157]
            if kind not in _ABOUT_THE_NEXT:
                member = self.member(header, {**for_all, **records})
                yield member
                self.offset, records = member.offset + _padded(member.size), {}
                continue
            size = self.number(header[124:136])
            if size > _LONGEST:
                raise self.damaged(f"a name or record of {size:,} bytes")
            text = self.read(self.offset + _BLOCK, size)
            if kind == _LONG_NAME:
                records["path"] = _until_zero(text)
            elif kind != _LONG_LINK:
                (for_all if kind == _RECORDS_FOR_ALL else records).update(self.records(text))
            self.offset += _BLOCK + _padded(size)

    def member(self, header: bytes, records: dict[str, bytes]) -> Member:
        """The member that a header begins, with what stands before the header about it."""
        flag, name = header[156:157], _until_zero(header[:100])
        kind = _KINDS.get(flag, "other")
        if header[257:263] == b"ustar\0" and header[345]:
            name = _until_zero(header[345:500]) + b"/" + name
        name = records.get("GNU.sparse.name", records.get("path", name))
        if flag == b"\0" and name.endswith(b"/"):  # V7 had no flag for a folder
            kind = "folder"
        if any(key.startswith("GNU.sparse.") for key in records):
            kind = "other"
        size = self.number(header[124:136])
        if "size" in records:
            size = self.decimal(records["size"])
        if kind in ("folder", "link") or flag in _WITHOUT_DATA:
            size = 0
        if kind == "folder":
            name = name.rstrip(b"/")
        start = self.offset + _BLOCK
        if flag == _SPARSE:
            start = self.after_the_map(header)
        text = name.decode("utf-8", "surrogateescape")
        if start + size > self.window.size:
            there = max(self.window.size - start, 0)
            raise self.damaged(f"it is cut: of the {size:,} bytes of {text} it has {there:,}")
        return Member(text, start, size, kind)

    def after_the_map(self, header: bytes) -> int:
        """Where a sparse file's data begins: the list of its parts may go on behind the header."""
        start, goes_on = self.offset + _BLOCK, header[482]
        while goes_on:
            goes_on = self.read(start, _BLOCK)[504]
            start += _BLOCK
        return start

    def check_sum(self, header: bytes) -> None:
        """Raises an error unless the header's bytes add up to the number in it."""
        own = header[148:156]
        total, written = sum(header) - sum(own) + 8 * ord(" "), self.number(own)
        if total == written:
            return
        negative = sum(byte > 127 for byte in header) - sum(byte > 127 for byte in own)
        if total - 256 * negative != written:  # some old programs added up signed bytes
            raise self.damaged(self.what_it_is(header))

    def what_it_is(self, header: bytes) -> str:
        """What is wrong with a header."""
        if self.offset:
            return "its header does not add up"
        for begin, program in _COMPRESSED.items():
            if header.startswith(begin):
                return f"it is compressed by {program}: unpack it to a plain tar first"
        return f"it is not a tar: it begins with {header[:14]!r}"

    def number(self, field: bytes) -> int:
        """A number in octal digits, or in GNU's binary form."""
        if field[0] == 0x80:
            return int.from_bytes(field[1:], "big")
        digits = _until_zero(field).strip()
        if digits.strip(b"01234567"):  # int() would take a sign, too: a size below 0 leads back
            raise self.damaged(self.what_it_is(self.read(self.offset, _BLOCK)))
        return int(digits, 8) if digits else 0

    def decimal(self, digits: bytes) -> int:
        """A number in decimal digits."""
        if not digits.isdigit() or len(digits) > 20:
            raise self.damaged(f"a record must have a number, got {digits[:40]!r}")
        return int(digits)

    def records(self, text: bytes) -> dict[str, bytes]:
        """PAX's records: lines such as ``27 path=n01440764/x.JPEG``, which begin with their length."""
        found = {}
        while text and text[0]:
            digits = text.partition(b" ")[0]
            length = self.decimal(digits)
            line = text[len(digits) + 1 : length - 1]
            key, equals, value = line.partition(b"=")
            if not equals or text[length - 1 : length] != b"\n":
                raise self.damaged("a record about the next member does not add up")
            found[key.decode("utf-8", "replace")] = value
            text = text[length:]
        return found

    def read(self, offset: int, size: int) -> bytes:
        try:
            return self.window.read_at(offset, size)
        except Damaged:
            empty = not self.window.size
            reason = "it is empty" if empty else "it is cut: the mark of its end is missing"
            raise self.damaged(reason) from None

    def damaged(self, reason: str) -> DamagedTar:
        return DamagedTar(self.label, min(self.offset, self.window.size), reason)


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _until_zero(field: bytes) -> bytes:
    return field.partition(b"\0")[0]
