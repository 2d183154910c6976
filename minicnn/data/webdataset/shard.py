"""The samples in a shard: a tar whose members belong together if their names differ in the ends."""

from __future__ import annotations

import gzip
import os
import re
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

from ..tar import DamagedTar, Member, members
from ..window import Damaged, Window
from .patterns import shard_path
from .reading import Reading

__all__ = ["read_samples", "sample_keys", "split_name"]

_BUFFER = 1 << 20  # bytes read at once
_HEADERS = 4096  # and if only headers are of interest
_GZIP = b"\x1f\x8b"
_GZIP_ERRORS = (EOFError, OSError, zlib.error)
_METADATA = re.compile(r"__[^/]*__(/|$)")

Sample = dict[str, Any]


def split_name(name: str) -> tuple[str, str] | None:
    """The key and the end of a member's name: ``a/0001`` and ``seg.png`` for ``a/0001.Seg.PNG``.

    None if the member belongs to no sample: its name has no end, or it is a hidden file or
    metadata, such as ``__meta__/info.json``.
    """
    folder, slash, file = name.rpartition("/")
    stem, dot, end = file.partition(".")
    if not stem or not dot or _METADATA.match(name):
        return None
    return folder + slash + stem, end.lower()


def read_samples(shard: str, reading: Reading) -> Iterator[tuple[Sample, str]]:
    """Each sample of a shard, and what is wrong with it, if something is.

    Samples are those of the library ``webdataset``: neighbours with the same key are one. A sample is
    a dict with the bytes of its members by the ends of their names; ``"__key__"`` is their common
    name, ``"__url__"`` the shard. If the shard is damaged, the last sample before the damage is left
    out, since it may not be complete.
    """
    sample: Sample = {}
    flaw = ""
    try:
        with _open(shard, _BUFFER) as window:
            for member, key, end in _files(window, shard):
                if key != sample.get("__key__"):
                    if sample:
                        yield sample, flaw
                    sample, flaw = {"__key__": key, "__url__": shard}, ""
                if end in sample:
                    flaw = f"{member.name} is in the shard twice"
                sample[end] = _data(window, shard, member)
    except (DamagedTar, OSError) as error:
        before = f"; {sample['__key__']}, which may not be complete, is left out" if sample else ""
        reading.broken(shard, _reason(error) + before, error)
        return
    if sample:
        yield sample, flaw


def sample_keys(shard: str) -> Iterator[str]:
    """The key of each sample of a shard, up to a damage; only the headers are read."""
    last = None
    with suppress(DamagedTar, OSError), _open(shard, _HEADERS) as window:
        for _, key, _ in _files(window, shard):
            if key != last:
                yield key
            last = key


def _files(window: Window, shard: str) -> Iterator[tuple[Member, str, str]]:
    """The members that belong to samples, with their keys and ends."""
    for member in members(window, shard):
        parts = split_name(member.name)
        if member.kind == "file" and parts is not None:
            yield member, *parts


def _data(window: Window, shard: str, member: Member) -> bytes:
    try:
        return window.read_at(member.offset, member.size)
    except Damaged as error:
        reason = f"{member.name} cannot be read: {error}"
        raise DamagedTar(shard, member.offset, reason) from error


@contextmanager
def _open(shard: str, buffering: int) -> Iterator[Window]:
    with open(shard_path(shard), "rb", buffering) as file:
        is_packed = file.read(2) == _GZIP
        file.seek(0)
        if not is_packed:
            yield _Stream(file, os.fstat(file.fileno()).st_size)
            return
        with gzip.open(file) as unpacked:
            yield _Stream(unpacked, sys.maxsize)  # how many bytes there are is seen at the end
            try:
                while unpacked.read(_BUFFER):
                    pass  # up to the checksum
            except _GZIP_ERRORS as error:
                raise OSError(str(error)) from error


class _Stream:
    """A window on a file that is read from its beginning to its end."""

    def __init__(self, file: IO[bytes] | gzip.GzipFile, size: int) -> None:
        self._file, self.size = file, size

    def read_at(self, offset: int, size: int) -> bytes:
        # In pieces: of a damaged size, no more is asked for than is there.
        pieces, left = [], size
        try:
            self._file.seek(offset)
            while left and (piece := self._file.read(min(left, _BUFFER))):
                pieces.append(piece)
                left -= len(piece)
        except _GZIP_ERRORS as error:
            raise Damaged(str(error)) from error
        if left:
            raise Damaged(f"file ends early: wanted {size} bytes, got {size - left}")
        return b"".join(pieces)


def _reason(error: Exception) -> str:
    if isinstance(error, DamagedTar):
        return error.reason
    return getattr(error, "strerror", None) or str(error)
