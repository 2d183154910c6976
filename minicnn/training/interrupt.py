"""Ctrl-C that waits for the end of a training step, and for nothing else; other ends wait, too."""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Self  # Python 3.11, not needed to run

_SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]  # Windows has no SIGHUP


def raise_interrupt(number: int, frame: FrameType | None) -> None:
    """Handles a signal as Python handles Ctrl-C, with a KeyboardInterrupt.

    Python ignores an error in a ``__del__``; there the same signal comes again a moment later.
    """
    if not _comes_again(number, frame):
        raise KeyboardInterrupt


def _comes_again(number: int, frame: FrameType | None) -> bool:
    """Whether the signal came in a ``__del__``, and was sent once more."""
    while frame is not None and frame.f_code.co_name != "__del__":
        frame = frame.f_back
    if frame is not None:
        threading.Timer(0.01, _send, (number,)).start()
    return frame is not None


def _send(number: int) -> None:
    """Sends this process a signal, as from outside."""
    if sys.platform == "win32":
        _thread.interrupt_main(number)
    else:
        os.kill(os.getpid(), number)


class StopRequest:
    """Context in which Ctrl-C raises KeyboardInterrupt, but not in the middle of a step.

    A KeyboardInterrupt inside an optimizer step would leave half of the weights updated. So what
    must be done as a whole stands under ``with stop.step:``, and Ctrl-C raises at its end; a second
    one raises at once, only after a ``__del__`` that is going on, where Python ignores errors.

    SIGTERM, which job schedulers send, and SIGHUP, sent when the terminal closes, do the same. They
    often come twice, so a second one changes nothing. A signal that is ignored stays so (``nohup``).

    Signal handlers can only be set in the main thread; in other threads the context does nothing.

    Attributes:
        step: the context of what must be done as a whole.
        waits: whether a stop is only noted in ``requested``, for processes that end together.
        in_step: whether such a step was begun and not ended; True after an error in it.
    """

    def __init__(self) -> None:
        self.in_step = self.requested = self.waits = False
        self.step = _Step(self)
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._previous[number] = signal.signal(number, self._handle)
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
        if _comes_again(number, frame):
            return
        again, self.requested = self.requested, True
        if again and number != signal.SIGINT:
            return
        if again or not (self.in_step or self.waits):
            raise KeyboardInterrupt
        # Not print(): the signal may have interrupted one, and print() is not reentrant. Nobody may
        # read it any more (| tee ends, too), and an error here would be one of the step.
        with contextlib.suppress(OSError, AttributeError):
            os.write(sys.stderr.fileno(), b"\nstopping after this step; Ctrl-C stops at once\n")


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
            if self.stop.requested and not self.stop.waits:
                raise KeyboardInterrupt
