"""Writes MATLAB's files of level 5, as MATLAB and SciPy do."""

from __future__ import annotations

import struct
import zlib

import numpy as np

__all__ = ["matlab_file"]

_TYPES = {"i1": 1, "u1": 2, "i2": 3, "u2": 4, "i4": 5, "u4": 6, "f4": 7, "f8": 9}
_CLASSES = {"f8": 6, "f4": 7, "i1": 8, "u1": 9, "i2": 10, "u2": 11, "i4": 12, "u4": 13}


def matlab_file(compressed: bool = True, order: str = "<", **arrays: np.ndarray) -> bytes:
    """A file with arrays of two or more dimensions."""
    mark = b"IM" if order == "<" else b"MI"
    header = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(order + "H", 0x0100) + mark
    parts = [header]
    for name, array in arrays.items():
        code = array.dtype.str[1:]
        content = (
            _element(order, 6, struct.pack(order + "II", _CLASSES[code], 0))
            + _element(order, 5, struct.pack(f"{order}{array.ndim}i", *array.shape))
            + _element(order, 1, name.encode())
            + _element(order, _TYPES[code], array.astype(order + code).tobytes(order="F"))
        )
        matrix = struct.pack(order + "II", 14, len(content)) + content
        if compressed:
            packed = zlib.compress(matrix)
            matrix = struct.pack(order + "II", 15, len(packed)) + packed
        parts.append(matrix)
    return b"".join(parts)


def _element(order: str, kind: int, content: bytes) -> bytes:
    if len(content) <= 4:
        return struct.pack(order + "I", len(content) << 16 | kind) + content.ljust(4, b"\0")
    return struct.pack(order + "II", kind, len(content)) + content + b"\0" * (-len(content) % 8)
