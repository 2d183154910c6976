"""``minicnn.load`` and ``minicnn.save``: one function for every format that the project reads."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from ..tensor import Tensor
from .atomic import replacing
from .checkpoint import decode_checkpoint, is_checkpoint, write_checkpoint
from .file_kind import START, describe_file, describe_zip
from .location import MapLocation, Placement, placement
from .numpy_file import is_npz, read_npy, read_npz
from .pickled_module import ModuleVocabulary
from .raw import size_of
from .safe_pickle import UnsafePickle
from .safetensors_file import is_safetensors, read_safetensors
from .torch_objects import TorchVocabulary
from .torch_stream import read_torch_stream
from .torch_tar import read_torch_tar
from .torch_writer import write_torch_zip
from .torch_zip import is_torch_zip, read_torch_zip

__all__ = ["load", "save"]

_TORCH_ENDINGS = (".pt", ".pth", ".pth.tar")
_END_OF_ZIP = struct.Struct("<4s6xH10x")  # magic number, number of records
# What reading a damaged file may raise.
_DAMAGES = (
    ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, NotImplementedError,
    OSError, RecursionError, TypeError, ValueError, struct.error, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def save(obj: object, path: str | os.PathLike[str] | IO[bytes], format: str | None = None) -> None:
    """Writes ``obj`` to one file, atomically: an interrupted call leaves no part of a file.

    Args:
        obj: tensors, numbers, strings, booleans, None, dtypes and devices, in any nesting of lists,
            tuples, sets and dicts; strings, numbers, booleans or None are the keys. NumPy arrays in
            the format ``"minicnn"``; bytes and whole modules in the format ``"torch"``.
        path: the file, which is replaced once the new one is on the disk; or an open binary file.
        format: ``"torch"`` is the zip of ``torch.save``, which ``torch.load(weights_only=True)``
            reads if ``obj`` contains no module. ``"minicnn"`` is a safetensors file with a
            checksum. By default the name decides: torch's for ``.pt``, ``.pth`` and ``.pth.tar``.

    Raises:
        TypeError: if ``obj`` contains another type; the message says where.
        ValueError: for another format, or an ``obj`` that contains itself.
        OSError: if the file cannot be written; what was there before stays.

    As ``torch.save``. Named tuples and other subclasses become plain dicts, lists and tuples.
    """
    if format is None:
        name = os.fsdecode(path) if isinstance(path, (str, os.PathLike)) else ""
        format = "torch" if name.lower().endswith(_TORCH_ENDINGS) else "minicnn"
    if format not in ("torch", "minicnn"):
        raise ValueError(f"format must be 'torch' or 'minicnn', got {format!r}")
    save_with(write_torch_zip if format == "torch" else write_checkpoint, obj, path)


def save_with(
    write: Callable[[object, IO[bytes]], None],
    obj: object,
    path: str | os.PathLike[str] | IO[bytes],
) -> None:
    """:func:`save`, where ``write`` writes the object into an open file."""
    try:
        if isinstance(path, (str, os.PathLike)):
            with replacing(path) as file:
                write(obj, file)
        elif not hasattr(path, "write"):
            raise TypeError(f"save expects a path or an open binary file, got {path!r:.100}")
        else:  # through memory, so that nothing is written if it fails
            buffer = io.BytesIO()
            write(obj, buffer)
            path.write(buffer.getbuffer())
    except RecursionError:
        raise ValueError(
            "cannot save an object that contains itself or is nested too deep"
        ) from None


def load(
    path: str | os.PathLike[str] | IO[bytes],
    map_location: MapLocation = None,
    weights_only: bool = True,
) -> Any:  # type: ignore[misc]  # only its user knows
    """Reads a file of any format known here; its content decides which. No code from it is run.

    The formats are: checkpoints of :func:`save`, torch's files (zip, the stream of pickles before
    PyTorch 1.6, the tar of 2016), safetensors, ``.npz`` and ``.npy``.

    Args:
        path: the file, or an open binary one.
        map_location: where tensors go: a device, a dict from the device they were saved on to
            another (``{"cuda:0": "cpu"}``), or a function of a storage and that device.
        weights_only: if False, whole modules in torch's files are read as well. Their classes must be
            subclasses of ``nn.Module`` that the program has defined or imported; torch's own layers
            become ours. Their attributes are filled in, and neither ``__init__`` nor anything else
            is called.

    Returns:
        The object; a dict of tensors from safetensors and ``.npz``, a tensor from ``.npy``. Tensors
        of torch's files that shared memory still do, and require gradients as they did.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged, cut off, or of another kind; the message says what it seems to
            be. Checkpoints, torch's zips and ``.npz`` have checksums, so that each flipped bit of
            their content is found. The other formats have none.
        UnsafePickle: a ValueError, if torch's file contains more than ``weights_only`` admits.

    As ``torch.load``. One deviation: without ``map_location`` tensors are on the CPU, wherever they
    were saved. torch puts them where they were, and fails if there is no such GPU.
    """
    return load_with(TorchVocabulary() if weights_only else ModuleVocabulary(), path, map_location)


def load_with(
    vocabulary: TorchVocabulary,
    path: str | os.PathLike[str] | IO[bytes],
    map_location: MapLocation = None,
) -> object:
    """:func:`load`, where ``vocabulary`` is what torch's files may name."""
    place = placement(map_location)
    with _opened(path) as (file, name):
        try:
            return _read(file, place, vocabulary)
        except UnsafePickle as error:
            raise UnsafePickle(f"cannot read {name}: {_in_one_line(error)}") from None
        except _DAMAGES as error:
            raise ValueError(f"cannot read {name}: {_in_one_line(error)}") from error


