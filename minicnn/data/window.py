"""Windows: parts of files that are read by position, so that any number of threads can read at once."""

from __future__ import annotations

import io
import os
import threading
import weakref
from pathlib import Path
from typing import Any, Protocol

__all__ = ["Damaged", "File", "Memory", "Slice", "Window", "WindowFile"]


class Damaged(ValueError):
    """Says what is wrong inside a file; whoever catches it adds which."""


class Window(Protocol):
    """``size`` bytes, which are read by position."""

    size: int

    def read_at(self, offset: int, size: int) -> bytes:
        """``size`` bytes from ``offset``.

        Raises:
            Damaged: if so many are not there.
        """
        ...


class File:
    """Positioned reads from a file on disk; pickling stores its path alone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.exists() and not path.is_file():
            raise ValueError(f"{path} is not a file or folder")
        self._file = path.open("rb", buffering=0)
        weakref.finalize(self, self._file.close)
        self._lock = threading.Lock()
        self.size = os.fstat(self._file.fileno()).st_size

    def __reduce__(self) -> tuple[type[File], tuple[Path]]:
        return File, (self.path,)

    def read_at(self, offset: int, size: int) -> bytes:
        _check_range(offset, size, self.size)
        if hasattr(os, "pread"):
            data = os.pread(self._file.fileno(), size, offset)
        else:  # Windows
            with self._lock:
                self._file.seek(offset)
                data = self._file.read(size)
        return _whole(data, size)


class Slice:
    """Positioned reads from a part of another window."""

    def __init__(self, window: Window, start: int, size: int) -> None:
        self._window, self._start, self.size = window, start, size

    def read_at(self, offset: int, size: int) -> bytes:
        _check_range(offset, size, self.size)
        return self._window.read_at(self._start + offset, size)


class Memory:
    """Positioned reads from bytes."""

    def __init__(self, data: bytes) -> None:
        self._data, self.size = memoryview(data), len(data)

    def read_at(self, offset: int, size: int) -> bytes:
        _check_range(offset, size, self.size)
        return bytes(self._data[offset : offset + size])


def _check_range(offset: int, size: int, whole: int) -> None:
    if not 0 <= offset <= offset + size <= whole:
        raise Damaged(f"file ends early: wanted {size} bytes at {offset} of {whole}")


def _whole(data: bytes, size: int) -> bytes:
    if len(data) != size:
        raise Damaged(f"file ends early: wanted {size} bytes, got {len(data)}")
    return data


class WindowFile(io.RawIOBase):
    """A window as a file object, so that ``zipfile`` can read a zip's directory from it."""

    def __init__(self, window: Window) -> None:
        self._window, self._position = window, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._window.size}
        if start[whence] + offset < 0:
            raise OSError(f"cannot seek to {start[whence] + offset}")  # zipfile probes for this
        self._position = start[whence] + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        size = max(min(len(buffer), self._window.size - self._position), 0)
        buffer[:size] = self._window.read_at(self._position, size)
        self._position += size
        return size
