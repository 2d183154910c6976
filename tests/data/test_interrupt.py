"""Ctrl-C, or the death of the main process, at any moment ends the workers, too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.cpu_only,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
]

SCRIPT = """
import signal, sys, time
from minicnn.data import DataLoader, Dataset

kind, slow = sys.argv[1:]
workers = {"multiprocessing_context": "fork"} if kind == "fork" else {"worker_type": kind}

class Samples(Dataset):
    def __len__(self): return 1000
    def __getitem__(self, index):
        if slow == "sample" and index >= 4:
            time.sleep(60)
        time.sleep(0.02)
        return index
    def __getstate__(self):  # worker processes start one after the other
        if slow == "start":
            print("started", flush=True)
            time.sleep(0.5)
        return {}

def init(number):
    if slow == "init":
        if number == 0: print("started", flush=True)  # lines of two would run into each other
        time.sleep(60)

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs ignore it
    print("imported", flush=True)
    loader = DataLoader(Samples(), 4, num_workers=2, worker_init_fn=init, **workers)
    try:
        for i, batch in enumerate(loader):
            if i == 0 and slow not in ("init", "start"): print("started", flush=True)
    except KeyboardInterrupt:
        if slow != "survive":
            raise
        loader = DataLoader(range(8), 4, num_workers=1, **workers)
        print("survived", [batch.tolist() for batch in loader], flush=True)
"""


class Program:
    """The script in a process group of its own, to which a signal is sent as from a terminal."""

    def __init__(self, folder: Path, worker_type: str, slow: str = "nothing") -> None:
        script = folder / "script.py"
        script.write_text(SCRIPT)
        self.process = subprocess.Popen(
            [sys.executable, script, worker_type, slow],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            start_new_session=True,
            text=True,
        )

    def wait_for(self, line: str) -> None:
        assert self.process.stdout is not None
        while (got := self.process.stdout.readline()) != f"{line}\n":
            assert got, self.process.communicate()[1]

    def interrupt(self) -> tuple[str, str]:
        """What it printed to the end, which must come within 5 seconds for all its processes."""
        start = time.monotonic()
        os.killpg(self.process.pid, signal.SIGINT)
        try:
            # communicate() waits until the last holder of stderr, workers included, is gone.
            output = self.process.communicate(timeout=20)
        finally:
            took = time.monotonic() - start
            if took > 5:
                os.killpg(self.process.pid, signal.SIGKILL)
        assert took < 5
        return output


@pytest.mark.parametrize(
    ("slow", "worker_type"),
    [
        ("nothing", "thread"),
        pytest.param("sample", "thread", marks=pytest.mark.slow),
        ("start", "process"),
        ("init", "process"),
        ("sample", "fork"),
        pytest.param("sample", "process", marks=pytest.mark.slow),
    ],
)
def test_ctrl_c_ends_the_program_and_its_workers(tmp_path: Path, worker_type, slow):
    program = Program(tmp_path, worker_type, slow)
    program.wait_for("started")
    _, errors = program.interrupt()
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert errors.count("Traceback") == 1  # the workers' own are not printed


@pytest.mark.parametrize("delay", [pytest.param(0.05, marks=pytest.mark.slow), 0.3])
def test_ctrl_c_while_processes_start(tmp_path: Path, delay):
    program = Program(tmp_path, "process")
    program.wait_for("imported")
    time.sleep(delay)
    _, errors = program.interrupt()
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert errors.count("Traceback") == 1


@pytest.mark.slow
@pytest.mark.parametrize("worker_type", ["thread", "process", "fork"])
@pytest.mark.parametrize("slow", ["nothing", "init", "sample"])
def test_ctrl_c_at_any_moment(tmp_path: Path, worker_type, slow):
    for number in range(9):
        program = Program(tmp_path, worker_type, slow)
        program.wait_for("imported")
        time.sleep(number * 0.17)
        _, errors = program.interrupt()
        assert errors.rstrip().endswith("KeyboardInterrupt")
        assert errors.count("Traceback") == 1


@pytest.mark.parametrize("worker_type", ["process", pytest.param("thread", marks=pytest.mark.slow)])
def test_a_program_that_catches_ctrl_c_goes_on(tmp_path: Path, worker_type):
    program = Program(tmp_path, worker_type, "survive")
    program.wait_for("started")
    printed, errors = program.interrupt()
    assert printed == "survived [[0, 1, 2, 3], [4, 5, 6, 7]]\n"
    assert errors == ""


@pytest.mark.parametrize("worker_type", ["process", "fork"])
@pytest.mark.parametrize("slow", [pytest.param("nothing", marks=pytest.mark.slow), "sample"])
def test_worker_processes_do_not_outlive_a_killed_parent(tmp_path: Path, worker_type, slow):
    program = Program(tmp_path, worker_type, slow)
    program.wait_for("started")
    program.process.kill()
    program.process.communicate(timeout=5)  # returns once no worker holds the pipe any more
    assert program.process.returncode == -signal.SIGKILL
