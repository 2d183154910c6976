"""Downloading, checking and unpacking the files of datasets."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import os
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from file_server import Handler, serving
from with_torchvision import torchvision

from minicnn.data.datasets import utils
from minicnn.io import download as download_module

pytestmark = pytest.mark.cpu_only

CONTENT = bytes(range(256)) * 40
MD5 = hashlib.md5(CONTENT).hexdigest()


def tar(compression: str = "", members: dict[str, bytes] | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=f"w:{compression}") as archive:  # type: ignore[call-overload]
        for name, content in (members or {"deep/x.bin": CONTENT}).items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("deep/x.bin", CONTENT)
    return buffer.getvalue()


ARCHIVES = {
    "x.tar": tar(), "x.tar.gz": tar("gz"), "x.tgz": tar("gz"), "x.tar.bz2": tar("bz2"),
    "x.tbz": tar("bz2"), "x.tar.xz": tar("xz"), "x.zip": zipped(),
}  # fmt: skip
SINGLE = {
    "x.bin.gz": gzip.compress(CONTENT),
    "x.bin.bz2": bz2.compress(CONTENT),
    "x.bin.xz": lzma.compress(CONTENT),
}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Handler]]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(download_module, "_PAUSES", (0, 0, 0))
    with serving({"x.bin": CONTENT, **ARCHIVES, **SINGLE}) as handler:
        yield handler


@pytest.mark.parametrize("name", [*ARCHIVES, *SINGLE])
def test_unpacking(name: str, tmp_path: Path) -> None:
    found = {}
    for module in (utils, torchvision.datasets.utils):
        folder = tmp_path / module.__name__
        (folder / "to").mkdir(parents=True)
        (folder / name).write_bytes({**ARCHIVES, **SINGLE}[name])
        returned = module.extract_archive(str(folder / name), str(folder / "to"))
        names = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
        found[module] = os.path.relpath(returned, folder), names
    assert found[utils] == found[torchvision.datasets.utils]
    (unpacked,) = (tmp_path / utils.__name__ / "to").rglob("x.bin")
    assert unpacked.read_bytes() == CONTENT
    path = tmp_path / utils.__name__ / name
    assert isinstance(utils.extract_archive(path, remove_finished=True), Path)
    assert not path.exists() and len(list(path.parent.rglob("x.bin"))) == 2


@pytest.mark.parametrize("name", [*ARCHIVES, *SINGLE])
@pytest.mark.parametrize("damage", ["cut", "page"])
def test_damaged_archives_are_named(name: str, damage: str, tmp_path: Path) -> None:
    whole = {**ARCHIVES, **SINGLE}[name]
    cut = whole[: 700 if name == "x.tar" else len(whole) // 2]
    (tmp_path / name).write_bytes(cut if damage == "cut" else b"<html>Sign in</html>" * 100)
    kind = "HTML page" if damage == "page" else "cut off"
    with pytest.raises(RuntimeError, match=rf"cannot unpack '.*{name}': .*{kind}"):
        utils.extract_archive(tmp_path / name)
    assert not (tmp_path / "x.bin").exists()


def test_unknown_archives(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"must end in one of \.tar, .*\.xz"):
        utils.extract_archive(tmp_path / "x.rar")
    with pytest.raises(FileNotFoundError):
        utils.extract_archive(tmp_path / "x.zip")


def test_no_file_is_written_outside(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("../outside", "/tmp/minicnn-outside"):
        path = tmp_path / "in" / "x.tar"
        path.write_bytes(tar(members={name: b"x"}))
        try:
            utils.extract_archive(path)
        except RuntimeError as error:
            assert "cannot unpack" in str(error)
        assert not (tmp_path / "outside").exists()
        assert not os.path.exists("/tmp/minicnn-outside")


def test_downloads(server: Any, tmp_path: Path) -> None:
    utils.download_url(server.url + "x.bin", tmp_path / "a", md5=MD5)
    utils.download_url(server.url + "x.bin", tmp_path / "a", md5=MD5)  # it is there
    assert len(server.requests) == 1
    (tmp_path / "a" / "x.bin").write_bytes(b"another")
    utils.download_url(server.url + "x.bin", str(tmp_path / "a"), "x.bin", MD5)
    assert (tmp_path / "a" / "x.bin").read_bytes() == CONTENT
    utils.download_url(server.url + "x.bin", tmp_path, "y.bin")
    assert os.listdir(tmp_path / "a") == ["x.bin"] and (tmp_path / "y.bin").exists()
    utils.download_and_extract_archive(server.url + "x.tgz", tmp_path / "b", remove_finished=True)
    assert os.listdir(tmp_path / "b") == ["deep"]
    utils.download_and_extract_archive(server.url + "x.tgz", tmp_path / "c", tmp_path / "d")
    assert os.listdir(tmp_path / "d") == ["deep"]


def test_interrupted_downloads_are_resumed(server: Any, tmp_path: Path) -> None:
    server.breaks_after = [1000, 2000]
    utils.download_url(server.url + "x.bin", tmp_path, md5=MD5)
    assert server.requests == [None, "bytes=1000-", "bytes=3000-"]
    assert (tmp_path / "x.bin").read_bytes() == CONTENT and os.listdir(tmp_path) == ["x.bin"]


def test_wrong_checksums_and_refusals(server: Any, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=rf"the MD5 of x\.bin must begin with 00ff, got {MD5}"):
        utils.download_url(server.url + "x.bin", tmp_path, md5="00ff")
    assert not list(tmp_path.glob("x.bin*[!k]"))  # nothing but a lock
    server.status = 403
    with pytest.raises(OSError, match=r"with a browser, put the file at '.*/x\.bin'"):
        utils.download_url(server.url + "x.bin", tmp_path)
    url = "https://drive.google.com/file/d/1a2b/view"
    with pytest.raises(RuntimeError, match=r"to browsers only: get it with one and put it at '.*x"):
        utils.download_url(url, tmp_path, "x.zip")
    (tmp_path / "x.zip").write_bytes(CONTENT)
    utils.download_file_from_google_drive("1a2b", tmp_path, "x.zip", MD5)


def test_checks(tmp_path: Path) -> None:
    path = tmp_path / "x"
    assert not utils.check_integrity(path)
    path.write_bytes(CONTENT)
    assert utils.check_integrity(path) and utils.check_integrity(str(path), MD5)
    assert utils.calculate_md5(path) == MD5 and not utils.check_md5(path, "0" * 32)
    assert utils.verify_str_arg("a", "split", ("a", "b")) == "a"
    with pytest.raises(ValueError, match="split must be one of 'a', 'b', got 3"):
        utils.verify_str_arg(3, "split", ("a", "b"))  # type: ignore[arg-type]
