"""Reads the format that ``torch.save`` wrote before 2017: a tar.

``storages``, ``tensors`` and ``pickle`` are its members: the numbers, the tensors on them, and the
objects that refer to the tensors by number.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import IO, Any

import numpy as np

from .location import Placement
from .raw import read_bytes, read_numbers, size_of
from .safe_pickle import Vocabulary, load_pickle
from .torch_objects import MAX_DIMENSIONS, count, part_of, rebuild_tensor, storage_of

__all__ = ["read_torch_tar"]

_BLOCK = 512  # bytes


def read_torch_tar(file: IO[bytes], place: Placement, vocabulary: Vocabulary) -> object:
    """Reads the object that ``torch.save`` wrote.

    Args:
        file: the tar.
        place: where storages go.
        vocabulary: what the pickles may name.

    Raises:
        ValueError: if the file is damaged, or another tar.
        UnsafePickle: a ValueError, if it names something else.
    """
    members = _members(file)
    missing = sorted({"storages", "tensors", "pickle"} - members.keys())
    if missing:
        raise ValueError(f"it is a tar, but not a file of torch.save: it holds no {missing[0]!r}")
    file.seek(members["storages"])
    objects = _storages(file, place, vocabulary)
    file.seek(members["tensors"])
    _tensors(file, objects, vocabulary)

    def persistent(identity: Any) -> Any:
        if isinstance(identity, tuple):  # a class of the module, with its source
            return identity[0]
        return objects[int(identity)]

    file.seek(members["pickle"])
    return load_pickle(file, vocabulary, persistent)


def _members(file: IO[bytes]) -> dict[str, int]:
    """The start of each regular file in a tar; tarfile would follow links, even in circles."""
    members = {}
    position, end = file.tell(), size_of(file)
    while position + _BLOCK <= end:
        file.seek(position)
        header = file.read(_BLOCK)
        position += _BLOCK
        if not any(header):  # the end
            break
        size = count(int(header[124:136].strip(b" \0"), 8))
        if header[156:157] in (b"0", b"\0"):
            members[header[:100].rstrip(b"\0").decode()] = position
        position += -(-size // _BLOCK) * _BLOCK
    return members


def _storages(file: IO[bytes], place: Placement, vocabulary: Vocabulary) -> dict[int, Any]:
    objects: dict[int, Any] = {}
    for _ in range(count(load_pickle(file))):
        key, location, dtype = _row(load_pickle(file, vocabulary))
        if not isinstance(dtype, np.dtype):
            raise TypeError(f"the dtype of a storage is a {type(dtype).__name__}")
        (length,) = struct.unpack("<q", read_bytes(file, 8))
        numbers = read_numbers(file, dtype, count(length))
        saved = location if isinstance(location, str) else "cpu"
        objects[count(key)] = storage_of(place(numbers, saved))
    for view in _row(load_pickle(file)):
        key, root, offset, length = _row(view)
        objects[count(key)] = part_of(objects[count(root)], offset, length)
    return objects


def _tensors(file: IO[bytes], objects: dict[int, Any], vocabulary: Vocabulary) -> None:
    for _ in range(count(load_pickle(file))):
        key, storage, _ = _row(load_pickle(file, vocabulary))
        (dimensions,) = struct.unpack("<i4x", read_bytes(file, 8))
        if not 0 <= dimensions <= MAX_DIMENSIONS:
            raise ValueError(f"a tensor of {dimensions} dimensions")
        numbers = struct.unpack(f"<{2 * dimensions + 1}q", read_bytes(file, 16 * dimensions + 8))
        size, stride, offset = numbers[:dimensions], numbers[dimensions:-1], numbers[-1]
        objects[count(key)] = rebuild_tensor(objects[count(storage)], offset, size, stride)


def _row(value: object) -> Sequence[Any]:
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"expected a list or tuple, got a {type(value).__name__}")
    return value
