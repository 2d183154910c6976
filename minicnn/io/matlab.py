"""Reads the arrays of numbers in MATLAB's files of level 5, which MATLAB 5 to 7 write.

A file is a header of 128 bytes, then elements: a tag with a type and a size, and the content, padded to
8 bytes. A matrix is an element made of elements: flags, dimensions, name, numbers. It is usually
compressed: then it is inside an element of zlib's format. The MathWorks publish the format as "MAT-File
Format".
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .file_kind import START, describe_file

__all__ = ["read_matlab"]

_HEADER = 128  # bytes
_MATRIX, _COMPRESSED = 14, 15
_TYPES = {  # of the numbers in an element
    1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8",
}  # fmt: skip
_CLASSES = {  # of a matrix; MATLAB stores its numbers in the smallest type that holds them
    6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8",
}  # fmt: skip


class _Element(NamedTuple):
    type: int
    content: memoryview
    end: int  # where the next element begins


def read_matlab(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """The arrays of numbers in a MATLAB file by name; text, cells and structures are left out.

    Args:
        path: a file of level 5 (``save -v6`` or ``-v7``).

    Returns:
        Arrays with MATLAB's dimensions, at least two.

    Raises:
        ValueError: if the file is damaged, cut off or no such file; the message says what it seems
            to be.
        OSError: if it cannot be read.
    """
    data = memoryview(Path(path).read_bytes())
    order = {b"IM": "<", b"MI": ">"}.get(bytes(data[126:_HEADER]))
    if order is None:
        kind = describe_file(bytes(data[:START]), len(data))
        raise ValueError(f"{os.fspath(path)!r} is no MATLAB file of level 5: it is {kind}")
    try:
        return _arrays(data, order)
    except (ValueError, zlib.error) as error:
        raise ValueError(f"{os.fspath(path)!r} is damaged or cut off: {error}") from error


def _arrays(data: memoryview, order: str) -> dict[str, np.ndarray]:
    arrays = {}
    position = _HEADER
    while position < len(data):
        element = _read_element(data, position, order)
        position = element.end
        if element.type == _COMPRESSED:
            element = _read_element(_decompressed(element.content, order), 0, order)
        if element.type == _MATRIX:
            name, array = _read_matrix(element.content, order)
            if array is not None:
                arrays[name] = array
    return arrays


def _read_element(data: memoryview, position: int, order: str) -> _Element:
    kind, size = _integers(data[position : position + 8], order + "u4", 2)
    start = position + 8
    if kind >> 16:  # a small element: the size is in the tag's upper half, the content in 4 bytes
        kind, size, start = kind & 0xFFFF, kind >> 16, position + 4
    end = start + size
    if end > len(data):
        raise ValueError(f"an element of {size} bytes where {len(data) - start} are left")
    padded = end if kind == _COMPRESSED else position + -(-(end - position) // 8) * 8
    return _Element(kind, data[start:end], padded)


def _decompressed(content: memoryview, order: str) -> memoryview:
    """The element inside a compressed one; no more is decompressed than its tag promises."""
    stream = zlib.decompressobj()
    tag = stream.decompress(content, 8)
    _, size = _integers(memoryview(tag), order + "u4", 2)
    rest = stream.decompress(stream.unconsumed_tail, size) if size else b""
    return memoryview(tag + rest)


def _read_matrix(data: memoryview, order: str) -> tuple[str, np.ndarray | None]:
    """Name and numbers of a matrix; None if it is not one of real numbers."""
    flags = _read_element(data, 0, order)
    dimensions = _read_element(data, flags.end, order)
    name = _read_element(data, dimensions.end, order)
    (kind,) = _integers(flags.content, order + "u4", 1)
    is_complex = kind & 0x800
    if kind & 0xFF not in _CLASSES or is_complex:
        return "", None
    numbers = _read_element(data, name.end, order)
    if numbers.type not in _TYPES:
        raise ValueError(f"numbers of the unknown type {numbers.type}")
    shape = _integers(dimensions.content, order + "i4", len(dimensions.content) // 4)
    values = np.frombuffer(numbers.content, order + _TYPES[numbers.type])
    # MATLAB counts the first dimension fastest.
    array = values.astype(_CLASSES[kind & 0xFF]).reshape(shape, order="F")
    return bytes(name.content).decode("latin1"), array


def _integers(data: memoryview, dtype: Any, count: int) -> list[int]:
    return np.frombuffer(data, dtype, count).tolist()
