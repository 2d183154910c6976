"""Makes damaged and malicious files of weights, and checks that they are refused."""

from __future__ import annotations

import io
import pickle
import struct
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from minicnn.io import load_weights


def refuse(content: bytes, path: Path, match: str | None = None) -> None:
    """Loading must fail quickly, with an error that names the file."""
    path.write_bytes(content)
    start = time.process_time()
    with pytest.raises(ValueError, match=match) as failure:
        load_weights(path)
    assert time.process_time() - start < 1, "took too long"
    assert path.name in str(failure.value)
    assert len(str(failure.value)) < 1000


def stream_of(pickled: bytes) -> bytes:
    """A file of the stream format around a pickle, with a storage "0" of two floats."""
    start = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]
    floats = b"]X\x01\x00\x00\x000a." + struct.pack("<q", 2) + bytes(8)
    pickled = pickled.replace(b"tQ", b"NtQ")  # what refers to a storage says that it is no view
    return b"".join(pickle.dumps(value, 2) for value in start) + pickled + floats


def zip_of(pickled: bytes, compression: int = zipfile.ZIP_STORED, **records: bytes) -> bytes:
    """A file of the zip format around a pickle."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickled)
        for name, content in records.items():
            archive.writestr(f"archive/data/{name.removeprefix('_')}", content)
    return file.getvalue()


def tar_of(**members: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return file.getvalue()


def many_copies() -> bytes:
    """A directory that lists the same record 2,000 times: 2 GB from a file of 1.2 MB."""
    numbers = bytes(10**6)
    content = zip_of(
        b"}.", **{str(key): numbers[: 10**6 if key == 0 else 0] for key in range(2000)}
    )
    directory = content.index(b"PK\x01\x02")
    first = content.index(b"archive/data/0", directory) - 46
    entries = bytearray(content[directory:])
    position = 0
    while entries[position : position + 4] == b"PK\x01\x02":
        length = 46 + int.from_bytes(entries[position + 28 : position + 30], "little")
        if b"archive/data/" in entries[position : position + length]:
            entries[position + 16 : position + 28] = content[
                first + 16 : first + 28
            ]  # size, checksum
            entries[position + 42 : position + 46] = content[first + 42 : first + 46]  # place
        position += length
    return content[:directory] + bytes(entries)
