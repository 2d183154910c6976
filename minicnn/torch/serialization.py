"""``torch.save`` and ``torch.load`` under the switch: any object, in torch's format.

:func:`minicnn.save` takes what ``torch.load(weights_only=True)`` reads, and :func:`minicnn.load` never
runs code from a file. Scripts also save their arguments, arrays or whole optimizers, and read them
back with ``weights_only=False``. In torch that runs code that the file names; here objects are made of
classes that the program has defined or imported, and no code is run.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import IO, Any

from .. import io
from ..io.files import load_with, save_with
from ..io.location import MapLocation
from ..io.pickled_objects import ObjectVocabulary
from ..io.safe_pickle import UnsafePickle
from ..io.torch_writer import write_any_torch_zip, write_torch_zip
from .alias import find

__all__ = [
    "add_safe_globals",
    "clear_safe_globals",
    "get_safe_globals",
    "load",
    "safe_globals",
    "save",
]

File = str | os.PathLike[str] | IO[bytes]

_safe: list[Any] = []  # classes and functions that files may name


def add_safe_globals(safe_globals: list[Any]) -> None:
    """Lets files name these classes and functions, although they are loaded with ``weights_only``."""
    _safe.extend(safe_globals)


def get_safe_globals() -> list[Any]:
    """What :func:`add_safe_globals` was given."""
    return list(_safe)


def clear_safe_globals() -> None:
    """Forgets them."""
    _safe.clear()


@contextlib.contextmanager
def safe_globals(safe_globals: list[Any]) -> Iterator[None]:
    """:func:`add_safe_globals` for a ``with`` block."""
    before = get_safe_globals()
    add_safe_globals(safe_globals)
    try:
        yield
    finally:
        _safe[:] = before


def save(
    obj: object,
    f: File,
    pickle_module: Any = None,
    pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
) -> None:
    """Writes any object that can be pickled, as ``torch.save`` does.

    Args:
        obj: the object.
        f: the file, or an open binary file.
        pickle_module: without effect, as the others: the format is the one torch writes by default.
    """
    try:
        save_with(write_torch_zip, obj, f)
    except TypeError:  # more than tensors and plain values
        save_with(write_any_torch_zip, obj, f)


def load(
    f: File,
    map_location: MapLocation = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args: Any,
) -> Any:  # type: ignore[misc]  # only its user knows
    """Reads a file as ``torch.load`` does.

    Args:
        f: the file, or an open binary file.
        map_location: as in :func:`minicnn.load`.
        pickle_module: without effect, as ``mmap`` and the last ones.
        weights_only: if it is False, a file of torch's may hold objects of any class that the program
            has defined or imported. Their attributes are filled in; nothing is called.

    Raises:
        UnsafePickle: a ValueError, if a file holds more than ``weights_only`` admits.
    """
    safe = weights_only is None or weights_only
    start = f.tell() if hasattr(f, "tell") else 0
    try:
        return io.load(f, map_location, weights_only=safe)
    except UnsafePickle:
        if safe and not _safe:
            raise
    if hasattr(f, "seek"):
        f.seek(start)
    return load_with(ObjectVocabulary(find, _safe if safe else None), f, map_location)
