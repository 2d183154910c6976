"""How a program was started: what the launchers of MPI say about it in the environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from . import rules

__all__ = ["environment", "how_to_start", "is_launched"]

# by torch's name: what MPICH and Intel MPI, Open MPI, and Slurm call it
_NAMES = {
    "RANK": "PMI_RANK OMPI_COMM_WORLD_RANK PMIX_RANK",
    "WORLD_SIZE": "PMI_SIZE OMPI_COMM_WORLD_SIZE SLURM_NTASKS",
    "LOCAL_RANK": "MPI_LOCALRANKID OMPI_COMM_WORLD_LOCAL_RANK SLURM_LOCALID",
    "LOCAL_WORLD_SIZE": "MPI_LOCALNRANKS OMPI_COMM_WORLD_LOCAL_SIZE",
}


def how_to_start(count: int | str) -> str:
    """The command for this program with ``count`` processes."""
    module = "minicnn.torch" if rules.torch_rules else "mpi4py"
    script = os.path.basename(sys.argv[0]) or "script.py"
    return f"start the program with `mpiexec -n {count} python -m {module} {script}`"


def is_launched() -> bool:
    """Whether MPI started this process, or the program has MPI already."""
    there = any(name in os.environ for name in _NAMES["RANK"].split())
    return there or "mpi4py.MPI" in sys.modules


def environment(variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """RANK, WORLD_SIZE and so on, which scripts in torch's idiom read, as the launcher has them.

    Empty for a program that no launcher of MPI started. What is set already stays.
    """
    if not any(name in variables for name in _NAMES["RANK"].split()):
        return {}
    found = {}
    for ours, theirs in _NAMES.items():
        values = [variables[name] for name in theirs.split() if name in variables]
        if values and ours not in variables:
            found[ours] = values[0]
    return found
