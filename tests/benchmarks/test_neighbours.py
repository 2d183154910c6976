"""Neighbours: a busy core really is busy, and the figures follow from the seconds."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.cpu_only


@pytest.fixture
def neighbours():
    return importlib.import_module("neighbours")


def test_a_busy_core_until_the_block_ends(neighbours, monkeypatch):
    started = []
    popen = neighbours.subprocess.Popen

    def start(*args):
        started.append(popen(*args))
        return started[-1]

    monkeypatch.setattr(neighbours.subprocess, "Popen", start)
    with neighbours.busy_core():
        (process,) = started
        used = Path(f"/proc/{process.pid}/stat")
        if not used.exists():
            pytest.skip("no /proc, so nothing tells how busy a process is")
        deadline = time.monotonic() + 10
        while int(used.read_text().rpartition(")")[2].split()[11]) < 5:  # hundredths of a second
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert process.poll() is not None


def test_figures(neighbours, monkeypatch):
    busy = []

    class Worker:
        def make(self, *args):
            assert args == ("minicnn_training", "tiny", 4)

        def environment(self):
            return {"threads": 2}

    @contextlib.contextmanager
    def busy_core():
        busy.append(True)
        yield
        busy.clear()

    def train_block(worker, args):
        return {"step": 0.3 if busy else next(seconds)}

    seconds = iter([0.2, 0.4, 0.5] * 2)  # alone, then two at the same time
    monkeypatch.setattr(
        neighbours,
        "start",
        lambda script, checkouts: contextlib.nullcontext({name: Worker() for name in checkouts}),
    )
    monkeypatch.setattr(neighbours, "busy_core", busy_core)
    monkeypatch.setattr(neighbours, "train_block", train_block)
    contender = neighbours.Contender("minicnn_training", ("tiny", 4))
    found = neighbours.measure(contender, "training", argparse.Namespace(blocks=2))
    assert found["slowdown"] == pytest.approx(1.5)
    assert found["throughput_of_two"] == pytest.approx(0.5 + 0.4)
    assert found["environment"] == {"threads": 2}


@pytest.mark.slow
def test_from_beginning_to_end(neighbours, monkeypatch, capsys, tmp_path):
    path = tmp_path / "neighbours.json"
    options = ["--models", "alexnet_torchvision", "--batch", "1", "--blocks", "1", "--seconds", "0"]
    monkeypatch.setattr("sys.argv", ["neighbours.py", *options, "--json", str(path)])
    neighbours.main()
    printed = capsys.readouterr().out
    assert printed.count("alexnet_torchvision") == 5  # two trainings, three kinds of inference
    assert '"slowdown"' in path.read_text()
