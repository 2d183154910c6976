"""Runs programs on several ranks: ``mpiexec -n N python -m mpi4py PROGRAM``."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = Path(__file__).resolve().parent / "distributed" / "programs"

needs_mpi = pytest.mark.skipif(
    find_spec("mpi4py") is None, reason="needs mpi4py and mpich: the extra `mpi`"
)


def run_ranks(
    count: int, *arguments: object, module: str = "mpi4py", folder: Path = PROGRAMS
) -> subprocess.CompletedProcess[str]:
    """Runs a program with some arguments on ``count`` ranks, with one thread each."""
    mpiexec = Path(sys.executable).with_name("mpiexec")
    folders = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    variables = {"PYTHONPATH": folders, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    through = ["-m", module] if module else []
    return subprocess.run(
        [mpiexec, "-n", str(count), sys.executable, *through, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def printed_by_ranks(count: int, *arguments: object, **options: object) -> str:
    """What they print; all must end well."""
    done = run_ranks(count, *arguments, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
