"""Reads idx files, MNIST's format: a magic number, the dimensions, then the numbers, big-endian."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path

import numpy as np

from .file_kind import START, describe_file

__all__ = ["read_idx"]

_DTYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """The array in an idx file, or in one compressed by gzip (whose name ends in ``.gz``).

    Raises:
        ValueError: if the file is cut off, too long or no idx file; the message says what it seems
            to be.
        OSError: if it cannot be read.
    """
    name = os.fspath(path)
    try:
        data = Path(path).read_bytes()
        if name.endswith(".gz"):
            data = gzip.decompress(data)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        begin = Path(path).read_bytes()[:START]
        is_gzip = begin.startswith(b"\x1f\x8b")
        kind = "cut off or damaged" if is_gzip else describe_file(begin, len(begin))
        raise ValueError(f"{name!r} should be an idx file, but it is {kind}: {error}") from error
    dtype = _DTYPES.get(data[2] if data[:2] == b"\0\0" and len(data) >= 4 else -1)
    if dtype is None or not 1 <= data[3] <= 8:
        raise ValueError(f"{name!r} is no idx file: it is {describe_file(data[:START], len(data))}")
    start = 4 + 4 * data[3]
    shape = [int.from_bytes(data[i : i + 4], "big") for i in range(4, start, 4)]
    expected = start + int(np.prod(shape, dtype=object)) * np.dtype(dtype).itemsize
    if len(data) != expected:
        verb = "is cut off" if len(data) < expected else "is too long"
        raise ValueError(
            f"{name!r} {verb}: {'x'.join(map(str, shape))} numbers need {expected} bytes, "
            f"got {len(data)}"
        )
    # A copy that can be written to, in the machine's byte order.
    array = np.frombuffer(data, dtype, offset=start).reshape(shape)
    return array.astype(array.dtype.newbyteorder("="))
