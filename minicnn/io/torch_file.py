"""Reads PyTorch's weight files (.pth, .pt) without PyTorch, and without running code from them.

There are three formats, which differ in their first bytes: a zip (since PyTorch 1.6), a stream of
pickles followed by the raw numbers, and, from before 2017, a tar. In each, a pickle describes the
objects, and the tensors in it refer to storages: one-dimensional arrays that several tensors may
share. Storages are mapped into memory, not read.
"""

from __future__ import annotations

import io
import mmap
import os
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np

from ..dtypes import bfloat16
from ..tensor import Tensor
from ..typing import Array
from .safe_pickle import UnsafePickle, load_pickle, plain_key

__all__ = ["load_torch"]

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_MAX_DIMENSIONS = 64
_TAR_BLOCK = 512  # bytes

_DTYPES: dict[str, np.dtype[Any]] = {
    "Float": np.dtype(np.float32),
    "Double": np.dtype(np.float64),
    "Half": np.dtype(np.float16),
    "BFloat16": bfloat16,
    "Char": np.dtype(np.int8),
    "Byte": np.dtype(np.uint8),
    "Short": np.dtype(np.int16),
    "Int": np.dtype(np.int32),
    "Long": np.dtype(np.int64),
    "Bool": np.dtype(np.bool_),
}
# What reading a damaged file may raise.
_DAMAGES = (
    ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, OSError, RuntimeError,
    TypeError, ValueError, struct.error, zipfile.BadZipFile,
)  # fmt: skip

Storage: TypeAlias = Array  # a one-dimensional one