def _in_one_line(error: BaseException) -> str:
    """The error's text, printable and short, as a damaged file may put anything into it."""
    text = "".join(c if c.isprintable() else " " for c in str(error))
    return text[:300] or type(error).__name__


@contextlib.contextmanager
def _opened(path: str | os.PathLike[str] | IO[bytes]) -> Iterator[tuple[IO[bytes], str]]:
    """The file of a path, and what errors call it."""
    if not isinstance(path, (str, os.PathLike)):
        if not hasattr(path, "read"):
            raise TypeError(f"load expects a path or an open binary file, got {path!r:.100}")
        content = path.read()
        if not isinstance(content, bytes):
            raise TypeError(f"load expects a file opened in binary mode, got {path!r:.100}")
        yield io.BytesIO(content), f"the open file {getattr(path, 'name', path)!r:.100}"
        return
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no file {str(path)!r}")
    if path.is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder, not a file")
    with open(path, "rb") as file:
        yield file, repr(str(path))


def _read(file: IO[bytes], place: Placement, vocabulary: TorchVocabulary) -> object:
    """Reads a file in the format that its first bytes tell."""
    start = file.read(START)
    file.seek(0)
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _read_zip(file, place, vocabulary)
    if start.startswith(b"\x93NUMPY"):
        return read_npy(file, place)
    if is_safetensors(file):
        contents = read_safetensors(file)
        if is_checkpoint(contents):
            return decode_checkpoint(contents, place)
        return {name: Tensor.of(place(array, "cpu")) for name, array in contents.arrays.items()}
    if start[257:262] == b"ustar":
        return read_torch_tar(file, place, vocabulary)
    if start.startswith(b"\x80"):  # after safetensors, whose length may begin so
        return read_torch_stream(file, place, vocabulary)
    raise ValueError(f"it is {describe_file(start, size_of(file))}")


def _read_zip(file: IO[bytes], place: Placement, vocabulary: TorchVocabulary) -> object:
    try:
        archive = zipfile.ZipFile(file)
    except zipfile.BadZipFile as error:
        raise ValueError(f"it is a zip that is damaged or cut off: {error}") from error
    if not _is_whole(file, archive):
        raise ValueError("it is a zip with a damaged directory")
    if is_torch_zip(archive):
        return read_torch_zip(file, archive, place, vocabulary)
    if is_npz(archive):
        return read_npz(file, archive, place)
    raise ValueError(f"it is {describe_zip(archive)}")


def _is_whole(file: IO[bytes], archive: zipfile.ZipFile) -> bool:
    """Whether a zip lists as many records as it says at its end, which zipfile does not compare."""
    size, end = size_of(file), _END_OF_ZIP.size + len(archive.comment)
    file.seek(size - end)
    magic, count = _END_OF_ZIP.unpack(file.read(_END_OF_ZIP.size))
    listed = len(archive.infolist())
    counted = count in (listed, 0xFFFF)  # the latter stands for more
    return magic == b"PK\x05\x06" and counted and (listed > 0 or size == end)
