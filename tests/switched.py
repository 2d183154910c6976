"""Runs programs in processes of their own, under PyTorch or under the switch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent / "torch_switch"
PROGRAMS = HERE / "programs"
ROOT = HERE.parents[1]


def python(*arguments: object, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs this Python in a folder; minicnn is the one of this repository."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **variables}
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def switched(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    """``python -m minicnn.torch`` with some arguments."""
    return python("-m", "minicnn.torch", *arguments, folder=folder)


def printed(*arguments: object, folder: Path) -> str:
    """What a program under the switch prints; it must end well."""
    done = switched(*arguments, folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