def load_torch(path: str | os.PathLike[str]) -> object:
    """Reads a file of ``torch.save``: a state_dict, or plain containers, numbers and tensors.

    Args:
        path: the file, in any of the three formats.

    Returns:
        The object, with :class:`~minicnn.Tensor` for tensors. Tensors that shared memory still do.
        Their memory is mapped from the file and read when it is first used; writing to them does
        not change the file.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged, cut off, or in none of the formats.
        UnsafePickle: a ValueError, if it contains more than tensors and plain values, such as a
            whole model.

    As ``torch.load(path, map_location="cpu", weights_only=True)``.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no file of weights at {str(path)!r}")
    try:
        with open(path, "rb") as file:
            return _reader(file)(file)
    except UnsafePickle as error:
        raise UnsafePickle(f"cannot read {str(path)!r}: {error}") from None
    except _DAMAGES as error:
        raise ValueError(f"cannot read {str(path)!r}: {error or type(error).__name__}") from error


def _reader(file: IO[bytes]) -> Callable[[IO[bytes]], object]:
    start = file.read(512)
    file.seek(0)
    if start.startswith(b"PK\x03\x04"):
        return _load_zip
    if start[257:262] == b"ustar":
        return _load_tar
    if start.startswith(b"\x80"):
        return _load_stream
    raise ValueError("it is none of the formats that torch.save writes")


# ---- zip ----


def _load_zip(file: IO[bytes]) -> object:
    memory = _map(file)
    with zipfile.ZipFile(file) as archive:
        records = {info.filename.partition("/")[2]: info for info in archive.infolist()}
    if "data.pkl" not in records:
        raise ValueError("it is a zip, but not a file of torch.save: it holds no data.pkl")
    if "byteorder" in records and memory[_record(memory, records["byteorder"])] != b"little":
        raise ValueError("its numbers are big-endian, which is not supported")
    storages: dict[str, Storage] = {}

    def storage(identity: Any) -> Storage:
        _, dtype, key, _, count = _checked(identity, 5)
        if key not in storages:
            if f"data/{key}" not in records:
                raise ValueError(f"it holds no storage {key[:100]!r}")
            place = _record(memory, records[f"data/{key}"])
            storages[key] = _view(memory, place.start, dtype, count, place.stop)
        return storages[key]

    pickle = memory[_record(memory, records["data.pkl"])]
    return load_pickle(io.BytesIO(pickle), _ALLOWED, storage)


def _record(memory: mmap.mmap, info: zipfile.ZipInfo) -> slice:
    """The bytes of a record, which follow a header with its name and an extra field."""
    if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
        raise ValueError(
            f"its record {info.filename[:100]!r} is compressed or encrypted, which torch never does"
        )
    start = info.header_offset
    magic, name_length, extra_length = struct.unpack_from("<4s22xHH", memory, start)
    start += 30 + name_length + extra_length
    if magic != b"PK\x03\x04" or start + info.file_size > len(memory):
        raise ValueError(f"its record {info.filename[:100]!r} is not where it should be")
    return slice(start, start + info.file_size)


# ---- stream ----


def _load_stream(file: IO[bytes]) -> object:
    memory = _map(file)
    if load_pickle(memory, {}) != _LEGACY_MAGIC:
        raise ValueError("it is a pickle, but not one of torch.save")
    if load_pickle(memory, {}) != _LEGACY_PROTOCOL:
        raise ValueError(f"its protocol must be {_LEGACY_PROTOCOL}")
    system = load_pickle(memory, {})
    if not isinstance(system, dict):
        raise TypeError(f"expected a dict, got a {type(system).__name__}")
    if not system.get("little_endian", True):
        raise ValueError("its numbers are big-endian, which is not supported")
    # The numbers are at the end, so the objects are read twice: first to find the sizes of the
    # storages, with placeholders that take no memory, then with the storages themselves.
    start = memory.tell()
    sizes: dict[str, tuple[np.dtype[Any], int]] = {}

    def note(identity: Any) -> Storage:
        _, dtype, key, _, count, view = _checked(identity, 6)
        sizes[key] = dtype, count
        return _viewed(np.broadcast_to(np.zeros(1, dtype), (count,)), view)

    load_pickle(memory, _ALLOWED, note)
    keys = load_pickle(memory, {})
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise ValueError("it does not list its storages")
    storages: dict[str, Storage] = {}
    for key in keys:
        dtype, expected = sizes[key]
        (count,) = struct.unpack("<q", _read(memory, 8))
        if count != expected:
            raise ValueError(f"its storage {key} has {count} elements, expected {expected}")
        storages[key] = _view(memory, memory.tell(), dtype, count)
        memory.seek(storages[key].nbytes, os.SEEK_CUR)

    def storage(identity: Any) -> Storage:
        _, _, key, _, _, view = _checked(identity, 6)
        return _viewed(storages[key], view)

    memory.seek(start)
    return load_pickle(memory, _ALLOWED, storage)


# ---- tar ----


def _load_tar(file: IO[bytes]) -> object:
    memory = _map(file)
    members = _tar_members(memory)
    missing = {"storages", "tensors", "pickle"} - members.keys()
    if missing:
        raise ValueError(
            f"it is a tar, but not a file of torch.save: it holds no {missing.pop()!r}"
        )
    memory.seek(members["storages"])
    objects = _tar_storages(memory)
    memory.seek(members["tensors"])
    _tar_tensors(memory, objects)

    def persistent(identity: Any) -> Any:
        if isinstance(identity, tuple):  # a class of the module, with its source
            return identity[0]
        return objects[int(identity)]

    memory.seek(members["pickle"])
    return load_pickle(memory, _ALLOWED, persistent)


def _tar_members(memory: mmap.mmap) -> dict[str, int]:
    """The start of each regular file in a tar; tarfile would follow links, even in circles."""
    members = {}
    position = 0
    while position + _TAR_BLOCK <= len(memory):
        header = memory[position : position + _TAR_BLOCK]
        position += _TAR_BLOCK
        if not any(header):  # the end
            break
        size = _count(int(header[124:136].strip(b" \0"), 8))
        if header[156:157] in (b"0", b"\0"):
            members[header[:100].rstrip(b"\0").decode()] = position
        position += -(-size // _TAR_BLOCK) * _TAR_BLOCK
    return members


def _tar_storages(memory: mmap.mmap) -> dict[int, Any]:
    objects: dict[int, Any] = {}
    for _ in range(_count(load_pickle(memory, {}))):
        key, _, dtype = _row(load_pickle(memory, _ALLOWED))
        if not isinstance(dtype, np.dtype):
            raise TypeError(f"the dtype of a storage is a {type(dtype).__name__}")
        (count,) = struct.unpack("<q", _read(memory, 8))
        storage = objects[_count(key)] = _view(memory, memory.tell(), dtype, _count(count))
        memory.seek(storage.nbytes, os.SEEK_CUR)
    for view in _row(load_pickle(memory, {})):
        key, root, offset, count = _row(view)
        objects[_count(key)] = _part(objects[_count(root)], offset, count)
    return objects


def _tar_tensors(memory: mmap.mmap, objects: dict[int, Any]) -> None:
    for _ in range(_count(load_pickle(memory, {}))):
        key, storage, _ = _row(load_pickle(memory, _ALLOWED))
        (dimensions,) = struct.unpack("<i4x", _read(memory, 8))
        if not 0 <= dimensions <= _MAX_DIMENSIONS:
            raise ValueError(f"a tensor of {dimensions} dimensions")
        numbers = struct.unpack(f"<{2 * dimensions + 1}q", _read(memory, 16 * dimensions + 8))
        size, stride, offset = numbers[:dimensions], numbers[dimensions:-1], numbers[-1]
        objects[_count(key)] = _tensor(objects[_count(storage)], offset, size, stride)


def _row(value: object) -> Sequence[Any]:
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"expected a list or tuple, got a {type(value).__name__}")
    return value


# ---- storages and tensors ----


def _map(file: IO[bytes]) -> mmap.mmap:
    """Maps a file into memory; writing to this memory does not change the file."""
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)


def _view(
    memory: mmap.mmap, start: int, dtype: np.dtype[Any], count: int, stop: int | None = None
) -> Storage:
    """The ``count`` numbers of a file from byte ``start`` on; they must end before ``stop``."""
    stop = len(memory) if stop is None else stop
    if start + count * dtype.itemsize > stop:
        raise ValueError(f"it ends within a storage of {count} elements")
    return np.frombuffer(memory, dtype, count, start)


def _checked(identity: Any, length: int) -> tuple[Any, ...]:
    """A pickle's reference to a storage: "storage", dtype, key, device, number of elements, view."""
    fits = isinstance(identity, tuple) and len(identity) == length
    if not fits or not isinstance(identity[1], np.dtype) or not isinstance(identity[2], str):
        raise ValueError(f"it refers to a {type(identity).__name__} instead of a storage")
    _count(identity[4])
    return identity


