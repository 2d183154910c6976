from __future__ import annotations

import os
import pickle
import socket
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


def test_an_entry_that_unpacks_to_more_than_it_says(tmp_path: Path):
    path = write_zip(tmp_path / "a.zip", {"a": bytes(10**7)}, zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02") + 24  # the unpacked size in the zip's directory
    data[at : at + 4] = (100).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(ValueError, match="should unpack to 100 bytes"):
        ZipSource(path).read(0)


def test_zips_in_zips_without_end(tmp_path: Path):
    inner = b"the innermost is no zip, and nobody gets so far"
    for _ in range(8):
        inner = write_zip(tmp_path / "a.zip", {"a.zip": inner}).read_bytes()
    with pytest.raises(ValueError, match=r"a\.zip/a\.zip.*too deep"):
        list(find_sources(tmp_path / "a.zip", bool))


def test_an_inner_zip_that_is_there_twice(tmp_path: Path):
    inner = write_zip(tmp_path / "i.zip", {"x": b"1"}).read_bytes()
    write_zip(tmp_path / "a.zip", {"i.zip": inner, "j.zip": inner})
    data = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(data.replace(b"j.zip", b"i.zip"))
    with pytest.raises(ValueError, match=r"a\.zip/i\.zip is damaged \(i\.zip is in it 2 times"):
        list(find_sources(tmp_path / "a.zip", bool))


def test_names_that_lead_out_of_the_zip_are_only_names(tmp_path: Path):
    files = {"../../etc/passwd": b"1", "/etc/passwd": b"2"}
    source = ZipSource(write_zip(tmp_path / "a.zip", files))
    assert [source.read(i) for i in range(2)] == [b"1", b"2"]


def test_zip64(tmp_path: Path):
    with (
        zipfile.ZipFile(tmp_path / "a.zip", "w") as archive,
        archive.open("x", "w", force_zip64=True) as file,
    ):
        file.write(b"content")
    assert contents(ZipSource(tmp_path / "a.zip")) == {"x": b"content"}


@pytest.mark.parametrize(("system", "name"), [(0, "Cat/1.jpg"), (3, "Cat\\1.jpg")])
def test_a_backslash_separates_folders_only_in_zips_of_windows(tmp_path: Path, system, name):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("x")
        info.filename, info.create_system = "Cat\\1.jpg", system
        archive.writestr(info, b"1")
    assert ZipSource(tmp_path / "a.zip").names() == [name]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX files")
def test_a_pipe_is_no_zip(tmp_path: Path):
    os.mkfifo(tmp_path / "train.zip")
    with pytest.raises(ValueError, match=r"train\.zip is not a file or folder"):
        list(find_sources(tmp_path / "train.zip", bool))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX files")
def test_pipes_sockets_and_circles_of_links_are_left_out(tmp_path: Path):
    write_folder(tmp_path, {"a/1.jpg": b"1", "a/deep/2.jpg": b"2", "b/3.jpg": b"3"})
    os.mkfifo(tmp_path / "a/pipe.jpg")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "a/s.jpg"))
    for name in ("round", "again"):  # with two of them, os.walk would go 2**40 ways
        (tmp_path / "a/deep" / name).symlink_to(tmp_path / "a")
    (tmp_path / "a/self").symlink_to(tmp_path / "a/self")
    (tmp_path / "a/gone.jpg").symlink_to(tmp_path / "nowhere")
    (tmp_path / "a/more").symlink_to(tmp_path / "b")
    (source,) = find_sources(tmp_path, bool)
    assert sorted(source.names()) == [
        "a/1.jpg", "a/deep/2.jpg", "a/gone.jpg", "a/more/3.jpg", "a/self", "b/3.jpg",
    ]  # fmt: skip
    assert source.read(source.names().index("a/more/3.jpg")) == b"3"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path):
    write_folder(tmp_path, {"a/1.jpg": b"1"})
    (tmp_path / "a").chmod(0)
    try:
        with pytest.raises(PermissionError, match="a'"):
            list(find_sources(tmp_path, bool))
    finally:
        (tmp_path / "a").chmod(0o700)
