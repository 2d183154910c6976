"""Zips and tars whose records, names or headers are wrong."""

from __future__ import annotations

import io
import os
import struct
import zipfile
from pathlib import Path

import pytest
from hostile_files import many_copies, refuse, tar_of, zip_of
from hostile_pickles import FLOAT, TEXT, long, tensor

from minicnn.io import load_weights


def test_missing_records(good: dict[str, bytes], tmp_path: Path) -> None:
    refuse(zip_of(tensor()), tmp_path / "x.pth", "holds no record 'data/0'")
    refuse(zip_of(tensor(), _0=bytes(4)), tmp_path / "x.pth", "has 4 bytes, expected 2 numbers")
    empty = io.BytesIO()
    with zipfile.ZipFile(empty, "w") as archive:
        archive.writestr("archive/readme", "")
    refuse(empty.getvalue(), tmp_path / "x.pth", "a zip of other files, such as 'archive/readme'")
    refuse(tar_of(storages=b"K\0.].", tensors=b"K\0."), tmp_path / "x.pth", "holds no 'pickle'")


def test_records_that_overlap(tmp_path: Path) -> None:
    refuse(many_copies(), tmp_path / "x.pth", "it is cut off, or its directory is damaged")


def test_big_endian_zips(tmp_path: Path) -> None:
    file = io.BytesIO(zip_of(tensor(), _0=bytes(8)))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("archive/byteorder", "big")
    refuse(file.getvalue(), tmp_path / "x.pth", "big-endian")


@pytest.mark.parametrize("name", ["../../canary", "/tmp/canary", "a/../../../canary", "C:\\canary"])
def test_names_that_lead_elsewhere(name: str, tmp_path: Path) -> None:
    """Nothing is unpacked, so that names lead nowhere."""
    file = io.BytesIO(zip_of(tensor(), _0=bytes(8)))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(name, "canary")
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "x.pth").write_bytes(file.getvalue())
    load_weights(tmp_path / "x" / "x.pth")
    refuse(tar_of(**{name: b"canary"}), tmp_path / "x" / "x.pth")
    assert os.listdir(tmp_path) == ["x"]
    asked = tensor().replace(b"X\x01\x00\x00\x000", b"X\x09\x00\x00\x00../secret")
    refuse(zip_of(asked, _0=bytes(8)), tmp_path / "x" / "x.pth", "holds no record 'data/../secret'")


@pytest.mark.parametrize(
    "offset, form, value",
    [
        (10, "<I", 2**32 - 1),  # from the end record: size of the directory
        (16, "<I", 2**32 - 2),  # where the directory begins
        (8, "<H", 65535),  # entries
    ],
)
def test_zips_with_a_broken_end(offset: int, form: str, value: int, tmp_path: Path) -> None:
    content = bytearray(zip_of(tensor(), _0=bytes(8)))
    end = content.rindex(b"PK\x05\x06")
    struct.pack_into(
        form, content, end + offset + (2 if form == "<I" and offset == 10 else 0), value
    )
    (tmp_path / "x.pth").write_bytes(content)
    if offset == 8:  # Python counts them itself
        load_weights(tmp_path / "x.pth")
    else:
        refuse(bytes(content), tmp_path / "x.pth")


@pytest.mark.parametrize(
    "field, form, value",
    [
        (6, "<H", 99),  # version needed
        (8, "<H", 1),  # encrypted
        (10, "<H", 97),  # method
        (24, "<I", 2**32 - 2),  # size
        (42, "<I", 2**32 - 2),  # where it is
        (42, "<I", 7),
    ],
)
def test_zips_with_a_broken_directory(field: int, form: str, value: int, tmp_path: Path) -> None:
    content = bytearray(zip_of(tensor(), _0=bytes(8)))
    struct.pack_into(form, content, content.index(b"PK\x01\x02") + field, value)
    refuse(bytes(content), tmp_path / "x.pth")


def tar_header(name: str, size: bytes, kind: bytes = b"0", link: str = "") -> bytes:
    header = name.encode().ljust(100, b"\0") + b"0000644\0" * 3 + size.ljust(12, b"\0")
    header += b"00000000000\0" + b" " * 8 + kind + link.encode().ljust(100, b"\0") + b"ustar\x0000"
    header = header.ljust(512, b"\0")
    return header[:148] + b"%06o\0 " % sum(header) + header[156:]


@pytest.mark.parametrize(
    "content",
    [
        tar_header("storages", b"0", b"2", "storages") * 3,
        tar_header("storages", b"0", b"1", "/etc/passwd")
        + tar_header("pickle", b"0", b"2", "/etc/passwd"),
        tar_header("storages", b"-1000") * 3,
        tar_header("storages", b"\xff" * 12) * 3,
        tar_header("storages", b"\x80" + b"\xff" * 11) * 3,
        tar_header("storages", b"77777777777") * 3,
        tar_header("storages", b"abc") * 3,
        tar_header("storages", b"0") + tar_header("tensors", b"0") + tar_header("pickle", b"0"),
        tar_header("\xff", b"0") * 3,
        tar_header("x" * 99, b"77777777777", b"L") * 3,
        tar_header("storages", b"77777777777", b"S") * 3,
    ],
    ids=[
        "link to itself", "links out", "negative size", "size of minus one", "size of 2**95",
        "size of 8 GiB", "size of letters", "empty", "name", "long name", "sparse",
    ],
)  # fmt: skip
def test_tars_with_broken_headers(content: bytes, tmp_path: Path) -> None:
    refuse(content, tmp_path / "x.pth")


@pytest.mark.parametrize(
    "storages, tensors",
    [
        (long(2**62) + b".", b"K\0."),
        (long(-1) + b".", b"K\0."),
        (TEXT + b".", b"K\0."),
        (b"K\1.(K\1N" + FLOAT + b"t." + struct.pack("<q", 2**60) + b"].", b"K\0."),
        (b"K\1.(K\1N" + FLOAT + b"t." + struct.pack("<q", -2) + bytes(8) + b"].", b"K\0."),
        (b"K\1.(K\1NNt." + struct.pack("<q", 2) + bytes(8) + b"].", b"K\0."),
        (b"K\1.()\x85\x85N" + FLOAT + b"t." + struct.pack("<q", 2) + bytes(8) + b"].", b"K\0."),
        (b"K\0.](K\2K\1K\0K\1ta.", b"K\0."),
        (b"K\0.].", long(2**62) + b"."),
        (b"K\0.].", b"K\1.(K\1K\1Nt." + struct.pack("<i4x", 1) + bytes(24)),
        (b"K\0.].", b"K\1.(K\1K\1Nt." + struct.pack("<i4x", 2**31 - 1) + bytes(24)),
        (b"K\0.].", b"K\1.(K\1K\1Nt." + struct.pack("<i4x", -1) + bytes(24)),
    ],
    ids=[
        "storages", "negative storages", "text storages", "storage size", "negative storage size",
        "no dtype", "key", "view of nothing", "tensors", "tensor of nothing", "dimensions",
        "negative dimensions",
    ],
)  # fmt: skip
def test_tars_with_broken_members(storages: bytes, tensors: bytes, tmp_path: Path) -> None:
    content = tar_of(storages=storages, tensors=tensors, pickle=b"}" + TEXT + b"X\1\0\0\0001Qs.")
    refuse(content, tmp_path / "x.pth")
