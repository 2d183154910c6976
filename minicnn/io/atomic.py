"""Writes files atomically: a reader finds the whole old file or the whole new one."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows, which does not delete a file while another process has it open
    fcntl = None  # type: ignore[assignment]

__all__ = ["replacing"]


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Yields a new file to write, which takes the place of ``path`` at the end.

    The file is flushed to the disk before it is renamed. After an error it is deleted, and an older
    file at ``path`` stays. Temporary files that killed processes left of earlier calls are deleted;
    those of processes that still write are not. A link stays a link, and a device or a pipe is
    written to directly.

    Raises:
        OSError: if the file cannot be written, for example because the disk is full.
    """
    target = Path(os.path.realpath(path))
    try:
        if target.exists() and not target.is_file():
            with open(target, "wb") as device:
                yield device
            return
        if target.exists() and not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, "the file is write-protected")
        _sweep(target)
        file, temporary = _create(target)
        try:
            with file:
                yield file
                file.flush()
                os.fsync(file.fileno())
                if fcntl is not None:  # before it is closed, which ends the lock
                    os.replace(temporary, target)
            if fcntl is None:  # Windows renames no open file
                os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(target.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(error.errno, f"cannot write {os.fspath(path)!r}: {reason}") from error


def _create(target: Path) -> tuple[IO[bytes], Path]:
    """A new file beside ``target``, locked until it is closed, so that nobody sweeps it."""
    while True:
        temporary = target.with_name(f"{_prefix(target)}{secrets.token_hex(4)}.tmp")
        file: IO[bytes] = open(temporary, "xb")  # noqa: SIM115  its user closes it
        if fcntl is not None:
            with contextlib.suppress(OSError):  # some network drives have no locks
                fcntl.flock(file, fcntl.LOCK_EX)
        if temporary.exists():  # or it was swept before it was locked
            return file, temporary
        file.close()


def _sweep(target: Path) -> None:
    """Deletes temporary files of ``target`` that no process writes to any more."""
    temporary = re.compile(re.escape(_prefix(target)) + r"[0-9a-f]{8}\.tmp")
    for name in filter(temporary.fullmatch, os.listdir(target.parent)):
        with contextlib.suppress(OSError), open(target.parent / name, "r+b") as file:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises while another has it
                os.unlink(target.parent / name)
        if fcntl is None:
            with contextlib.suppress(OSError):
                os.unlink(target.parent / name)


def _prefix(target: Path) -> str:
    return f".{target.name[:50]}."  # short, because names may have at most 255 bytes


def _sync_folder(folder: Path) -> None:
    """Has the new name written to the disk; Windows cannot, and some file systems refuse."""
    if fcntl is None:
        return
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
