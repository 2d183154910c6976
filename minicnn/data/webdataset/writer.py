"""ShardWriter: writes samples into tar shards."""

from __future__ import annotations

import io
import json
import tarfile
from contextlib import ExitStack
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from ...io.atomic import replacing
from .shard import split_name

if TYPE_CHECKING:
    from typing import Self  # Python 3.11, not needed to run

__all__ = ["ShardWriter"]


class ShardWriter:
    """Writes samples into tars that :class:`WebDataset` and the library ``webdataset`` read.

    A tar has its name only when it is complete: after an error in the ``with`` block, the one that
    was being written is gone.

    Args:
        pattern: of the tars' paths, with the number's place, such as ``"train-%06d.tar"``.
        maxcount: samples in a tar.
        maxsize: bytes of data after which the next tar is begun.
    """

    def __init__(self, pattern: str, maxcount: int = 100_000, maxsize: float = 3e9) -> None:
        self.pattern, self.maxcount, self.maxsize = pattern, maxcount, maxsize
        self.shards: list[str] = []
        self._count = self._size = 0
        self._last: str | None = None  # key
        self._open = ExitStack()

    def write(self, sample: dict[str, Any]) -> None:
        """Writes a sample.

        Args:
            sample: under ``"__key__"`` the common part of its members' names; under the ends of the
                names what is in them: bytes, text, an integer, or anything that JSON has.

        Raises:
            ValueError: if it would be read as another sample: its key has a point, or is the key of
                the sample before; or it has no member.
        """
        key, ends = (
            str(sample["__key__"]),
            sorted(end for end in sample if not end.startswith("__")),
        )
        self._check(key, ends)
        members = [(f"{key}.{end}", _encoded(sample[end])) for end in ends]
        if not self.shards or self._count >= self.maxcount or self._size >= self.maxsize:
            self._begin()
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            self._tar.addfile(info, io.BytesIO(data))
            self._size += len(data)
        self._tar.members = []  # type: ignore[attr-defined]  # it would keep all of them
        self._count, self._last = self._count + 1, key

    def _check(self, key: str, ends: list[str]) -> None:
        if not ends:
            raise ValueError(f"a sample must have a member, got none for the key {key!r}")
        if key == self._last:
            raise ValueError(
                f"samples that follow each other must differ in their keys, got {key!r}"
            )
        for end in ends:
            if split_name(f"{key}.{end}") != (key, end.lower()):
                raise ValueError(
                    f"{key}.{end} would be read as part of another sample, or of none: a key must have "
                    f"no point after its folders, got {key!r}"
                )

    def _begin(self) -> None:
        self._open.close()
        self.shards.append(self.pattern % len(self.shards))
        file = self._open.enter_context(replacing(self.shards[-1]))
        self._tar = self._open.enter_context(_new_tar(file))
        self._count = self._size = 0

    def close(self) -> None:
        """Completes the last tar."""
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.__exit__(kind, error, traceback)


def _new_tar(file: IO[bytes]) -> tarfile.TarFile:
    return tarfile.open(fileobj=file, mode="w|")


def _encoded(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, np.generic):  # such as a class from an array
        value = value.item()
    return (value if isinstance(value, str) else json.dumps(value)).encode()
