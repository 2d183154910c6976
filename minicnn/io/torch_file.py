"""PyTorch's weight files (.pth, .pt) without PyTorch, and without running code from them.

There are three formats, told apart by their first bytes: a zip (since PyTorch 1.6), a stream of
pickles followed by the raw numbers, and, from before 2017, a tar. In each, a pickle describes the
objects, and the tensors in it refer to storages: one-dimensional arrays that several tensors may
share. Storages are mapped into memory, not read, where the format lets us.
"""

from __future__ import annotations

import io
import mmap
import os
import struct
import tarfile
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..dtypes import bfloat16
from ..tensor import Tensor
from .safe_pickle import UnsafePickle, load_pickle

__all__ = ["load_torch"]

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_MAX_DIMENSIONS = 64

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
# What reading a damaged file may end in.
_DAMAGES = (
    ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, OSError, TypeError, ValueError,
    struct.error, tarfile.TarError, zipfile.BadZipFile,
)  # fmt: skip

Storage = Any  # a one-dimensional array


def load_torch(path: str | os.PathLike[str]) -> Any:
    """Reads what ``torch.save`` wrote: a state_dict, or plain containers, numbers and tensors.

    Args:
        path: the file, in any of the three formats.

    Returns:
        The object, with :class:`~minicnn.Tensor` for tensors; those that shared memory still do.
        Their memory is the file's, read when it is first used; changes stay in memory.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged, cut off, in none of the formats, or (as ``UnsafePickle``) names
            anything but tensors and plain values, such as a whole model.

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


def _reader(file: IO[bytes]) -> Callable[[IO[bytes]], Any]:
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


def _load_zip(file: IO[bytes]) -> Any:
    archive = zipfile.ZipFile(file)
    records = {info.filename.partition("/")[2]: info for info in archive.infolist()}
    if "data.pkl" not in records:
        raise ValueError("it is a zip, but not one of weights: it holds no data.pkl")
    if "byteorder" in records and archive.read(records["byteorder"]) != b"little":
        raise ValueError("its numbers are big-endian, which is not supported")
    memory = _map(file)
    storages: dict[str, Storage] = {}

    def storage(identity: Any) -> Storage:
        _, dtype, key, _, count = _checked(identity, 5)
        if key not in storages:
            info = records[f"data/{key}"]
            if info.compress_type != zipfile.ZIP_STORED:
                raise ValueError(f"its storage {key} is compressed, which torch never does")
            storages[key] = _view(memory, _data_offset(memory, info), dtype, count)
        return storages[key]

    return load_pickle(io.BytesIO(archive.read(records["data.pkl"])), _ALLOWED, storage)


def _data_offset(memory: mmap.mmap, info: zipfile.ZipInfo) -> int:
    """Where the bytes of a record begin, behind a header that repeats name and extra field."""
    header = memory[info.header_offset : info.header_offset + 30]
    name_length, extra_length = struct.unpack_from("<HH", header, 26)
    return info.header_offset + 30 + name_length + extra_length


# ---- stream ----


def _load_stream(file: IO[bytes]) -> Any:
    if load_pickle(file, {}) != _LEGACY_MAGIC:
        raise ValueError("it is a pickle, but not one of torch.save")
    protocol = load_pickle(file, {})
    if protocol != _LEGACY_PROTOCOL:
        raise ValueError(f"its protocol must be {_LEGACY_PROTOCOL}, got {protocol}")
    if not load_pickle(file, {}).get("little_endian", True):
        raise ValueError("its numbers are big-endian, which is not supported")
    # The numbers come last. So the objects are read twice: first to learn of the storages, which
    # take no memory yet, and then with the storages in place.
    start = file.tell()
    sizes: dict[str, tuple[np.dtype[Any], int]] = {}

    def note(identity: Any) -> Storage:
        _, dtype, key, _, count, view = _checked(identity, 6)
        sizes[key] = dtype, _count(count)
        return _seen_through(np.broadcast_to(np.zeros(1, dtype), (count,)), view)

    load_pickle(file, _ALLOWED, note)
    memory = _map(file)
    storages: dict[str, Storage] = {}
    for key in load_pickle(file, {}):
        dtype, expected = sizes[key]
        (count,) = struct.unpack("<q", _read(file, 8))
        if count != expected:
            raise ValueError(f"its storage {key} has {count} elements, expected {expected}")
        storages[key] = _view(memory, file.tell(), dtype, count)
        file.seek(storages[key].nbytes, os.SEEK_CUR)

    def storage(identity: Any) -> Storage:
        _, _, key, _, _, view = _checked(identity, 6)
        return _seen_through(storages[key], view)

    file.seek(start)
    return load_pickle(file, _ALLOWED, storage)


# ---- tar ----


def _load_tar(file: IO[bytes]) -> Any:
    members = tarfile.open(fileobj=file, mode="r:")  # noqa: SIM115  closed with the file

    def member(name: str) -> IO[bytes]:
        found = members.extractfile(name)
        if found is None:
            raise ValueError(f"its member {name!r} is not a file")
        return found

    objects: dict[int, Any] = _tar_storages(member("storages"))
    _tar_tensors(member("tensors"), objects)

    def persistent(identity: Any) -> Any:
        return identity[0] if isinstance(identity, tuple) else objects[int(identity)]

    return load_pickle(member("pickle"), _ALLOWED, persistent)


def _tar_storages(file: IO[bytes]) -> dict[int, Any]:
    objects: dict[int, Any] = {}
    for _ in range(_count(load_pickle(file, {}))):
        key, _, dtype = load_pickle(file, _ALLOWED)
        (count,) = struct.unpack("<q", _read(file, 8))
        objects[key] = np.frombuffer(_read(file, _count(count) * dtype.itemsize), dtype).copy()
    for key, root, offset, count in load_pickle(file, {}):
        objects[key] = _part(objects[root], offset, count)
    return objects


def _tar_tensors(file: IO[bytes], objects: dict[int, Any]) -> None:
    for _ in range(_count(load_pickle(file, {}))):
        key, storage, _ = load_pickle(file, _ALLOWED)
        (dimensions,) = struct.unpack("<i4x", _read(file, 8))
        if not 0 <= dimensions <= _MAX_DIMENSIONS:
            raise ValueError(f"a tensor of {dimensions} dimensions")
        numbers = struct.unpack(f"<{2 * dimensions + 1}q", _read(file, 16 * dimensions + 8))
        size, stride, offset = numbers[:dimensions], numbers[dimensions:-1], numbers[-1]
        objects[key] = _tensor(objects[storage], offset, size, stride)


# ---- storages and tensors ----


def _map(file: IO[bytes]) -> mmap.mmap:
    """The file as memory; writing to it changes no file."""
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)


def _view(memory: mmap.mmap, offset: int, dtype: Any, count: Any) -> Storage:
    if offset + _count(count) * dtype.itemsize > len(memory):
        raise ValueError(f"it ends within a storage of {count} elements")
    return np.frombuffer(memory, dtype, count, offset)


def _checked(identity: Any, length: int) -> tuple[Any, ...]:
    """What a pickle says of a storage: "storage", dtype, key, device, number of elements, view."""
    fits = isinstance(identity, tuple) and len(identity) == length and identity[0] == "storage"
    if not fits or not isinstance(identity[1], np.dtype):
        raise ValueError(f"it refers to {identity!r} instead of a storage")
    return identity


def _seen_through(storage: Storage, view: Any) -> Storage:
    """The part of a storage that a view (its key, offset, number of elements) shows."""
    return storage if view is None else _part(storage, *view[1:])


def _part(storage: Storage, offset: Any, count: Any) -> Storage:
    if _count(offset) + _count(count) > storage.size:
        raise ValueError(f"elements {offset} to {offset + count} of a storage of {storage.size}")
    return storage[offset : offset + count]


def _tensor(
    storage: Storage, offset: Any, size: Sequence[int], stride: Sequence[int], *_: Any
) -> Tensor:
    """A tensor on part of a storage; strides count elements."""
    if len(size) != len(stride) or len(size) > _MAX_DIMENSIONS:
        raise ValueError(f"a tensor of size {size} with strides {stride}")
    last = _count(offset) + sum(
        max(_count(n) - 1, 0) * _count(step) for n, step in zip(size, stride, strict=True)
    )
    if 0 not in size and last >= storage.size:
        raise ValueError(
            f"a tensor of size {tuple(size)} with strides {tuple(stride)} from element {offset} "
            f"on does not fit its storage of {storage.size}"
        )
    if 0 in size:
        return Tensor(np.empty(size, storage.dtype))
    steps = [step * storage.itemsize for step in stride]
    return Tensor(np.lib.stride_tricks.as_strided(storage[offset:], size, steps))


def _parameter(data: Tensor, *_: Any) -> Tensor:
    return data


def _count(number: Any) -> int:
    if not isinstance(number, int) or number < 0:
        raise ValueError(f"a count must be a non-negative integer, got {number!r}")
    return number


def _read(file: IO[bytes], count: int) -> bytes:
    data = file.read(count)
    if len(data) != count:
        raise ValueError("it is cut off")
    return data


def _ordered_dict(pairs: Any = ()) -> OrderedDict[Any, Any]:
    return OrderedDict(pairs)


_ALLOWED: Mapping[str, Any] = {
    "collections.OrderedDict": _ordered_dict,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch.Size": tuple,
    **{f"torch.{name}Storage": dtype for name, dtype in _DTYPES.items()},
    **{f"torch.{name}Tensor": dtype for name, dtype in _DTYPES.items()},
}
