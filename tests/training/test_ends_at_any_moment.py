"""Runs that are killed or interrupted at random moments end as a run that nothing interrupted."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from scripts import assert_same_end, command, environment

import minicnn as mc

pytestmark = [pytest.mark.cpu_only, pytest.mark.slow]

SCRIPT = "train_segmentation.py"
# 4 steps an epoch, which take as long as saving
TINY = "--limit 16 --size 32 --batch-size 4 --epochs 3 --overlays 1 --device cpu --workers 2"
KILLS, INTERRUPTS = 100, 40
# A signal while Python itself starts is not the script's to handle: Python prints a fatal error,
# nothing but the error's name, or forgets the signal.
BEGIN = """
import pkgutil, runpy, sys  # runpy imports pkgutil late
print("Python has started", flush=True)
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def start(folder: Path) -> subprocess.Popen[str]:
    """The script in a process, which has begun; it resumes if there is something to resume."""
    folder.mkdir(exist_ok=True)
    resume = " --resume" if (folder / "out" / "last.ckpt").exists() else ""
    python, *script = command(SCRIPT, folder, TINY + resume)
    process = subprocess.Popen(
        [python, "-c", BEGIN, *script],
        env=environment(OMP_NUM_THREADS="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for("Python has started", process)
    return process


def wait_for(text: str, process: subprocess.Popen[str]) -> None:
    """Reads what the script prints up to a line with a text."""
    for line in process.stdout:
        if text in line:
            return


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[Path, float]:
    """The folder of a run that nothing interrupted, and the seconds that it trained."""
    folder = tmp_path_factory.mktemp("whole")
    process = start(folder)
    wait_for("pictures to train on", process)
    began = time.perf_counter()
    _, told = process.communicate(timeout=100)
    assert process.returncode == 0, told
    return folder, time.perf_counter() - began


def ended(process: subprocess.Popen[str], moments: random.Random, seconds: float) -> bool:
    """Whether it ended before a random moment, mostly of its training, else of its start."""
    if moments.random() < 0.8:
        wait_for("pictures to train on", process)
    try:
        process.communicate(timeout=moments.uniform(0, seconds))
    except subprocess.TimeoutExpired:
        return False
    return True


def test_kills(tmp_path, whole):
    expected, seconds = whole
    moments, kills, runs = random.Random(0), 0, 0
    while kills < KILLS:
        folder = tmp_path / f"run-{runs}"
        process = start(folder)
        if not ended(process, moments, seconds):
            process.kill()
            process.communicate()
            kills += 1
            if (folder / "out" / "last.ckpt").exists():
                assert mc.load(folder / "out" / "last.ckpt")["run"]["epoch"] <= 3
            continue
        assert process.returncode == 0
        assert_same_end(expected, folder)
        left = {path.name for path in (folder / "out").iterdir()}
        assert left == {path.name for path in (expected / "out").iterdir()}
        shutil.rmtree(folder)  # a run that begins next starts from nothing
        runs += 1
    print(f"{kills} kills, {runs} runs ended as they should")
    assert runs


def test_interrupts(tmp_path, whole):
    expected, seconds = whole
    moments, runs, longest = random.Random(1), 0, 0.0
    for _ in range(INTERRUPTS):
        folder = tmp_path / f"run-{runs}"
        process = start(folder)
        if not ended(process, moments, seconds):
            process.send_signal(signal.SIGINT)
            sent = time.perf_counter()
            _, told = process.communicate(timeout=60)
            longest = max(longest, time.perf_counter() - sent)
            # before the script's first lines, or after its last
            outside = process.returncode == -signal.SIGINT
            assert outside or process.returncode in (130, 0), told  # 0: it had just ended
            if not outside:
                lines = [
                    line for line in told.splitlines() if line and "stopping after" not in line
                ]
                assert not lines or "to go on: " in lines[0] or "to begin again: " in lines[0], told
                assert len(lines) <= 1, told
        if process.returncode == 0:
            assert_same_end(expected, folder)
            shutil.rmtree(folder)
            runs += 1
    print(f"{INTERRUPTS} interrupts, {runs} runs ended; the longest took {longest:.1f} s")
    assert runs and longest < 5
