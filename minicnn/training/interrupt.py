"""Ctrl-C that waits for the end of a training step, and for nothing else."""

from __future__ import annotations

import os
import signal
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self  # Python 3.11, not needed to run


class StopRequest:
    """Context in which Ctrl-C (or SIGTERM) raises KeyboardInterrupt, but not in the middle of a step.

    A KeyboardInterrupt inside an optimizer step would leave half of the weights updated. So what
    must be done as a whole stands under ``with stop.step:``, and Ctrl-C raises at its end; a second
    one raises at once. Signal handlers can only be set in the main thread; in other threads the
    context does nothing.

    Attributes:
        step: the context of what must be done as a whole.
        in_step: whether such a step was begun and not ended; True after an error in it.
    """

    def __init__(self) -> None:
        self.in_step = self.requested = False
        self.step = _Step(self)
        self._previous: dict[int, signal._HANDLER] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                self._previous[number] = signal.signal(number, self._handle)
            except ValueError:  # not in the main thread
                break
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.requested or not self.in_step:
            self.requested = True
            raise KeyboardInterrupt
        self.requested = True
        # Not print(): the signal may have interrupted one, and print() is not reentrant.
        os.write(2, b"\nstopping after this step; once more to stop at once\n")


class _Step:
    def __init__(self, stop: StopRequest) -> None:
        self.stop = stop

    def __enter__(self) -> None:
        self.stop.in_step = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.stop.in_step = False
            if self.stop.requested:
                raise KeyboardInterrupt
