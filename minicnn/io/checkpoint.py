"""Checkpoints: tensors and plain Python values in one safetensors file.

Arrays become the file's tensors, named by their path in the object (``model.features.0.weight``),
so that any safetensors tool shows them. Everything else is JSON in the file's metadata. Reading a
checkpoint runs no code from it, unlike ``torch.load`` of a pickle.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ..dtypes import bfloat16
from ..tensor import Tensor
from .atomic import replacing

_FORMAT = "minicnn checkpoint 1"
_KINDS = "biuf"  # NumPy's codes for boolean, signed, unsigned and floating; bfloat16 has its own
_MAX_ITEMSIZE = 8  # bytes; safetensors has no long double


def save(obj: object, path: str | os.PathLike[str]) -> None:
    """Writes ``obj`` to one file, atomically: an interrupted call leaves no part of a file.

    Args:
        obj: tensors, NumPy arrays and scalars, numbers, strings, booleans and None, in any nesting
            of lists, tuples and dicts (with strings, numbers, booleans or None as keys).
        path: the file; an older one is replaced once the new one is on the disk.

    Raises:
        TypeError: if ``obj`` contains another type; the message says where.
    """
    path = Path(path)
    arrays: dict[str, np.ndarray] = {}
    structure = json.dumps(_encode(obj, (), arrays))

    with replacing(path) as temporary:
        save_file(arrays, temporary, {"format": _FORMAT, "structure": structure})


def is_checkpoint(path: str | os.PathLike[str]) -> bool:
    """Whether a file was written by :func:`save`."""
    try:
        with safe_open(path, framework="np") as file:
            return (file.metadata() or {}).get("format") == _FORMAT
    except (SafetensorError, OSError):
        return False


def load(path: str | os.PathLike[str]) -> Any:  # type: ignore[misc]  # only its user knows
    """Reads a file of :func:`save`; values and types are equal to those saved.

    Args:
        path: the file.

    Returns:
        The object. Tensors are on the CPU and do not require gradients; ``OrderedDict`` and named
        tuples have become plain dicts and tuples.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged or cut off, or is not a checkpoint of minicnn.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint file at {str(path)!r}")
    name = str(path)
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") == _FORMAT:
                return _decode(json.loads(metadata["structure"]), file)
    except (SafetensorError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(
            f"{name!r} is not a minicnn checkpoint, or is damaged or cut off: {error}"
        ) from error
    raise ValueError(
        f"{name!r} is a safetensors file, but not a checkpoint of this minicnn: "
        f"its format must be {_FORMAT!r}, got {metadata.get('format')!r}"
    )


def _encode(value: object, place: tuple[str, ...], arrays: dict[str, np.ndarray]) -> Any:
    """``value`` as JSON; its arrays go into ``arrays``, by name.

    Plain values and lists stay as they are. Everything else becomes an object with one key, its
    kind. ``place`` is the path of ``value`` in the saved object.
    """
    if isinstance(value, Tensor):
        return {"tensor": _store(value.detach().cpu().numpy(), place, arrays)}
    if isinstance(value, np.ndarray):
        return {"array": _store(value, place, arrays)}
    if isinstance(value, np.generic):  # before float: np.float64 is one
        return {"scalar": _store(np.asarray(value), place, arrays)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        items = [_encode(item, (*place, str(i)), arrays) for i, item in enumerate(value)]
        return items if isinstance(value, list) else {"tuple": items}
    if isinstance(value, dict):
        pairs = []  # not a JSON object, whose keys would all become strings
        for key, item in value.items():
            if not (key is None or isinstance(key, (bool, int, float, str))):
                raise TypeError(
                    f"cannot save {_name(place)}: keys of a dict must be strings, numbers, booleans "
                    f"or None, got {key!r} of type {type(key).__name__}"
                )
            pairs.append([key, _encode(item, (*place, str(key)), arrays)])
        return {"dict": pairs}
    raise TypeError(
        f"cannot save {_name(place)}: it must be a tensor, NumPy array, number, string, boolean, "
        f"None, dict, list or tuple, got {type(value).__name__}"
    )


def _store(array: np.ndarray, place: tuple[str, ...], arrays: dict[str, np.ndarray]) -> str:
    """Puts ``array`` into ``arrays`` under a name that is not in use, and returns the name."""
    known = array.dtype.kind in _KINDS or array.dtype == bfloat16
    if not known or array.dtype.itemsize > _MAX_ITEMSIZE:
        raise TypeError(
            f"cannot save {_name(place)}: an array must hold booleans, integers or floats of at "
            f"most 64 bits, got dtype {array.dtype}"
        )
    first = name = _name(place)
    count = 1
    while name in arrays or name == "__metadata__":
        count += 1
        name = f"{first}#{count}"
    arrays[name] = np.asarray(array, order="C")
    return name


def _name(place: tuple[str, ...]) -> str:
    return ".".join(place) or "the object itself"


def _decode(node: Any, file: Any) -> Any:
    """The inverse of :func:`_encode`; ``file`` holds the arrays."""
    if isinstance(node, list):
        return [_decode(item, file) for item in node]
    if not isinstance(node, dict):
        return node
    ((kind, content),) = node.items()
    if kind == "tensor":
        return Tensor(file.get_tensor(content))
    if kind == "array":
        return file.get_tensor(content)
    if kind == "scalar":
        return file.get_tensor(content)[()]
    if kind == "tuple":
        return tuple(_decode(item, file) for item in content)
    if kind == "dict":
        return {key: _decode(item, file) for key, item in content}
    raise ValueError(f"a value of unknown kind {kind!r}")
