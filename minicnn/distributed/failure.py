"""A rank that fails ends the whole job, and says which rank it was."""

from __future__ import annotations

import os
import platform
import sys
import time
from types import TracebackType
from typing import NoReturn

__all__ = ["end_all", "end_all_on_error"]

_TIME_TO_PRINT = 0.5  # seconds; mpiexec drops what it has not read when it ends the processes


def end_all() -> NoReturn:
    """Ends all ranks at once; what was printed is seen."""
    from mpi4py import MPI

    sys.stdout.flush()
    sys.stderr.flush()
    time.sleep(_TIME_TO_PRINT)
    MPI.COMM_WORLD.Abort(1)
    os._exit(1)  # without the farewells of a normal end


def end_all_on_error(rank: int, size: int) -> None:
    """Makes an error that nobody catches end all ranks, which would wait for this one for ever."""
    show = sys.excepthook

    def show_and_end(
        kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        print(f"rank {rank} of {size} on {platform.node()} failed:", file=sys.stderr)
        show(kind, error, traceback)
        end_all()

    sys.excepthook = show_and_end
