"""One run at a time writes to a folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest
from scripts import environment

from minicnn import training
from minicnn.training.folder import LOCK, refuse_inside

pytestmark = pytest.mark.cpu_only

HOLD = """
import sys, time
from minicnn.training.folder import FolderLock

with FolderLock(sys.argv[1]):
    print("locked", flush=True)
    time.sleep(60)
"""


def test_a_second_run_is_refused_until_the_first_is_killed(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], env=environment(), stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "locked\n"
    with pytest.raises(ValueError, match="another run is writing to"):
        training.FolderLock(tmp_path).__enter__()
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / LOCK).exists()  # and locks nobody out
    with training.FolderLock(tmp_path):
        pass
    assert not (tmp_path / LOCK).exists()


def test_only_one_of_many_is_inside(tmp_path):
    inside, most, together = [], [], threading.Barrier(4, timeout=20)

    def enter() -> None:
        for _ in range(300):
            together.wait()
            try:
                with training.FolderLock(tmp_path / "out"):
                    inside.append(1)
                    most.append(len(inside))
                    inside.pop()
            except ValueError:
                pass

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(most) == {1} and len(most) >= 300


def test_pictures_inside_the_results_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refuse_inside(["pets", "out-1/pets.zip"], "out")
    for inside in ("out", "out/pets", tmp_path / "pets" / ".." / "out" / "pets.zip"):
        with pytest.raises(ValueError, match="--data must not lie inside --out"):
            refuse_inside(["pets", inside], "out")


@pytest.mark.parametrize("name", ["last.ckpt", "best.ckpt", "metrics.json"])
def test_a_part_of_a_run_is_set_aside(tmp_path, name):
    (tmp_path / "out" / "pictures").mkdir(parents=True)
    for file in (name, "notes.txt", LOCK):
        (tmp_path / "out" / file).touch()
    assert training.set_aside(tmp_path / "out") == tmp_path / "out-1"
    assert sorted(os.listdir(tmp_path / "out-1")) == sorted([name, "notes.txt"])
    assert sorted(os.listdir(tmp_path / "out")) == [LOCK, "pictures"]
    assert training.set_aside(tmp_path / "out") is None


def test_a_folder_without_a_name_is_set_aside(tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")
    assert training.set_aside(".") is None
    (tmp_path / "out" / "last.ckpt").touch()
    assert training.set_aside(".") == tmp_path / "out-1"
    assert os.listdir(tmp_path / "out-1") == ["last.ckpt"]
