"""The safetensors format: a JSON header with names, dtypes and shapes, then the numbers.

The first 8 bytes are the header's length, little-endian. Its entry ``__metadata__`` is free text.
The format is described at https://github.com/huggingface/safetensors.
"""

from __future__ import annotations

import json
import math
import mmap
import struct
from collections.abc import Mapping
from typing import IO, Any, NamedTuple

import numpy as np

from ..dtypes import bfloat16
from .raw import bytes_of, read_bytes, read_numbers, size_of

__all__ = [
    "DTYPES",
    "Contents",
    "is_safetensors",
    "make_header",
    "map_safetensors",
    "read_safetensors",
    "write_data",
]

_MAX_HEADER = 100_000_000  # bytes, as in the safetensors library
DTYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype(np.float64),
    "F32": np.dtype(np.float32),
    "F16": np.dtype(np.float16),
    "BF16": bfloat16,
    "I64": np.dtype(np.int64),
    "I32": np.dtype(np.int32),
    "I16": np.dtype(np.int16),
    "I8": np.dtype(np.int8),
    "U64": np.dtype(np.uint64),
    "U32": np.dtype(np.uint32),
    "U16": np.dtype(np.uint16),
    "U8": np.dtype(np.uint8),
    "BOOL": np.dtype(np.bool_),
}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}


class Contents(NamedTuple):
    """What a file holds.

    Attributes:
        arrays: by name, in the order of the header.
        metadata: the free text.
        header: the file's bytes before the numbers.
    """

    arrays: dict[str, np.ndarray]
    metadata: dict[str, str]
    header: bytes


def is_safetensors(file: IO[bytes]) -> bool:
    """Whether a file begins like one of this format; its position stays."""
    start = file.read(9)
    file.seek(-len(start), 1)
    return len(start) == 9 and start[8:] == b"{" and _length(start) <= size_of(file) - 8


def make_header(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> bytes:
    """The bytes of a file before its numbers; :func:`write_data` writes these."""
    offsets = {}
    stop = 0
    for name in _order_of_data(arrays):
        offsets[name] = [stop, stop + arrays[name].nbytes]
        stop += arrays[name].nbytes
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    for name, array in arrays.items():
        header[name] = {
            "dtype": _NAMES[array.dtype.newbyteorder("=")],
            "shape": list(array.shape),
            "data_offsets": offsets[name],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # so that the numbers are aligned
    return struct.pack("<Q", len(text)) + text


def write_data(file: IO[bytes], arrays: Mapping[str, np.ndarray]) -> None:
    """Writes the numbers, in the order that :func:`make_header` gives them."""
    for name in _order_of_data(arrays):
        file.write(bytes_of(arrays[name]))


def _order_of_data(arrays: Mapping[str, np.ndarray]) -> list[str]:
    """The names, those with the longest numbers first: each array is aligned then."""
    return sorted(arrays, key=lambda name: -arrays[name].itemsize)


def read_safetensors(file: IO[bytes]) -> Contents:
    """Reads a whole file from its position on.

    Raises:
        ValueError: if it is damaged, cut off, or has numbers of an unknown dtype.
    """
    header = _read_header(file)
    arrays: dict[str, np.ndarray] = {}
    for name, (dtype, shape, _) in header.in_order:
        arrays[name] = read_numbers(file, dtype, math.prod(shape)).reshape(shape)
    if file.read(1):
        raise ValueError("it goes on after its last tensor")
    return Contents({name: arrays[name] for name in header.names}, header.metadata, header.text)


def map_safetensors(file: IO[bytes]) -> Contents:
    """As :func:`read_safetensors` for a file on disk, but its arrays are mapped, not read.

    They cannot be written to. Memory is taken when they are used, and the system can take it back;
    processes that map one file share it.

    Raises:
        ValueError: as :func:`read_safetensors`.
    """
    header = _read_header(file)
    position, size = file.tell(), size_of(file)
    if size != position + sum(stop - start for _, (_, _, (start, stop)) in header.in_order):
        raise ValueError("its size is not the one its header tells")
    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    arrays = {}
    for name, (dtype, shape, (start, _)) in header.in_order:
        little = dtype.newbyteorder("<")
        numbers = np.frombuffer(mapped, little, math.prod(shape), position + start)
        arrays[name] = numbers.astype(dtype, copy=False).reshape(shape)
    return Contents({name: arrays[name] for name in header.names}, header.metadata, header.text)


class _Header(NamedTuple):
    names: list[str]
    in_order: list[tuple[str, _Entry]]  # of the data
    metadata: dict[str, str]
    text: bytes


def _read_header(file: IO[bytes]) -> _Header:
    """Reads what stands before the numbers, and checks that these have no gaps."""
    start = read_bytes(file, 8)
    text = read_bytes(file, _length(start))
    try:
        header = json.loads(text)
        metadata = header.pop("__metadata__", {})
        entries = {name: _checked(entry) for name, entry in header.items()}
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"its header is damaged: {error or type(error).__name__}") from error
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise ValueError("its header is damaged: the metadata must be text")
    in_order = sorted(entries.items(), key=lambda item: item[1].span)
    position = 0
    for name, entry in in_order:
        if entry.span[0] != position:  # so that the tensors take no more memory than the file
            raise ValueError(f"its tensors have gaps or overlap at {name[:100]!r}")
        position = entry.span[1]
    return _Header(list(entries), in_order, metadata, start + text)


class _Entry(NamedTuple):
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    span: tuple[int, int]


def _checked(entry: dict[str, Any]) -> _Entry:
    dtype, shape, (start, stop) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
    if dtype not in DTYPES:
        raise ValueError(f"it holds numbers of dtype {dtype!r:.40}, which NumPy does not have")
    if not all(type(number) is int and number >= 0 for number in (*shape, start, stop)):
        raise ValueError("a size or offset in its header is not a count")
    if stop - start != math.prod(shape) * DTYPES[dtype].itemsize:
        raise ValueError(f"a tensor of shape {shape} cannot take {stop - start} bytes")
    return _Entry(DTYPES[dtype], shape, (start, stop))


def _length(start: bytes) -> int:
    (length,) = struct.unpack_from("<Q", start)
    return min(length, _MAX_HEADER)
