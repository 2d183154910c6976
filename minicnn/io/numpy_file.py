"""NumPy's files: ``.npy`` holds an array, ``.npz`` is a zip of them. Pickled arrays are refused."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import IO

import numpy as np

from ..dtypes import bfloat16
from ..tensor import Tensor
from .location import Placement
from .raw import size_of

__all__ = ["is_npz", "read_npy", "read_npz", "write_npz"]

_MAX_COMPRESSION = 100  # numbers hardly shrink, so a file that shrank more is a zip bomb


def is_npz(archive: zipfile.ZipFile) -> bool:
    """Whether a zip is one of ``np.savez``; an empty one is, too."""
    return all(name.endswith(".npy") for name in archive.namelist())


def read_npy(file: IO[bytes], place: Placement) -> Tensor:
    """Reads an array from a file's position on.

    The format has no checksum: only damage to its structure is noticed.

    Raises:
        ValueError: if it is damaged, cut off, or holds anything but numbers.
    """
    try:
        array = np.lib.format.read_array(file, allow_pickle=False)
    except Exception as error:  # of many types: NumPy reads the header with Python's tokenizer
        raise ValueError(f"its array is damaged or cut off: {error}") from error
    if array.dtype == "V2":  # NumPy's format has no name for bfloat16
        array = array.view(bfloat16)
    if array.dtype != bfloat16 and array.dtype.kind not in "biuf":
        raise ValueError(f"a tensor must hold numbers, got dtype {array.dtype}")
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    return Tensor.of(place(native, "cpu"))


def read_npz(file: IO[bytes], archive: zipfile.ZipFile, place: Placement) -> dict[str, Tensor]:
    """Reads all arrays of a zip by name, and compares their checksums.

    Raises:
        ValueError: as :func:`read_npy`.
    """
    infos = archive.infolist()
    if any(info.flag_bits & 1 for info in infos):
        raise ValueError("it is encrypted")
    size = sum(info.file_size for info in infos)
    if size > _MAX_COMPRESSION * size_of(file):
        raise ValueError(
            f"unpacked it would take {size} bytes, more than {_MAX_COMPRESSION} times its size, "
            "which no weights do"
        )
    return {
        info.filename.removesuffix(".npy"): read_npy(io.BytesIO(archive.read(info)), place)
        for info in infos
    }


def write_npz(arrays: Mapping[str, np.ndarray], file: IO[bytes]) -> None:
    """As ``np.savez``, which cannot save an array named ``file``."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
