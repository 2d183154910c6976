"""Checkpoints: tensors and plain Python values in one safetensors file.

The arrays are the file's tensors, named by where they were (``model.features.0.weight``), so that
any safetensors tool shows them; everything else is JSON in the file's metadata. Reading one runs no
code from it, unlike ``torch.load`` of a pickle.
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
_KINDS = "biuf"  # boolean, signed, unsigned, floating: NumPy's codes; and bfloat16
_MAX_ITEMSIZE = 8  # bytes; safetensors has no long double


def save(obj: Any, path: str | os.PathLike[str]) -> None:
    """Write ``obj`` to one file, which is there either whole or not at all.

    Args:
        obj: tensors, NumPy arrays and scalars, numbers, strings, booleans and None, in any nesting
            of dicts (whose keys are strings, numbers, booleans or None), lists and tuples.
        path: the file; an older one is replaced once the new one is on the disk.

    Raises:
        TypeError: if something in ``obj`` is of another type; the message says where it is.
    """
    path = Path(path)
    arrays: dict[str, np.ndarray] = {}
    structure = json.dumps(_encode(obj, (), arrays))

    with replacing(path) as temporary:
        save_file(arrays, temporary, {"format": _FORMAT, "structure": structure})


def is_checkpoint(path: str | os.PathLike[str]) -> bool:
    """Whether :func:`save` wrote a file."""
    try:
        with safe_open(path, framework="np") as file:
            return (file.metadata() or {}).get("format") == _FORMAT
    except (SafetensorError, OSError):
        return False


def load(path: str | os.PathLike[str]) -> Any:
    """Read what :func:`save` wrote, with equal values and types.

    Args:
        path: the file.

    Returns:
        The object; tensors are on the CPU and do not require gradients, dicts and tuples of a
        subclass (``OrderedDict``, named tuples) are plain ones.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged or cut off, or is no checkpoint of minicnn.
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


def _encode(value: Any, place: tuple[str, ...], arrays: dict[str, np.ndarray]) -> Any:
    """``value`` as JSON; its arrays go into ``arrays``, by name.

    Plain values and lists stand for themselves; all else is an object with one key, its kind.
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
    """Put ``array`` into ``arrays`` under a name that is still free, and return the name."""
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
    """The value that :func:`_encode` made ``node`` of."""
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
