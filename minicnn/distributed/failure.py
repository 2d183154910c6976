"""A rank that fails ends the whole job, and says which rank it was."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import NoReturn

from .. import launch

__all__ = ["begin_early", "end_all", "end_all_on_error", "forget_shared_memory"]

_TIME_TO_PRINT = 0.5  # seconds; mpiexec drops what it has not read when it ends the processes


def end_all() -> NoReturn:
    """Ends all ranks at once; what was printed is seen."""
    from mpi4py import MPI

    sys.stdout.flush()
    sys.stderr.flush()
    time.sleep(_TIME_TO_PRINT)
    forget_shared_memory()
    MPI.COMM_WORLD.Abort(1)
    os._exit(1)  # without the farewells of a normal end


def end_all_on_error(rank: int, size: int) -> None:
    """Makes an error that nobody catches end all ranks, which would wait for this one for ever."""
    show = sys.excepthook
    if show.__module__ == __name__:
        return  # this is not the first group

    def show_and_end(
        kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        print(f"rank {rank} of {size} on {platform.node()} failed:", file=sys.stderr)
        show(kind, error, traceback)
        end_all()

    sys.excepthook = show_and_end


def forget_shared_memory() -> None:
    """Removes the name of the memory that MPICH's ranks of this machine share, in /dev/shm.

    They have it by now and keep it. Its name would stay, and so the memory, if they are killed.
    """
    maps = Path("/proc/self/maps")
    text = maps.read_text() if maps.exists() else ""
    for name in set(re.findall(r"/dev/shm/mpich_shm_\w+", text)):
        with contextlib.suppress(FileNotFoundError):  # another rank was faster
            os.unlink(name)


def begin_early() -> None:
    """With ``python -m mpi4py``, begins MPI now: a failure before there is a group ends all, too."""
    if launch.is_launched() and "mpi4py.run" in sys.modules:
        from mpi4py import MPI

        end_all_on_error(MPI.COMM_WORLD.Get_rank(), MPI.COMM_WORLD.Get_size())
