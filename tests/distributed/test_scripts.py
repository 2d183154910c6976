"""Training scripts on several ranks: the numbers of one process, kills in the middle, resuming."""

from __future__ import annotations

import json
import random
import re
import time
from pathlib import Path
from typing import Any

import pytest
from ranks import ROOT, needs_mpi, printed_by_ranks, run_ranks

pytestmark = [pytest.mark.cpu_only, needs_mpi]

TIMES = ("seconds", "seconds_waited", "images_per_second")


def rows(folder: Path) -> list[dict[str, Any]]:
    """The metrics of each epoch, without times."""
    epochs = json.loads((folder / "metrics.json").read_text())["epochs"]
    assert len(epochs) == 3
    return [{name: row[name] for name in row if name not in TIMES} for row in epochs]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The metrics of one process."""
    folder = tmp_path_factory.mktemp("alone")
    printed_by_ranks(1, "fitting.py", folder)
    return rows(folder)


@pytest.mark.parametrize("count", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_what_ranks_do_before(count: int) -> None:
    assert printed_by_ranks(count, "beginning.py").count("checked") == count


@pytest.mark.parametrize("count", [3, *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 4))])
def test_the_numbers_are_those_of_one_process(
    count: int, alone: list[dict[str, Any]], tmp_path: Path
) -> None:
    printed = printed_by_ranks(count, "fitting.py", tmp_path)
    assert "left out sample 5: broken" in printed and "\n2 broken pictures left" in printed
    assert printed.startswith(f"{count} processes ({count} on ")
    assert len(re.findall("^epoch 3/3  training", printed, re.MULTILINE)) == 1
    assert [row["epoch"] for row in rows(tmp_path)] == [1, 2, 3]
    for ours, theirs in zip(rows(tmp_path), alone):
        assert ours == pytest.approx(theirs, rel=1e-9)


def test_a_killed_run_goes_on_bit_for_bit(tmp_path: Path) -> None:
    whole, killed, dropout = tmp_path / "whole", tmp_path / "killed", ("--dropout", 0.3)
    printed_by_ranks(2, "fitting.py", whole, *dropout)
    begin = time.monotonic()
    done = run_ranks(2, "fitting.py", killed, *dropout, "--killed-at", 7)
    assert done.returncode != 0 and time.monotonic() - begin < 10 + 3
    printed_by_ranks(2, "fitting.py", killed, *dropout, "--resume")
    assert rows(killed) == rows(whole)


@pytest.mark.parametrize("step", [3, *(pytest.param(n, marks=pytest.mark.slow) for n in (6, 12))])
def test_one_rank_is_asked_to_stop(step: int, alone: list[dict[str, Any]], tmp_path: Path) -> None:
    """All stop after this step, the last of an epoch or of all, too, and it is saved."""
    done = run_ranks(3, "fitting.py", tmp_path, "--stopped-at", step)
    assert done.returncode == 130
    assert done.stderr.count("stopped and saved; to go on: mpiexec -n 3 ") == 1
    assert "python -m mpi4py" in done.stderr
    printed = printed_by_ranks(3, "fitting.py", tmp_path, "--resume")
    assert printed.count("validation") == 3 - step // 4
    for ours, theirs in zip(rows(tmp_path), alone):
        assert ours == pytest.approx(theirs, rel=1e-9)


def test_another_number_of_ranks_goes_on(alone: list[dict[str, Any]], tmp_path: Path) -> None:
    assert run_ranks(3, "fitting.py", tmp_path, "--killed-at", 6).returncode != 0
    printed_by_ranks(2, "fitting.py", tmp_path, "--resume")
    for ours, theirs in zip(rows(tmp_path), alone):
        assert ours == pytest.approx(theirs, rel=1e-9)


@pytest.mark.slow
def test_a_hung_rank_is_named_and_ended(alone: list[dict[str, Any]], tmp_path: Path) -> None:
    begin = time.monotonic()
    done = run_ranks(2, "fitting.py", tmp_path, "--hung-at", 6)
    assert done.returncode != 0 and time.monotonic() - begin < 10 + 3
    assert re.search("rank 0 on .* has waited 3 s in .* for rank 1 on", done.stderr)
    printed_by_ranks(2, "fitting.py", tmp_path, "--resume")
    for ours, theirs in zip(rows(tmp_path), alone):
        assert ours == pytest.approx(theirs, rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_killed_at_any_moment(seed: int, alone: list[dict[str, Any]], tmp_path: Path) -> None:
    """kill -9 of a rank at a random moment: all end within 10 s, and the checkpoint is whole."""
    seconds = random.Random(seed).uniform(0, 1)
    begin = time.monotonic()
    done = run_ranks(2, "fitting.py", tmp_path, "--killed-after", seconds)
    if done.returncode != 0:  # otherwise it was over before
        assert time.monotonic() - begin < seconds + 10 + 3
        resume = ["--resume"] if (tmp_path / "last.ckpt").exists() else []
        printed_by_ranks(2, "fitting.py", tmp_path, *resume)
    for ours, theirs in zip(rows(tmp_path), alone):
        assert ours == pytest.approx(theirs, rel=1e-9)


@pytest.mark.slow
def test_alexnet_on_two_ranks(tmp_path: Path) -> None:
    script = ROOT / "examples" / "train_alexnet.py"
    options = "--limit", 40, "--epochs", 1, "--batch-size", 16, "--out", tmp_path
    printed = printed_by_ranks(2, script, *options)
    assert "2 processes" in printed.splitlines()[0] and "best after epoch 1" in printed
    (row,) = json.loads((tmp_path / "metrics.json").read_text())["epochs"]
    assert row["val_pictures"] == 8
    printed_by_ranks(2, script, "--limit", 40, "--batch-size", 16, "--out", tmp_path, "--resume")
