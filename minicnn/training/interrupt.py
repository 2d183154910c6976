"""Ctrl-C that waits for the end of a training step."""

from __future__ import annotations

import os
import signal
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self  # Python 3.11, not needed to run


class StopRequest:
    """Context in which the first Ctrl-C (or SIGTERM) only sets ``requested``; a second one raises.

    A KeyboardInterrupt in the middle of an optimizer step would leave half of the weights updated,
    so a training loop checks ``stop.requested`` between steps and saves there. Signal handlers can
    only be set in the main thread; in other threads the context does nothing.
    """

    def __init__(self) -> None:
        self.requested = False
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
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        # Not print(): the signal may have interrupted one, and print() is not reentrant.
        os.write(2, b"\nstopping after this step; once more to stop at once\n")
