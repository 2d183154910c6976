"""Downloads from a server of our own, which breaks off, refuses and lies as asked."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from file_server import Handler, serving

from minicnn.io import download as download_module
from minicnn.io.download import cache_folder, download

CONTENT = random.Random(0).randbytes(3_000_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
NAME = f"net-{DIGEST[:8]}.pth"
NAMES = (NAME, "without-digits.pth", "net-01234567.pth")


@pytest.fixture
def server() -> Iterator[type[Handler]]:
    with serving(dict.fromkeys(NAMES, CONTENT)) as handler:
        yield handler


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty caches."""
    monkeypatch.setenv("MINICNN_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_the_file_comes_into_the_cache_once(server: Any, home: Path, capfd: Any) -> None:
    path = download(server.url + NAME, progress=False)
    assert path == home / "cache" / NAME
    assert path.read_bytes() == CONTENT
    assert os.listdir(path.parent) == [NAME]
    assert capfd.readouterr() == ("", "")
    server.status = 503  # from here on, as if offline
    assert download(server.url + NAME) == path
    assert len(server.requests) == 1


def test_without_locks(server: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, where an open file cannot be deleted either."""
    monkeypatch.setattr(download_module, "fcntl", None)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: pytest.fail("nothing is to be deleted"))
    path = download(server.url + NAME, progress=False)
    assert path.read_bytes() == CONTENT and os.listdir(path.parent) == [NAME]


def test_a_bar_is_shown(server: Any, capfd: Any) -> None:
    download(server.url + NAME)
    assert NAME in capfd.readouterr().err


def test_default_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINICNN_HOME")
    assert cache_folder() == Path.home() / ".cache" / "minicnn"


def test_the_cache_of_torch_hub_is_found(server: Any, home: Path) -> None:
    folder = home / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    (folder / NAME).write_bytes(b"here")
    assert download(server.url + NAME) == folder / NAME
    assert server.requests == []


def test_a_broken_connection_is_resumed(
    server: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download_module, "_PAUSES", ())
    server.breaks_after = [1_000_000]
    with pytest.raises(OSError, match="the connection broke after 1000000 of 3000000 bytes"):
        download(server.url + NAME, progress=False)
    assert not (home / "cache" / NAME).exists()
    path = download(server.url + NAME, progress=False)
    assert server.requests == [None, "bytes=1000000-"]
    assert path.read_bytes() == CONTENT
    assert os.listdir(path.parent) == [NAME]


def test_what_may_pass_is_tried_again(
    server: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download_module, "_PAUSES", (0, 0, 0))
    server.breaks_after, server.statuses = [1_000_000, 500_000], [503]
    assert download(server.url + NAME, progress=False).read_bytes() == CONTENT
    assert server.requests == [None, None, "bytes=1000000-", "bytes=1500000-"]


@pytest.mark.parametrize(("status", "tries"), [(503, 4), (403, 1), (404, 1)])
def test_how_often_it_is_tried(
    status: int, tries: int, server: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download_module, "_PAUSES", (0, 0, 0))
    server.status = status
    with pytest.raises(OSError, match=str(status)) as failure:
        download(server.url + NAME, progress=False)
    assert len(server.requests) == tries
    assert ("with a browser" in str(failure.value)) == (status == 403)
    assert f"put the file at {str(home / 'cache' / NAME)!r}" in str(failure.value)


def test_a_server_that_sends_no_parts(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download_module, "_PAUSES", (0,))
    server.breaks_after, server.ranges = [1_000_000], False
    assert download(server.url + NAME, progress=False).read_bytes() == CONTENT
    assert server.requests == [None, "bytes=1000000-"]


def test_everything_was_there_already(server: Any, home: Path) -> None:
    (home / "cache").mkdir()
    (home / "cache" / f"{NAME}.part").write_bytes(CONTENT)
    assert download(server.url + NAME, progress=False).read_bytes() == CONTENT


@pytest.mark.parametrize("name", [NAME, "without-digits.pth"])
def test_more_than_everything_was_there(name: str, server: Any, home: Path) -> None:
    (home / "cache").mkdir()
    (home / "cache" / f"{name}.part").write_bytes(CONTENT + b"more")
    assert download(server.url + name, progress=False).read_bytes() == CONTENT
    assert server.requests == [f"bytes={len(CONTENT) + 4}-", None]


def test_another_file_than_promised_is_deleted(server: Any, home: Path) -> None:
    with pytest.raises(ValueError, match=rf"must begin with 01234567, got {DIGEST}.*was deleted"):
        download(server.url + "net-01234567.pth", progress=False)
    assert [name for name in os.listdir(home / "cache") if not name.endswith(".lock")] == []


def test_a_damaged_part_is_deleted(server: Any, home: Path) -> None:
    (home / "cache").mkdir()
    (home / "cache" / f"{NAME}.part").write_bytes(b"x" * 1000)
    with pytest.raises(ValueError, match="was deleted"):
        download(server.url + NAME, progress=False)
    assert download(server.url + NAME, progress=False).read_bytes() == CONTENT


def test_errors_say_where_to_put_the_file(server: Any, home: Path) -> None:
    server.status = 404
    with pytest.raises(OSError, match="cannot download .*404") as failure:
        download(server.url + NAME, progress=False)
    assert f"put the file at {str(home / 'cache' / NAME)!r}" in str(failure.value)
    with pytest.raises(OSError, match="cannot download .* put the file at"):
        download(f"http://127.0.0.1:1/{NAME}", progress=False)


def test_no_http_at_all(home: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            connection.recv(1000)
            connection.sendall(b"SSH-2.0-OpenSSH\r\n")
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(OSError, match="cannot download"):
            download(f"http://127.0.0.1:{listener.getsockname()[1]}/{NAME}", progress=False)
        thread.join()


def _download(url: str) -> bool:
    return download(url, progress=False).read_bytes() == CONTENT


@pytest.mark.skipif(os.name == "nt", reason="no locks there")
def test_several_processes_at_once(server: Any) -> None:
    with multiprocessing.get_context("fork").Pool(4) as pool:
        assert (
            pool.map(_download, [server.url + "without-digits.pth"] * 4, chunksize=1) == [True] * 4
        )
    assert len(server.requests) == 1
