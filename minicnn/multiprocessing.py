"""The standard library's ``multiprocessing`` with ``spawn`` and the settings of torch's.

Tensors are pickled, so a process gets a copy; memory is not shared between processes.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing import *
from multiprocessing.connection import wait
from typing import Any

__all__ = ["get_all_sharing_strategies", "get_sharing_strategy", "set_sharing_strategy", "spawn"]
__all__ += multiprocessing.__all__


def spawn(
    fn: Callable[..., Any],
    args: tuple[Any, ...] = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> list[multiprocessing.process.BaseProcess] | None:
    """Runs ``fn(i, *args)`` for i = 0 … nprocs - 1, each in a process.

    Args:
        fn: a function at the top level of a module.
        args: its arguments after the number.
        nprocs: number of processes.
        join: whether to wait for them.
        daemon: whether they end with this process.
        start_method: ``"spawn"``, ``"fork"`` or ``"forkserver"``.

    Returns:
        None, or the processes if it does not wait for them.

    Raises:
        RuntimeError: if a process failed; the others are ended, and it has printed its traceback.

    As ``torch.multiprocessing.spawn``.
    """
    context: Any = multiprocessing.get_context(start_method)
    processes = [context.Process(target=fn, args=(i, *args), daemon=daemon) for i in range(nprocs)]
    for process in processes:
        process.start()
    if not join:
        return processes
    _wait(processes)
    return None


def _wait(processes: list[Any]) -> None:
    running = {process.sentinel: process for process in processes}
    while running:
        for sentinel in wait(list(running)):
            process = running.pop(sentinel)
            process.join()
            if process.exitcode != 0:
                for other in running.values():
                    other.terminate()
                    other.join()
                raise RuntimeError(
                    f"process {processes.index(process)} ended with exit code {process.exitcode}"
                )


def get_all_sharing_strategies() -> set[str]:
    """The names that :func:`set_sharing_strategy` takes."""
    return {"file_descriptor", "file_system"}


def get_sharing_strategy() -> str:
    """``"file_descriptor"``: torch's default on Linux."""
    return "file_descriptor"


def set_sharing_strategy(new_strategy: str) -> None:
    """Has no effect, since no memory is shared.

    Raises:
        ValueError: for an unknown name.
    """
    if new_strategy not in get_all_sharing_strategies():
        known = ", ".join(sorted(get_all_sharing_strategies()))
        raise ValueError(f"sharing strategy must be one of {known}, got {new_strategy!r}")
