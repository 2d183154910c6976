"""Finds the files below a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator


def walk(
    folder: str, above: frozenset[tuple[int, int]] = frozenset()
) -> Iterator[tuple[str, list[str]]]:
    """Each folder below ``folder``, itself included, and the sorted names of the files in it.

    Links are followed, but not into a folder that contains them. Pipes, sockets and devices are left
    out, as reading them may never end; links to nothing are not, so that whoever opens one is told.

    Args:
        folder: a path.
        above: device and inode of the folders on the way to it.

    Raises:
        OSError: for a folder that cannot be read.
    """
    status = os.stat(folder)
    key = status.st_dev, status.st_ino
    if key in above:
        return
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    yield folder, [entry.name for entry in found if _is_file(entry)]
    for entry in found:
        if _is_folder(entry):
            yield from walk(entry.path, above | {key})


def _is_file(entry: os.DirEntry[str]) -> bool:
    if entry.is_symlink():
        return os.path.isfile(entry.path) or not os.path.exists(entry.path)
    return entry.is_file()


def _is_folder(entry: os.DirEntry[str]) -> bool:
    # The entry knows what it is without asking the system, unless it is a link.
    return os.path.isdir(entry.path) if entry.is_symlink() else entry.is_dir()
