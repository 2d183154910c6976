"""Unpacks archives and compressed files; the end of a file's name tells its format, as in torchvision."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .atomic import replacing
from .file_kind import START, describe_file

__all__ = ["unpack"]

_OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_TARS = (".tar", ".tgz", ".tbz", ".tbz2", ".tar.gz", ".tar.bz2", ".tar.xz")
_DAMAGES = (
    EOFError, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile, zlib.error, gzip.BadGzipFile,
    OSError,
)  # fmt: skip


def unpack(path: Path, folder: Path) -> Path:
    """Unpacks an archive into a folder, or a compressed file into a file there.

    Members of an archive that would be written outside of the folder are refused.

    Args:
        path: a file whose name ends in ``.zip``, ``.tar``, ``.tar.gz``, ``.tgz`` … or, for a single
            file, in ``.gz``, ``.bz2`` or ``.xz``.
        folder: is made if it is not there.

    Returns:
        The folder, or the path of the single file.

    Raises:
        ValueError: for another ending, and if the file is damaged or of another format than its
            name says.
        OSError: if there is no such file, or the disk is full.
    """
    name = path.name.lower()
    if not name.endswith((*_TARS, ".zip", *_OPENERS)):
        known = ", ".join((*_TARS, ".zip", *_OPENERS))
        raise ValueError(f"cannot unpack {str(path)!r}: its name must end in one of {known}")
    folder.mkdir(parents=True, exist_ok=True)
    with open(path, "rb") as file:
        start = file.read(START)
    try:
        if name.endswith(_TARS):
            with tarfile.open(path) as tar:
                tar.extractall(folder, filter="data")
            return folder
        if name.endswith(".zip"):
            with zipfile.ZipFile(path) as archive:
                archive.extractall(folder)
            return folder
        target = folder / path.stem
        with _OPENERS[path.suffix.lower()](path) as source, replacing(target) as file:
            shutil.copyfileobj(source, file)
        return target
    except _DAMAGES as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's fault, not the file's
        kind = describe_file(start, path.stat().st_size)
        raise ValueError(
            f"cannot unpack {os.fspath(path)!r}: it is damaged or cut off, or no such archive; it "
            f"begins as {kind} would ({error})"
        ) from error
