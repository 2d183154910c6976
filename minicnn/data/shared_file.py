"""A file in which threads and processes read and write at once, each where it likes."""

from __future__ import annotations

import contextlib
import os
import stat
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["SharedFile"]


class SharedFile:
    """Reads and writes at given positions, and a lock; pickling stores the path.

    Args:
        path: of the file, which is made if there is none; None for memory (a temporary file on
            systems other than Linux), which is free again when this object and its copies are gone.

    Raises:
        OSError: if the file cannot be opened to write.
    """

    def __init__(self, path: Path | None) -> None:
        if path is None:
            path, end = _memory()
            weakref.finalize(self, end)
        self.path = path
        self._open()

    def __reduce__(self) -> tuple[type[SharedFile], tuple[Path]]:
        return type(self), (self.path,)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """A context that one thread of all processes is in; of each process where there is no lock."""
        self._reopen_after_fork()
        with self._lock:
            _lock(self._file, True)
            try:
                yield
            finally:
                _lock(self._file, False)

    def read(self, position: int, size: int) -> bytes:
        """The bytes from a position on; fewer if the file ends before."""
        self._reopen_after_fork()
        if hasattr(os, "pread"):
            return os.pread(self._file.fileno(), size, position)
        with self._lock:  # Windows
            self._file.seek(position)
            return self._file.read(size)

    def write(self, position: int, data: bytes) -> None:
        """Writes bytes from a position on; to be called in :meth:`locked`.

        Raises:
            OSError: for example because the disk is full.
        """
        left = memoryview(data)
        while left:
            self._file.seek(position)
            written = self._file.write(left)
            position, left = position + written, left[written:]

    def replace(self) -> None:
        """Puts an empty file in its place. Whoever has the old one open goes on with that."""
        self._file.close()
        self.path.unlink()
        self._open()

    def _open(self) -> None:
        try:
            self._file = open(self.path, "r+b", buffering=0, opener=_open_or_create)  # noqa: SIM115
            if not stat.S_ISREG(os.fstat(self._file.fileno()).st_mode):
                raise OSError("it is not a file")
        except OSError as error:
            reason = error.strerror or str(error)
            raise OSError(error.errno, f"cannot write the cache {self.path}: {reason}") from error
        weakref.finalize(self, self._file.close)
        self._lock = threading.RLock()
        self._process = os.getpid()

    def _reopen_after_fork(self) -> None:
        # The file of the parent has one lock and one position for both processes.
        if self._process != os.getpid():
            self._open()


def _open_or_create(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT, 0o666)


def _memory() -> tuple[Path, Callable[[], None]]:
    """The path of a file in memory, or of a temporary one, and what ends it.

    It is not one of /dev/shm, which has 64 MB in many containers.
    """
    if hasattr(os, "memfd_create"):
        file = os.fdopen(os.memfd_create("minicnn-cache"), "r+b")
        path = Path(f"/proc/{os.getpid()}/fd/{file.fileno()}")
        if path.exists():
            return path, file.close
    from tempfile import TemporaryDirectory  # few need it, and it takes time to import

    folder = TemporaryDirectory(prefix="minicnn-cache-", ignore_cleanup_errors=True)
    return Path(folder.name, "pictures"), folder.cleanup


def _lock(file: Any, locked: bool) -> None:
    if fcntl is not None:
        with contextlib.suppress(OSError):  # some network drives have no locks
            fcntl.flock(file, fcntl.LOCK_EX if locked else fcntl.LOCK_UN)