def _viewed(storage: Storage, view: Any) -> Storage:
    """The part of a storage that a view (key, offset, number of elements) refers to."""
    if view is None:
        return storage
    if not isinstance(view, tuple):
        raise TypeError(f"the view of a storage must be a tuple, got a {type(view).__name__}")
    _, offset, count = view
    return _part(storage, offset, count)


def _part(storage: Storage, offset: Any, count: Any) -> Storage:
    if _count(offset) + _count(count) > storage.size:
        raise ValueError(f"elements {offset} to {offset + count} of a storage of {storage.size}")
    return storage[offset : offset + count]


def _tensor(
    storage: Storage, offset: Any, size: Sequence[int], stride: Sequence[int], *_: Any
) -> Tensor:
    """A tensor on part of a storage; ``offset`` and ``stride`` count elements."""
    size, stride = _shape(size), _shape(stride)
    if not isinstance(storage, np.ndarray) or len(size) != len(stride):
        raise ValueError(f"a tensor of size {size} with strides {stride}")
    if 0 in size:
        return Tensor(np.empty(size, storage.dtype))
    last = _count(offset) + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if last >= storage.size:
        raise ValueError(
            f"a tensor of size {size} with strides {stride} from element {offset} on does not fit "
            f"its storage of {storage.size}"
        )
    steps = [step * storage.itemsize for step in stride]
    return Tensor(np.lib.stride_tricks.as_strided(storage[offset:], size, steps))


def _shape(numbers: Any = ()) -> tuple[int, ...]:
    if not isinstance(numbers, (tuple, list)) or len(numbers) > _MAX_DIMENSIONS:
        raise TypeError(f"a size must be a tuple of at most {_MAX_DIMENSIONS} numbers")
    return tuple(map(_count, numbers))


def _parameter(data: Tensor, *_: Any) -> Tensor:
    return data


def _count(number: Any) -> int:
    if not isinstance(number, int) or number < 0:
        shown = number if isinstance(number, int) else f"a {type(number).__name__}"
        raise ValueError(f"a count must be a non-negative integer, got {shown}")
    return number


def _read(memory: mmap.mmap, count: int) -> bytes:
    data = memory.read(count)
    if len(data) != count:
        raise ValueError("it is cut off")
    return data


def _ordered_dict(pairs: Any = None) -> OrderedDict[Any, Any]:
    """An empty OrderedDict, or one made from a list of pairs, as Python 2 wrote it.

    The list is emptied: otherwise a small file could have a long list copied again and again.
    """
    if pairs is None:
        return OrderedDict()
    if not isinstance(pairs, list) or not all(isinstance(pair, (list, tuple)) for pair in pairs):
        raise TypeError("an OrderedDict is made of a list of pairs")
    result = OrderedDict((plain_key(key), value) for key, value in pairs)
    pairs.clear()
    return result


_ALLOWED: Mapping[str, Any] = {
    "collections.OrderedDict": _ordered_dict,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch.Size": _shape,
    **{f"torch.{name}Storage": dtype for name, dtype in _DTYPES.items()},
    **{f"torch.{name}Tensor": dtype for name, dtype in _DTYPES.items()},
}
