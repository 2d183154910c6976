"""The folder of a run: one run at a time writes to it, and an earlier one is kept."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING

from ..warn import warn

if TYPE_CHECKING:
    from typing import Self  # Python 3.11, not needed to run

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LOCK = ".lock"
RESULTS = ("metrics.json", "best.ckpt", "last.ckpt")
PathLike = str | os.PathLike[str]


class FolderLock:
    """Context in which no other process enters the context of the same folder.

    The operating system holds the lock on an open file and releases it when the process ends, however
    it ends: a lock that a killed process left is no lock.

    Args:
        folder: is made if it does not exist.

    Raises:
        ValueError: on entering, if another process (or another context of this one) is inside, or
            the folder is a file.
        OSError: on entering, if the folder cannot be made or written to.
    """

    def __init__(self, folder: PathLike) -> None:
        self.folder = Path(folder)
        self._path = self.folder / LOCK

    def __enter__(self) -> Self:
        if self.folder.exists() and not self.folder.is_dir():
            raise ValueError(f"--out names the folder for the results, and {self.folder} is a file")
        self.folder.mkdir(parents=True, exist_ok=True)
        while True:
            self._file: IO[bytes] = open(self._path, "ab")
            try:
                _lock(self._file)
            except OSError as error:
                self._file.close()
                raise ValueError(
                    f"another run is writing to {self.folder}: wait for its end, or choose another "
                    "--out"
                ) from error
            if self._is_current():
                return self
            self._file.close()

    def _is_current(self) -> bool:
        # The process before may have deleted its file after this one opened it.
        try:
            return os.path.samestat(os.fstat(self._file.fileno()), os.stat(self._path))
        except FileNotFoundError:
            return False

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if sys.platform == "win32":  # which deletes no open file
            self._file.close()
        with contextlib.suppress(OSError):
            self._path.unlink()
        self._file.close()


def _lock(file: IO[bytes]) -> None:
    """Locks a file for this process; raises an OSError if it is locked already."""
    if sys.platform == "win32":
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
            raise
        warn(f"this file system has no locks: start no other run in {file.name}")


def refuse_inside(paths: Iterable[PathLike], out: PathLike, option: str = "--data") -> None:
    """Raises a ValueError if one of an option's paths lies inside ``out``, where results are written."""
    folder = Path(out).resolve()
    for path in paths:
        if Path(path).resolve().is_relative_to(folder):
            raise ValueError(
                f"{option} must not lie inside --out, where results are written: got {path} in {out}"
            )


def set_aside(folder: PathLike) -> Path | None:
    """Moves the files of a run to a new folder, so that the next run does not overwrite them.

    Folders in it stay: they are no results.

    Returns:
        The new folder: ``folder-1``, or the first number that is not in use; None if there was no run.
    """
    folder = Path(folder)
    if not any((folder / name).exists() for name in RESULTS):
        return None
    named = folder if folder.name else folder.resolve()  # "." has no name
    for number in itertools.count(1):
        aside = named.with_name(f"{named.name}-{number}")
        try:
            aside.mkdir()
            break
        except FileExistsError:
            continue
    for path in list(folder.iterdir()):
        if path.is_file() and path.name != LOCK:
            path.rename(aside / path.name)
    return aside
