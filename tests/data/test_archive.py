from __future__ import annotations

import pickle
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pictures import write_folder, write_zip

from minicnn.data.archive import FolderSource, ZipSource, find_sources

pytestmark = pytest.mark.cpu_only

FILES = {f"folder/{i}.bin": bytes([i]) * (1000 * i) for i in range(40)}
METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]


def contents(source: FolderSource | ZipSource) -> dict[str, bytes]:
    return {name: source.read(i) for i, name in enumerate(source.names())}


@pytest.mark.parametrize("method", METHODS)
def test_zip(tmp_path: Path, method: int):
    path = write_zip(tmp_path / "a.zip", FILES, method)
    source = ZipSource(path)
    assert contents(source) == FILES
    assert source.path(3) == f"{path}/folder/3.bin"


@pytest.mark.parametrize("outer", METHODS)
@pytest.mark.parametrize("inner", METHODS)
def test_zip_in_a_zip(tmp_path: Path, outer: int, inner: int):
    packed = write_zip(tmp_path / "inner.zip", FILES, inner).read_bytes()
    path = write_zip(tmp_path / "outer.zip", {"text": b"x" * 99, "in/inner.zip": packed}, outer)
    source = ZipSource(path, ("in/inner.zip",))
    assert contents(source) == FILES
    assert source.path(0) == f"{path}/in/inner.zip/folder/0.bin"
    assert contents(pickle.loads(pickle.dumps(source))) == FILES


def test_a_pickled_zip_is_its_path(tmp_path: Path):
    source = ZipSource(write_zip(tmp_path / "a.zip", FILES))
    assert len(pickle.dumps(source)) < 500
    assert contents(pickle.loads(pickle.dumps(source))) == FILES


def test_threads_read_at_once(tmp_path: Path):
    source = ZipSource(write_zip(tmp_path / "a.zip", FILES, zipfile.ZIP_DEFLATED))
    order = list(range(len(FILES))) * 20
    with ThreadPoolExecutor(8) as pool:
        for i, data in zip(order, pool.map(source.read, order), strict=True):
            assert data == bytes([i]) * (1000 * i)


def test_names_outside_ascii(tmp_path: Path):
    files = {"Größe/猫.jpg": b"miau"}
    assert contents(ZipSource(write_zip(tmp_path / "a.zip", files))) == files
    (source,) = find_sources(write_folder(tmp_path / "f", files), bool)
    assert contents(source) == files


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            b"<html><body>Log in</body>",
            r"not a zip: begins with b'<html>.*accept the competition's",
        ),
        (b"\n<!DOCTYPE html><html>", "a web page; log in to Kaggle"),
        (b"", "not a zip: the file is empty"),
        (b"\xff\xd8\xff\xe0JFIF", r"not a zip: begins with b'\\xff\\xd8"),
        (b"PK\x03\x04 and nothing more", "truncated or damaged zip of 21 bytes.*download it again"),
    ],
)
def test_what_is_not_a_zip(tmp_path: Path, data: bytes, message: str):
    path = tmp_path / "train.zip"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=message):
        ZipSource(path)


def test_a_truncated_download(tmp_path: Path):
    whole = write_zip(tmp_path / "a.zip", FILES).read_bytes()
    path = tmp_path / "b.zip"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="truncated or damaged"):
        ZipSource(path)


def test_a_damaged_file_in_a_zip(tmp_path: Path):
    path = write_zip(tmp_path / "a.zip", {"a": b"1234567890", "b": b"fine"})
    data = bytearray(path.read_bytes())
    data[data.index(b"123")] ^= 1
    path.write_bytes(data)
    source = ZipSource(path)
    with pytest.raises(ValueError, match="checksum"):
        source.read(0)
    assert source.read(1) == b"fine"


def test_other_packing_is_refused(tmp_path: Path):
    path = write_zip(tmp_path / "a.zip", {"a": b"1" * 100}, zipfile.ZIP_BZIP2)
    with pytest.raises(ValueError, match="packed by method 12; only store and deflate"):
        ZipSource(path)


def test_an_encrypted_zip_is_refused(tmp_path: Path):
    path = write_zip(tmp_path / "a.zip", {"a": b"1234567890"})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # the flag in the zip's directory
    path.write_bytes(data)
    with pytest.raises(ValueError, match="a is encrypted"):
        ZipSource(path)


def test_finds_folders_zips_and_zips_in_zips(tmp_path: Path):
    inner = write_zip(tmp_path / "unused", {"c": b"3"}).read_bytes()
    (tmp_path / "root").mkdir()
    write_zip(tmp_path / "root" / "outer.ZIP", {"b": b"2", "yes.zip": inner, "no.zip": inner})
    write_folder(tmp_path / "root", {"sub/a": b"1", "sub/no.zip": b"not looked at"})
    found = list(find_sources(tmp_path / "root", lambda name: name != "no.zip"))
    names = [name for source in found for name in source.names()]
    assert sorted(names) == ["b", "c", "no.zip", str(Path("sub", "a")), "yes.zip"]


def test_a_path_that_is_not_there(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"no such file or folder: .*nowhere"):
        list(find_sources(tmp_path / "nowhere", bool))
