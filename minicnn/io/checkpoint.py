"""Checkpoints: tensors and plain Python values in one safetensors file.

Arrays become the file's tensors, named by their path in the object (``model.features.0.weight``),
so that any safetensors tool shows them. Everything else is JSON in the file's metadata. A checksum
there covers every byte of the file. Reading a checkpoint runs no code from it.
"""

from __future__ import annotations

import json
import re
import zlib
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import IO, Any

import numpy as np

from ..devices import Device
from ..dtype import DType
from ..tensor import Tensor
from .location import Placement
from .raw import bytes_of
from .safetensors_file import DTYPES, Contents, make_header, write_data

__all__ = ["checkpoint_writer", "decode_checkpoint", "is_checkpoint", "write_checkpoint"]

_FORMAT = "minicnn checkpoint 2"
_OLD_FORMAT = "minicnn checkpoint 1"  # without a checksum
_CHECKSUM = re.compile(rb'(?<="checksum":")[0-9a-f]{8}(?=")')
_NO_CHECKSUM = "00000000"
_DICTS = {"dict": dict, "ordered dict": OrderedDict, "counter": Counter}


def write_checkpoint(obj: object, file: IO[bytes]) -> None:
    """Writes an object; :func:`minicnn.save` says what it may contain.

    Raises:
        TypeError: if ``obj`` contains another type; the message says where.
    """
    checkpoint_writer(obj)(file)


def checkpoint_writer(obj: object) -> Callable[[IO[bytes]], None]:
    """What writes ``obj`` as :func:`write_checkpoint` would now, to a file, later.

    Tensors on a GPU are fetched now, and everything but arrays is copied. Arrays and tensors on the
    CPU are not: they must stay as they are.

    Raises:
        TypeError: as :func:`write_checkpoint`.
    """
    arrays: dict[str, np.ndarray] = {}
    structure = json.dumps(_encode(obj, (), arrays))
    metadata = {"format": _FORMAT, "checksum": _NO_CHECKSUM, "structure": structure}
    header = make_header(arrays, metadata)

    def write(file: IO[bytes]) -> None:
        file.write(_CHECKSUM.sub(_checksum(header, arrays), header))
        write_data(file, arrays)

    return write


def is_checkpoint(contents: Contents) -> bool:
    """Whether a safetensors file is a checkpoint, of any version, or a damaged one."""
    return "structure" in contents.metadata or "checksum" in contents.metadata


def decode_checkpoint(contents: Contents, place: Placement) -> object:
    """The object in a checkpoint.

    Args:
        contents: the file's.
        place: where its tensors go.

    Raises:
        ValueError: if its checksum or its version does not fit.
    """
    version = contents.metadata.get("format")
    if version == _FORMAT:
        found = _CHECKSUM.findall(contents.header)
        if found != [_checksum(contents.header, contents.arrays)]:
            raise ValueError("its checksum does not fit: the file is damaged")
    elif version != _OLD_FORMAT:
        raise ValueError(f"its format must be {_FORMAT!r} or {_OLD_FORMAT!r}, got {version!r:.60}")
    return _decode(json.loads(contents.metadata["structure"]), contents.arrays, place)


def _checksum(header: bytes, arrays: dict[str, np.ndarray]) -> bytes:
    """CRC-32 of a file, with zeros where the header has the checksum itself."""
    crc = zlib.crc32(_CHECKSUM.sub(_NO_CHECKSUM.encode(), header))
    for array in arrays.values():
        crc = zlib.crc32(bytes_of(array), crc)
    return b"%08x" % crc


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
    if isinstance(value, (np.dtype, DType)):
        return {"dtype": value.name}
    if isinstance(value, Device):
        return {"device": str(value)}
    if isinstance(value, (list, tuple, set)):
        items = [_encode(item, (*place, str(i)), arrays) for i, item in enumerate(value)]
        kind = next((k for k in (tuple, set) if isinstance(value, k)), None)
        return items if kind is None else {kind.__name__: items}
    if isinstance(value, dict):
        pairs = []  # not a JSON object, whose keys would all become strings
        for key, item in value.items():
            if not (key is None or isinstance(key, (bool, int, float, str))):
                raise TypeError(
                    f"cannot save {_name(place)}: keys of a dict must be strings, numbers, booleans "
                    f"or None, got {key!r} of type {type(key).__name__}"
                )
            pairs.append([key, _encode(item, (*place, str(key)), arrays)])
        return {next((k for k, v in _DICTS.items() if type(value) is v), "dict"): pairs}
    raise TypeError(
        f"cannot save {_name(place)}: it must be a tensor, NumPy array, number, string, boolean, "
        f"None, dtype, device, dict, list, tuple or set, got {type(value).__name__}; of a module "
        "save its state_dict()"
    )


def _store(array: np.ndarray, place: tuple[str, ...], arrays: dict[str, np.ndarray]) -> str:
    """Puts ``array`` into ``arrays`` under a name that is not in use, and returns the name."""
    if array.dtype.newbyteorder("=") not in DTYPES.values():
        raise TypeError(
            f"cannot save {_name(place)}: an array must hold booleans, integers or floats of at "
            f"most 64 bits, got dtype {array.dtype}"
        )
    first = name = _name(place)
    count = 1
    while name in arrays or name == "__metadata__":
        count += 1
        name = f"{first}#{count}"
    arrays[name] = array
    return name


def _name(place: tuple[str, ...]) -> str:
    return ".".join(place) or "the object itself"


def _decode(node: Any, arrays: dict[str, np.ndarray], place: Placement) -> Any:
    """The inverse of :func:`_encode`."""
    if isinstance(node, list):
        return [_decode(item, arrays, place) for item in node]
    if not isinstance(node, dict):
        return node
    ((kind, content),) = node.items()
    if kind == "tensor":
        return Tensor.of(place(arrays[content], "cpu"))
    if kind == "array":
        return arrays[content]
    if kind == "scalar":
        return arrays[content][()]
    if kind == "dtype":
        return DType(next(dtype for dtype in DTYPES.values() if dtype.name == content))
    if kind == "device":
        return Device(content)
    if kind in ("tuple", "set"):
        items = [_decode(item, arrays, place) for item in content]
        return tuple(items) if kind == "tuple" else set(items)
    if kind in _DICTS:
        pairs = {key: _decode(item, arrays, place) for key, item in content}
        return pairs if kind == "dict" else _DICTS[kind](pairs)
    raise ValueError(f"a value of unknown kind {kind!r:.40}")
