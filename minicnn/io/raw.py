"""Numbers in files: arrays as bytes, little-endian, and back."""

from __future__ import annotations

import os
from typing import IO, Any

import numpy as np

__all__ = ["bytes_of", "read_bytes", "read_numbers", "size_of"]


def bytes_of(array: np.ndarray) -> memoryview:
    """The numbers of an array in C order, little-endian, without a copy if they are so already."""
    little = array.astype(array.dtype.newbyteorder("<"), order="C", copy=False)
    return little.reshape(-1).view(np.uint8).data


def read_numbers(file: IO[bytes], dtype: np.dtype[Any], count: int) -> np.ndarray:
    """A new array of ``count`` little-endian numbers, read from the file's position on.

    Raises:
        ValueError: if the file ends before; no memory is taken then.
    """
    if count * dtype.itemsize > size_of(file) - file.tell():
        raise ValueError(f"it is cut off: it ends within {count} numbers of {dtype}")
    array = np.empty(count, dtype)
    file.readinto(array.view(np.uint8))  # type: ignore[attr-defined]
    return array.astype(dtype.newbyteorder("="), copy=False)


def read_bytes(file: IO[bytes], count: int) -> bytes:
    """The next ``count`` bytes; ValueError if the file ends before."""
    if not 0 <= count <= size_of(file) - file.tell():
        raise ValueError(f"it is cut off: it ends within {count} bytes")
    return file.read(count)


def size_of(file: IO[bytes]) -> int:
    """The size of a file in bytes; its position stays."""
    position = file.tell()
    size = file.seek(0, os.SEEK_END)
    file.seek(position)
    return size
