"""``Work``: an operation between ranks that goes on while the program does something else."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

__all__ = ["CommunicationThread", "Done", "Work", "seconds_of"]


class Work:
    """What an operation with ``async_op=True`` returns. As ``torch.distributed.Work``."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._error: Exception | None = None
        self._last_steps: list[Callable[[], object]] = []

    def wait(self, timeout: Any = None) -> bool:
        """Waits until the result is there.

        Args:
            timeout: a ``timedelta`` or seconds; the group's own limit holds in any case.

        Returns:
            True.

        Raises:
            RuntimeError: if the operation failed, or took longer than ``timeout``.
        """
        seconds = None if timeout is None else seconds_of(timeout)
        if not self._ended.wait(seconds):
            raise RuntimeError(f"the operation took longer than {seconds} s")
        if self._error is not None:
            raise self._error
        while self._last_steps:
            self._last_steps.pop(0)()
        return True

    def is_completed(self) -> bool:
        """Whether ``wait`` would return at once."""
        return self._ended.is_set()

    def is_success(self) -> bool:
        """Whether it ended without an error."""
        return self._ended.is_set() and self._error is None

    def exception(self) -> Exception | None:
        """The error with which it ended."""
        return self._error

    def then(self, step: Callable[[], object]) -> Work:
        """Adds something to do in ``wait``, in the thread that waits."""
        self._last_steps.append(step)
        return self

    def end(self, error: Exception | None = None) -> None:
        """Notes that the operation ended."""
        self._error = error
        self._ended.set()


def seconds_of(timeout: Any) -> float:
    """The seconds of a ``timedelta``, or seconds."""
    return timeout.total_seconds() if hasattr(timeout, "total_seconds") else timeout


class Done(Work):
    """An operation that was over before it could be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.end()


class CommunicationThread:
    """Does one operation after the other, in the order in which the program asked for them.

    So the ranks agree on the order if their programs do. After an error nothing more is done: the
    ranks would talk past each other.
    """

    def __init__(self, name: str) -> None:
        self._jobs: queue.SimpleQueue[tuple[Work, Callable[[], None]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, function: Callable[..., None], *arguments: Any) -> Work:
        """Calls ``function(*arguments)`` when all before is done."""
        work = Work()
        self._jobs.put((work, lambda: function(*arguments)))
        return work

    def close(self, timeout: float) -> None:
        """Ends the thread after what it has to do, for which it has ``timeout`` seconds."""
        self._jobs.put(None)
        self._thread.join(timeout)

    def _run(self) -> None:
        failure: Exception | None = None
        while (job := self._jobs.get()) is not None:
            work, function = job
            if failure is None:
                try:
                    function()
                except Exception as error:  # noqa: BLE001  raised where the program waits
                    failure = error
            work.end(failure)
