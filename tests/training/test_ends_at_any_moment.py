"""Runs that are killed or interrupted at random moments end as a run that nothing interrupted."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from scripts import assert_same_end, command, environment, run

import minicnn as mc

pytestmark = [pytest.mark.cpu_only, pytest.mark.slow]

SCRIPT = "train_segmentation.py"
# 4 steps an epoch, which take as long as saving
TINY = "--limit 16 --size 32 --batch-size 4 --epochs 3 --overlays 1 --device cpu --workers 2"
KILLS, INTERRUPTS = 100, 40


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[Path, float]:
    """The folder of a run that nothing interrupted, and its seconds."""
    folder = tmp_path_factory.mktemp("whole")
    start = time.perf_counter()
    result = run(SCRIPT, folder, TINY, OMP_NUM_THREADS="1")
    assert result.returncode == 0, result.stderr
    return folder, time.perf_counter() - start


def start(folder: Path) -> subprocess.Popen[str]:
    """The script in a process; it resumes if there is something to resume."""
    folder.mkdir(exist_ok=True)
    resume = " --resume" if (folder / "out" / "last.ckpt").exists() else ""
    return subprocess.Popen(
        command(SCRIPT, folder, TINY + resume),
        env=environment(OMP_NUM_THREADS="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_kills(tmp_path, whole):
    expected, seconds = whole
    moments, kills, ended = random.Random(0), 0, 0
    while kills < KILLS:
        folder = tmp_path / f"run-{ended}"
        process, began = start(folder), time.perf_counter()
        try:
            _, told = process.communicate(timeout=moments.uniform(0, 1.2 * seconds))
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            kills += 1
            if (folder / "out" / "last.ckpt").exists():
                assert mc.load(folder / "out" / "last.ckpt")["run"]["epoch"] <= 3
            continue
        assert process.returncode == 0, told
        seconds = time.perf_counter() - began  # other programs change it
        assert_same_end(expected, folder)
        left = {path.name for path in (folder / "out").iterdir()}
        assert left == {path.name for path in (expected / "out").iterdir()}
        ended += 1
    print(f"{kills} kills, {ended} runs ended as they should")
    assert ended


def test_interrupts(tmp_path, whole):
    expected, seconds = whole
    moments, ended, longest = random.Random(1), 0, 0.0
    for _ in range(INTERRUPTS):
        folder = tmp_path / f"run-{ended}"
        process = start(folder)
        try:
            process.communicate(timeout=moments.uniform(0.15, seconds))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            sent = time.perf_counter()
            _, told = process.communicate(timeout=60)
            longest = max(longest, time.perf_counter() - sent)
            # 0: it had just ended; -2: it was Python itself that began or ended
            assert process.returncode in (130, 0, -signal.SIGINT), told
            assert "Traceback" not in told and "Exception" not in told
            lines = [line for line in told.splitlines() if line and "once more" not in line]
            assert not lines or "to go on: " in lines[-1] or "to begin again: " in lines[-1], told
            assert len(lines) <= 1, told
        if process.returncode == 0:
            assert_same_end(expected, folder)
            ended += 1
    print(f"{INTERRUPTS} interrupts, {ended} runs ended; the longest took {longest:.1f} s")
    assert ended and longest < 5
