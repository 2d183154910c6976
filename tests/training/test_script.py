"""Whatever ends a training script is told in one line."""

from __future__ import annotations

import argparse
import errno
import json
import os
import shlex
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from scripts import command, environment

from minicnn import nn, training

pytestmark = pytest.mark.cpu_only


def arguments(folder: Path, **options) -> argparse.Namespace:
    options = {"out": folder / "out", "seed": 0, "resume": False, "epochs": 2, **options}
    return argparse.Namespace(**options)


@pytest.fixture(autouse=True)
def called(monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", ["my script.py", "--out", "out"])


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("a rule"), "error: a rule"),
        (RuntimeError("two\nlines"), "error: two lines"),
        (ValueError("first\n\nIn a DataLoader worker:\nTraceback"), "error: first"),
        (FileNotFoundError(errno.ENOENT, "No such file", "a.png"), "error: a.png: No such file"),
        (OSError(errno.ENOSPC, "cannot write 'x': full"), "error: cannot write 'x': full"),
        (
            BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)),
            "error: cannot write to the standard output: Broken pipe",
        ),
        (MemoryError(), "error: MemoryError"),
        (ValueError("w" * 9999), "error: w{500} …$"),
    ],
)
def test_an_error_is_told_in_a_line(tmp_path, error, line):
    with pytest.raises(SystemExit, match="^" + line), training.open_run(arguments(tmp_path), ()):
        raise error


def test_a_mistake_of_the_programmer_keeps_its_traceback(tmp_path):
    with pytest.raises(KeyError), training.open_run(arguments(tmp_path), ()):
        raise KeyError("name")


def stopped(folder: Path, capsys, started: bool, changed: bool = False) -> str:
    """What is told after Ctrl-C."""
    with pytest.raises(SystemExit, match="130"), training.open_run(arguments(folder), ()) as run:
        if started:
            run.start(net=nn.Linear(1, 1))
        run.batch += changed
        raise KeyboardInterrupt
    return capsys.readouterr().err.strip()


def test_ctrl_c_tells_how_to_go_on(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: sys.executable)
    line = "python 'my script.py' --out out"
    assert stopped(tmp_path, capsys, started=False) == (
        f"stopped before the training began; to begin again: {line}"
    )
    assert stopped(tmp_path, capsys, started=True) == (
        f"stopped and saved; to go on: {line} --resume"
    )
    # a run that has not started yet is not to be confused with the one in the folder
    assert "to begin again" in stopped(tmp_path, capsys, started=False)
    assert "stopped without saving once more; to go on" in stopped(tmp_path, capsys, True, True)


def test_a_device_that_is_not_there_ends_the_script_first(tmp_path):
    args = arguments(tmp_path / "out")
    args.device = "cuda:99"
    with pytest.raises(SystemExit, match="cuda"), training.open_run(args, ()):
        pytest.fail("it went on")
    assert not (tmp_path / "out").exists()


def test_what_is_told_runs_the_same_python(tmp_path, capsys, monkeypatch):
    """A shell may know another Python, or none, by the name ``python``."""
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(sys, "executable", str(tmp_path / ".venv" / "bin" / "python"))
    folder = tmp_path / "out"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert f": {sys.executable} 'my script.py'" in stopped(folder, capsys, started=True)
    monkeypatch.chdir(tmp_path)
    assert ": .venv/bin/python 'my script.py'" in stopped(folder, capsys, started=True)


def test_ctrl_c_saves_and_says_so_to_nobody(tmp_path, monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as pipe:
        monkeypatch.setattr(sys, "stderr", pipe)
        with pytest.raises(SystemExit, match="130"), training.open_run(arguments(tmp_path), ()):
            raise KeyboardInterrupt


def test_the_help_is_printed_in_any_encoding(tmp_path, monkeypatch):
    with open(tmp_path / "help", "w", encoding="ascii") as file:
        monkeypatch.setattr(sys, "stdout", file)
        with pytest.raises(SystemExit, match="0"):
            training.ArgumentParser("train/CLASS/\u2026").parse_args(["--help"])
    assert "train/CLASS/\\u2026" in (tmp_path / "help").read_text()


def test_a_warning_is_one_line_in_any_encoding(tmp_path, capfd, monkeypatch):
    before = warnings.showwarning
    with open(tmp_path / "log", "w", encoding="ascii") as log:
        monkeypatch.setattr(sys, "stdout", log)
        with training.open_run(arguments(tmp_path), ()), warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("left out caf\udce9.jpg \u732b")
            print("\u00e9")
    assert (tmp_path / "log").read_text() == "warning: left out caf\\udce9.jpg \\u732b\n\\xe9\n"
    assert warnings.showwarning is before


def test_what_a_finished_training_can_do_without(capsys):
    with training.optional("curves.png"):
        raise TypeError("no such font")
    assert capsys.readouterr().out == "not written: curves.png (no such font)\n"


def test_two_runs_in_one_folder(tmp_path):
    with training.open_run(arguments(tmp_path), ()) as run:
        run.start(net=nn.Linear(1, 1))
        with (
            pytest.raises(SystemExit, match="another run is writing to"),
            training.open_run(arguments(tmp_path), ()),
        ):
            pytest.fail("nobody refused the second run")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_resuming_takes_the_epochs_of_the_run(tmp_path):
    with training.open_run(arguments(tmp_path, epochs=7), training.MAY_DIFFER) as run:
        run.start(net=nn.Linear(1, 1))
    args = arguments(tmp_path, epochs=None, resume=True)
    with training.open_run(args, training.MAY_DIFFER) as run:
        assert args.epochs == run.epochs == 7


TINY = "--limit 4 --size 32 --batch-size 2 --epochs 1 --overlays 0 --device cpu"


@pytest.mark.parametrize("output", ["| head -1", "> /dev/full", ">&-"])
def test_output_that_cannot_be_written(tmp_path, output):
    """In Python these end in a second error at exit, with status 120."""
    if output == "> /dev/full" and not Path("/dev/full").exists():
        pytest.skip("there is no device that is always full")
    script = shlex.join(command("train_segmentation.py", tmp_path, TINY))
    result = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {script} {output}"],
        env=environment(OMP_NUM_THREADS="1"),
        capture_output=True,
        text=True,
        check=False,
    )
    written = json.loads((tmp_path / "out" / "metrics.json").read_text())["epochs"]
    if output == ">&-":  # nobody wants to read it, and nothing fails
        assert (result.returncode, result.stderr, len(written)) == (0, "", 1)
    else:
        assert result.returncode == 1
        assert result.stderr.startswith("error: cannot write to the standard output: ")
        assert result.stderr.count("\n") == 1
