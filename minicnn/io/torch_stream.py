"""Reads the format that ``torch.save`` wrote before PyTorch 1.6: pickles, then the raw numbers."""

from __future__ import annotations

import struct
from typing import IO, Any

from ..tensor import Tensor
from .location import Placement
from .raw import read_bytes, read_numbers
from .safe_pickle import load_pickle
from .torch_objects import StorageReference, TorchVocabulary, part_of, storage_of

__all__ = ["read_torch_stream"]

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001


def read_torch_stream(file: IO[bytes], place: Placement, vocabulary: TorchVocabulary) -> object:
    """Reads the object that ``torch.save`` wrote.

    The format has no checksum: only damage to its structure is noticed.

    Args:
        file: at its start.
        place: where storages go.
        vocabulary: what the pickle may name.

    Raises:
        ValueError: if the file is damaged, or a pickle of another program.
        UnsafePickle: a ValueError, if it names something else.
    """
    if load_pickle(file) != _MAGIC:
        raise ValueError("it is a pickle, but not one of torch.save")
    if load_pickle(file) != _PROTOCOL:
        raise ValueError(f"its protocol must be {_PROTOCOL}")
    system = load_pickle(file)
    if not isinstance(system, dict):
        raise TypeError(f"expected a dict, got a {type(system).__name__}")
    if not system.get("little_endian", True):
        raise ValueError("its numbers are big-endian, which is not supported")
    # The numbers come last, so the objects are read twice: first to find the storages' dtypes and
    # sizes, then with the storages themselves.
    start = file.tell()
    references = _find_storages(file, vocabulary)
    storages = _read_storages(file, references, place)
    stop = file.tell()

    def persistent(identity: Any) -> Any:
        if _is_class(identity):
            return identity[1]
        reference = StorageReference(identity, 6)
        return _viewed(storages[reference.key], identity[5])

    file.seek(start)
    result = load_pickle(file, vocabulary, persistent)
    file.seek(stop)
    return result


def _find_storages(file: IO[bytes], vocabulary: TorchVocabulary) -> dict[str, StorageReference]:
    """Reads the objects without their tensors, and returns the storages that they refer to."""
    references: dict[str, StorageReference] = {}

    def note(identity: Any) -> Any:
        if _is_class(identity):
            return identity[1]
        reference = StorageReference(identity, 6)
        references[reference.key] = reference
        return None

    load_pickle(file, vocabulary.without_tensors(), note)
    return references


def _is_class(identity: Any) -> bool:
    """Whether a persistent id stands for a class of modules: "module", class, file, source."""
    return isinstance(identity, tuple) and len(identity) == 4 and identity[0] == "module"


def _read_storages(
    file: IO[bytes], references: dict[str, StorageReference], place: Placement
) -> dict[str, Tensor]:
    keys = load_pickle(file)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise ValueError("it does not list its storages")
    storages: dict[str, Tensor] = {}
    for key in keys:
        reference = references[key]
        (length,) = struct.unpack("<q", read_bytes(file, 8))
        if length != reference.count:
            raise ValueError(
                f"its storage {key[:100]} has {length} elements, expected {reference.count}"
            )
        numbers = read_numbers(file, reference.dtype, reference.count)
        storages[key] = storage_of(place(numbers, reference.location))
    return storages


def _viewed(storage: Tensor, view: Any) -> Tensor:
    """The part of a storage that a view (key, offset, number of elements) refers to."""
    if view is None:
        return storage
    if not isinstance(view, tuple):
        raise TypeError(f"the view of a storage must be a tuple, got a {type(view).__name__}")
    _, offset, length = view
    return part_of(storage, offset, length)
