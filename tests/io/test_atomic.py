"""Saving: the old file or the new one, whatever happens, and nothing left behind."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import minicnn as mc
from minicnn.io.atomic import replacing

posix_only = pytest.mark.skipif(os.name != "posix", reason="signals and locks of POSIX")

SLOW_WRITER = """
import sys, time
from minicnn.io.atomic import replacing
with replacing(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    time.sleep(60)
"""


def start_writer(path: Path) -> subprocess.Popen[str]:
    """A process that is in the middle of a save."""
    writer = subprocess.Popen(
        [sys.executable, "-c", SLOW_WRITER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None and writer.stdout.readline() == "writing\n"
    return writer


@posix_only
def test_what_a_killed_save_left_is_swept(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    mc.save("old", path)
    writer = start_writer(path)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    assert mc.load(path) == "old"
    assert len(os.listdir(tmp_path)) == 2
    mc.save("new", path)
    assert mc.load(path) == "new"
    assert os.listdir(tmp_path) == ["last.ckpt"]


@posix_only
def test_what_another_process_writes_is_not_swept(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    writer = start_writer(path)
    try:
        (temporary,) = os.listdir(tmp_path)
        mc.save("ours", path)
        assert sorted(os.listdir(tmp_path)) == [temporary, "last.ckpt"]
        assert mc.load(path) == "ours"
    finally:
        writer.kill()
        writer.wait()


@posix_only
def test_only_its_own_temporary_files_are_swept(tmp_path: Path) -> None:
    others = [".best.ckpt.0123abcd.tmp", "last.ckpt.0123abcd.tmp", ".last.ckpt.notes.tmp",
              ".last.ckpt.0123abcd.tmp.txt", ".last.ckpt2.0123abcd.tmp"]  # fmt: skip
    for name in (*others, ".last.ckpt.0123abcd.tmp"):
        (tmp_path / name).touch()
    mc.save("new", tmp_path / "last.ckpt")
    assert sorted(os.listdir(tmp_path)) == sorted([*others, "last.ckpt"])


@pytest.mark.parametrize("name", ["x.ckpt", "x.pth", "ü" * 120 + ".pth", "a[b]*.ckpt"])
def test_names(name: str, tmp_path: Path) -> None:
    mc.save({"x": 1}, tmp_path / name)
    mc.save({"x": 2}, tmp_path / name)
    assert mc.load(tmp_path / name) == {"x": 2}
    assert os.listdir(tmp_path) == [name]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("format", ["minicnn", "torch"])
def test_a_full_disk_in_one_line(format: str) -> None:
    with pytest.raises(OSError, match="cannot write '/dev/full': No space left") as failure:
        mc.save({"x": mc.ones(1000)}, "/dev/full", format=format)
    assert failure.value.errno == errno.ENOSPC


@pytest.mark.parametrize("name", ["x.ckpt", "x.pth"])
def test_a_disk_that_gets_full_leaves_the_old_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mc.save("old", tmp_path / name)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        OSError, match=f"cannot write '.*{name}': No space left on device"
    ) as failure:
        mc.save({"x": mc.ones(10)}, tmp_path / name)
    assert "\n" not in str(failure.value)
    assert mc.load(tmp_path / name) == "old"
    assert os.listdir(tmp_path) == [name]


@posix_only
def test_links_devices_and_protected_files(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    link = tmp_path / "last.ckpt"
    link.symlink_to(tmp_path / "disk" / "real.ckpt")
    mc.save("through", link)
    assert link.is_symlink() and mc.load(tmp_path / "disk" / "real.ckpt") == "through"
    assert sorted(os.listdir(tmp_path)) == ["disk", "last.ckpt"]

    mc.save("nowhere", os.devnull)
    assert not Path(os.devnull).is_file()

    with pytest.raises(IsADirectoryError, match="cannot write '.*disk'"):
        mc.save("x", tmp_path / "disk")
    with pytest.raises(FileNotFoundError, match="cannot write '.*absent/x'"):
        mc.save("x", tmp_path / "absent" / "x")

    if os.geteuid() != 0:  # root may write everything
        (tmp_path / "disk" / "real.ckpt").chmod(0o444)
        with pytest.raises(PermissionError, match="write-protected"):
            mc.save("x", link)
        assert mc.load(link) == "through"


def test_saves_of_several_threads(tmp_path: Path) -> None:
    def save(number: int) -> None:
        mc.save([number] * 1000, tmp_path / "x.ckpt")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(save, range(40)))
    loaded: Any = mc.load(tmp_path / "x.ckpt")
    assert loaded == loaded[:1] * 1000
    assert os.listdir(tmp_path) == ["x.ckpt"]


@posix_only
def test_kills_at_random_moments(tmp_path: Path) -> None:
    """Whatever the moment, the file is a whole one, and the next save sweeps."""
    program = (
        "import sys, minicnn as mc\n"
        "number = 0\n"
        "print('ready', flush=True)\n"
        "while True:\n"
        "    number += 1\n"
        "    mc.save({'number': number, 'x': mc.full((20000,), number)}, sys.argv[1])\n"
    )
    path = tmp_path / "x.ckpt"
    for moment in (0.01, 0.017, 0.023, 0.031):
        writer = subprocess.Popen(
            [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None and writer.stdout.readline() == "ready\n"
        while not path.exists():
            time.sleep(0.001)
        time.sleep(moment)
        writer.kill()
        writer.wait()
        loaded = mc.load(path)
        assert (loaded["x"].array == loaded["number"]).all()
    mc.save("end", path)
    assert os.listdir(tmp_path) == ["x.ckpt"]


def test_an_error_in_between_leaves_the_old_file(tmp_path: Path) -> None:
    mc.save("old", tmp_path / "x")
    with pytest.raises(KeyError), replacing(tmp_path / "x") as file:
        file.write(b"half")
        raise KeyError
    assert mc.load(tmp_path / "x") == "old"
    assert os.listdir(tmp_path) == ["x"]
