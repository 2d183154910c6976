"""``torch.save`` and ``torch.load`` under the switch: any object, in torch's format.

:func:`minicnn.save` takes what ``torch.load(weights_only=True)`` reads, and :func:`minicnn.load` never
runs code from a file. Scripts also save their arguments, arrays or whole optimizers, and read them
back with ``weights_only=False``, which runs code that the file names, here as in torch.
"""

from __future__ import annotations

import os
from typing import IO, Any

from .. import io
from ..io.any_pickle import AnyVocabulary
from ..io.files import load_with, save_with
from ..io.location import MapLocation
from ..io.safe_pickle import UnsafePickle
from ..io.torch_writer import write_any_torch_zip, write_torch_zip

__all__ = ["load", "save"]

File = str | os.PathLike[str] | IO[bytes]


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
        weights_only: if it is False, a file of torch's may hold any object, and code that it names
            is run. By default no code is run.

    Raises:
        UnsafePickle: a ValueError, if a file holds more than ``weights_only`` admits.
    """
    if weights_only or weights_only is None:
        return io.load(f, map_location)
    start = f.tell() if hasattr(f, "tell") else 0
    try:
        return io.load(f, map_location, weights_only=False)
    except UnsafePickle:
        if hasattr(f, "seek"):
            f.seek(start)
        return load_with(AnyVocabulary(), f, map_location)
