"""Keeps decoded pictures, so that from the second epoch on they are not decoded again."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from PIL import Image

from .dataset import Dataset, describe
from .picture import looking_in
from .picture_record import pack_picture, unpack_picture
from .split import targets_of
from .store import Store

__all__ = ["CachedDataset", "PictureCache"]


class PictureCache:
    """Decoded pictures in memory or in a file, within a budget of bytes.

    Threads share it, and so do the processes to which it is pickled. The first pictures stay: in a
    shuffled epoch each is as likely to come next as any other, so none would be a better choice. What
    does not fit is decoded each time, which a warning says once.

    A picture is known by the path that errors name it with. It is decoded again when the size or the
    time of the last change of its file, or of the archive it is in, has changed, and after an update
    of Pillow. Pictures without a file are not kept. What a killed program has written half, or the
    disk has damaged, is found by checksums and replaced.

    Args:
        cache: ``"memory"``, or the path of a file, which the next run uses again.
        budget: the most bytes that it takes, bookkeeping included. Pixels take 3 bytes each in mode
            RGB: 20,000 pictures of 200×200 take 2.5e9. Memory is taken as pictures come, and there
            should be as much of it. A file takes disk alone; one that is larger is begun again.

    Raises:
        ValueError: for a budget below 64 KB, or a file that is something else.
        OSError: if the file cannot be written. If the disk is full later on, a warning says so.
    """

    def __init__(
        self, cache: str | os.PathLike[str] = "memory", budget: float = 4_000_000_000
    ) -> None:
        self.path = None if cache == "memory" else Path(os.path.expanduser(cache)).absolute()
        self.budget = int(budget)
        self._store = Store(self.path, self.budget)

    def __len__(self) -> int:
        """How many pictures are kept."""
        return len(self._store)

    @property
    def used(self) -> int:
        """The bytes in use."""
        return self._store.used

    def get(self, path: str, kind: str, decode: Callable[[], Image.Image]) -> Image.Image:
        """A picture that is kept, else what ``decode`` returns.

        Args:
            path: the picture's, in an archive the archive's path and the name in it.
            kind: tells apart the pictures that a file can be decoded to.
            decode: decodes it; errors are its own, and are not kept.
        """
        path = os.path.join(os.getcwd(), path)
        state = _state_of_file(path)
        if state is None:
            return decode()
        key = blake2b(os.fsencode(f"{kind}\0{path}"), digest_size=16).digest()
        stamp = blake2b(f"{state} {PIL.__version__}".encode(), digest_size=8).digest()
        found = self._store.get(key, stamp)
        if found.record is not None:
            return unpack_picture(found.record)
        picture = decode()
        pixels = picture.width * picture.height * len(picture.getbands())
        if self._store.takes(pixels, found):
            self._store.put(key, stamp, pack_picture(picture), found)
        return picture

    def __repr__(self) -> str:
        where = "memory" if self.path is None else str(self.path)
        bytes_used = f"{self.used:,} of at most {self.budget:,} bytes"
        return f"PictureCache({len(self):,} pictures in {where}, {bytes_used})"


class CachedDataset(Dataset[Any]):
    """``dataset``, whose decoded pictures are kept; its samples are the same, bit for bit.

    It keeps what :func:`load_picture`, :func:`~minicnn.data.picture.open_picture` and
    :func:`~minicnn.data.picture.decode_picture` decode while a sample is loaded, as the datasets of
    :mod:`minicnn.data` do: whole pictures, before any transform, wherever transforms are applied. A
    loader of your own should call one of them. Kept pictures are plain ``PIL.Image.Image`` objects,
    whose ``format`` is None; of ``info`` they have what :func:`.pack_picture` keeps, EXIF data among
    it. torch has no such class.

    Args:
        dataset: pictures by index.
        cache: ``"memory"``, a path, or a :class:`PictureCache` that several datasets share.
        budget: bytes, as for :class:`PictureCache`.

    Raises:
        ValueError, OSError: as :class:`PictureCache`.
    """

    def __init__(
        self,
        dataset: Any,
        cache: str | os.PathLike[str] | PictureCache = "memory",
        budget: float = 4_000_000_000,
    ) -> None:
        self.dataset = dataset
        self.cache = cache if isinstance(cache, PictureCache) else PictureCache(cache, budget)

    def __getitem__(self, index: Any) -> Any:
        with looking_in(self.cache):
            return self.dataset[index]

    def __len__(self) -> int:
        return len(self.dataset)

    @property
    def targets(self) -> np.ndarray:
        """The class of each sample, (N,) int64, where the dataset has ``targets``."""
        return targets_of(self.dataset)

    def describe(self, index: int) -> str:
        return describe(self.dataset, index)

    def __repr__(self) -> str:
        return f"CachedDataset({self.dataset!r}, {self.cache!r})"


def _state_of_file(path: str) -> tuple[int, int] | None:
    """Size and time of the last change of the file at a path, or of the archive on the way there."""
    while True:
        try:
            status = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            path, before = os.path.dirname(path), path
            if path == before:
                return None
        except (OSError, ValueError):
            return None
        else:
            is_file = stat.S_ISREG(status.st_mode)
            return (status.st_size, status.st_mtime_ns) if is_file else None
