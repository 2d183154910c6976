"""Runs the scripts of examples/ as a person does: in a process of their own, or in this one."""

from __future__ import annotations

import json
import os
import runpy
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

ROOT = Path(__file__).resolve().parents[1]


def command(script: str, folder: Path, options: str) -> list[str]:
    path = ROOT / "examples" / script
    return [sys.executable, str(path), "--out", str(folder / "out"), *options.split()]


def environment(**variables: str) -> dict[str, str]:
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, **variables}


def run(
    script: str, folder: Path, options: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(script, folder, options),
        env=environment(**variables),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def interrupt(
    script: str, folder: Path, options: str, after: str, number: signal.Signals
) -> tuple[int, str]:
    """Exit status and output of a run that gets a signal once it has printed ``after``."""
    process = subprocess.Popen(
        command(script, folder, options),
        env=environment(),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    printed = ""
    for line in process.stdout:
        printed += line
        if after in line:
            process.send_signal(number)
            break
    return_code = process.wait(timeout=120) if after in printed else pytest.fail(printed)
    return return_code, printed + process.stdout.read()


def run_here(monkeypatch: pytest.MonkeyPatch, script: str, *arguments: Any) -> None:
    """In this process, which saves the imports; a script that fails raises SystemExit."""
    monkeypatch.setattr(sys, "argv", [script, *map(str, arguments)])
    ctrl_c = signal.getsignal(signal.SIGINT)
    try:
        runpy.run_path(str(ROOT / "examples" / script), run_name="__main__")
    finally:
        signal.signal(signal.SIGINT, ctrl_c)


def functions_of(script: str) -> dict[str, Any]:
    """What a script defines, by name, without running it."""
    return runpy.run_path(str(ROOT / "examples" / script), run_name="script")


def metrics(folder: Path) -> dict:
    return json.loads((folder / "out" / "metrics.json").read_text())


def results(folder: Path) -> list[dict]:
    """The epochs without what depends on the clock."""
    clock = ("seconds", "seconds_waited", "images_per_second")
    return [{k: v for k, v in e.items() if k not in clock} for e in metrics(folder)["epochs"]]


def assert_same_end(one: Path, other: Path) -> None:
    assert results(one) == results(other)
    for name in ("last.ckpt", "best.ckpt"):
        expected, got = (load_file(folder / "out" / name) for folder in (one, other))
        assert expected.keys() == got.keys()
        for key in expected:
            assert np.array_equal(expected[key], got[key]), f"{name}: {key}"
