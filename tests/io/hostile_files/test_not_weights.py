"""Files that are cut off, or hold something else than weights."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from hostile_files import refuse
from torch_files import SAVERS

import minicnn as mc
from minicnn.io import load_weights

FORMATS = list(SAVERS)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("part", [0.0, 0.01, 0.1, 0.3, 0.5, 0.7, 0.8, 0.9])
def test_cut_off(format: str, part: float, good: dict[str, bytes], tmp_path: Path) -> None:
    content = good[format]
    if format == "tar":  # its end is padding
        content = content.rstrip(b"\0")
    refuse(content[: int(part * len(content))], tmp_path / "cut.pth")


def test_cut_off_by_a_byte(good: dict[str, bytes], tmp_path: Path) -> None:
    for format in ("zip", "stream"):
        refuse(good[format][:-1], tmp_path / "cut.pth")


OTHERS = {
    "empty": b"",
    "html": b"<!DOCTYPE html><html><body>404 Not Found</body></html>" * 20,
    "text": "Größe 1\n".encode() * 100,
    "git lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n",
    "zeros": bytes(2000),
    "png": b"\x89PNG\r\n\x1a\n" + bytes(200),
    "gzip": b"\x1f\x8b\x08" + bytes(200),
    "pickle of a number": pickle.dumps(7),
    "pickle of weights": pickle.dumps({"weight": [1.0, 2.0]}, 2),
    "wrong protocol": pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1002, 2),
    "no system": pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) * 2,
    "big-endian": pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2)
    + pickle.dumps({"little_endian": False}, 2),
    "half a zip": b"PK\x03\x04" + bytes(500),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_other_files(name: str, tmp_path: Path) -> None:
    refuse(OTHERS[name], tmp_path / "other.pth")


def test_a_folder(tmp_path: Path) -> None:
    (tmp_path / "folder.pth").mkdir()
    with pytest.raises(FileNotFoundError, match=r"folder\.pth"):
        load_weights(tmp_path / "folder.pth")
    with pytest.raises(IsADirectoryError, match=r"folder\.pth' is a folder"):
        mc.load(tmp_path / "folder.pth")


@pytest.mark.parametrize("value", [7, None, [1], {}, {"a": 1}, {"model": {}}, {1: 2}])
def test_no_weights_in_it(value: Any, tmp_path: Path) -> None:
    SAVERS["zip"](value, tmp_path / "x.pth")
    refuse((tmp_path / "x.pth").read_bytes(), tmp_path / "x.pth", "holds no weights by name")
