"""Damaged files of NumPy, and of safetensors."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest
from hostile_files import refuse, zip_of
from hostile_pickles import CODE, Call, tensor


def test_npz_with_objects(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.array([Call(os.mkdir, "canary")], object))
    refuse((tmp_path / "x.npz").read_bytes(), tmp_path / "x.npz", "allow_pickle")
    np.savez(tmp_path / "x.npz", x=np.array(["text"]))
    refuse((tmp_path / "x.npz").read_bytes(), tmp_path / "x.npz", "must hold numbers")


def test_broken_npz(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, x=np.arange(100.0))
    content = path.read_bytes()
    for length in (0, 3, 50, 200, len(content) - 1):
        refuse(content[:length], path)
    np.save(tmp_path / "x.npy", np.arange(3.0))
    for other in (
        (tmp_path / "x.npy").read_bytes(),
        CODE["os.system"],
        zip_of(tensor()),
        b"<html>",
    ):
        refuse(other, path)
    refuse(content.replace(b"(100,), }         ", b"(10000000000,), }"), path)
    refuse(content.replace(b"(100,)", b"(-10,)"), path)


@pytest.mark.parametrize(
    "header",
    [
        b"{",
        b"[]",
        b"{" * 50_000,
        b'{"x":' * 50_000,
        b'{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}',
        b'{"x":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}',
        b'{"x":{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,8]}}',
        b'{"x":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}',
        b'{"x":{"dtype":"CODE","shape":[2],"data_offsets":[0,8]}}',
        b'{"x":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}}',
        b'{"__metadata__":{"format":"minicnn checkpoint 1","structure":"' + b"[" * 50_000 + b'"}}',
        b'{"__metadata__":{"format":"minicnn checkpoint 1"}}',
    ],
    ids=range(12),
)
def test_broken_safetensors(header: bytes, tmp_path: Path) -> None:
    content = struct.pack("<Q", len(header)) + header + bytes(8 if b'"x"' in header else 0)
    refuse(content, tmp_path / "x.safetensors")


def test_cut_off_safetensors(tmp_path: Path) -> None:
    for content in (b"", b"\0" * 8, struct.pack("<Q", 2**63) + b"{}", b"<html>not found</html>"):
        refuse(content, tmp_path / "x.safetensors")
