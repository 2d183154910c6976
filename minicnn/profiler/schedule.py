"""Which steps of a loop a profile records, under the names of ``torch.profiler``."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .profile import profile

__all__ = ["ProfilerAction", "ProfilerActivity", "schedule", "tensorboard_trace_handler"]


class ProfilerActivity(Enum):
    """What torch's profiles record; minicnn's always record both."""

    CPU = 0
    CUDA = 1


class ProfilerAction(Enum):
    """What happens to the events of a step."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


def schedule(
    *, wait: int, warmup: int, active: int, repeat: int = 0, skip_first: int = 0
) -> Callable[[int], ProfilerAction]:
    """Cycles of steps: some are not recorded, then some are recorded and given to a handler.

    Args:
        wait: steps at the start of each cycle that are not recorded.
        warmup: steps after them whose events are thrown away.
        active: steps after them that are recorded.
        repeat: how many cycles; 0 means no end.
        skip_first: steps before the first cycle.

    Returns:
        A function from the number of a step to a :class:`ProfilerAction`.

    As ``torch.profiler.schedule``.
    """

    def action(step: int) -> ProfilerAction:
        cycle, position = divmod(step - skip_first, wait + warmup + active)
        if step < skip_first or (repeat and cycle >= repeat) or position < wait:
            return ProfilerAction.NONE
        if position < wait + warmup:
            return ProfilerAction.WARMUP
        last = position == wait + warmup + active - 1
        return ProfilerAction.RECORD_AND_SAVE if last else ProfilerAction.RECORD

    return action


def tensorboard_trace_handler(
    dir_name: str, worker_name: str | None = None, use_gzip: bool = False
) -> Callable[[profile], None]:
    """A handler that writes each trace to a file of its own in a folder.

    Args:
        dir_name: the folder, made if it is missing.
        worker_name: begins the files' names; by default the computer's name and the process.
        use_gzip: accepted for torch's scripts; files are not compressed.

    As ``torch.profiler.tensorboard_trace_handler``.
    """
    worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"

    def write(prof: profile) -> None:
        folder = Path(dir_name)
        folder.mkdir(parents=True, exist_ok=True)
        prof.export_chrome_trace(folder / f"{worker}.{time.time_ns()}.pt.trace.json")

    return write
