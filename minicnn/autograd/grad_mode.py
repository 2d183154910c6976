"""Switches, kept per thread: whether a graph is recorded, and whether gradients are checked."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class _Mode(threading.local):
    grad = True
    anomaly = False


mode = _Mode()


class _Switch:
    """Sets one field of ``mode``; a context manager that restores it, and a decorator."""

    field: str

    def __init__(self, value: bool) -> None:
        self.value = value
        self.previous: list[bool] = []  # several, if one instance is entered more than once

    def __enter__(self) -> None:
        self.previous.append(getattr(mode, self.field))
        setattr(mode, self.field, self.value)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        setattr(mode, self.field, self.previous.pop())

    def __call__(self, function: F) -> F:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with type(self)(self.value):
                return function(*args, **kwargs)

        return wrapped  # type: ignore[return-value]


class set_grad_enabled(_Switch):
    """Within its ``with`` block or decorated function, records a graph if ``value`` is true."""

    field = "grad"


class no_grad(set_grad_enabled):
    """Within its ``with`` block or decorated function, nothing is recorded for ``backward``."""

    def __init__(self, value: bool = False) -> None:
        super().__init__(value)


class enable_grad(set_grad_enabled):
    """Within its ``with`` block or decorated function, a graph is recorded again."""

    def __init__(self, value: bool = True) -> None:
        super().__init__(value)


class detect_anomaly(_Switch):
    """Within its ``with`` block, the first NaN or Inf gradient raises.

    The error names the operation that made it and the lines that called it in the forward pass,
    which is therefore to run within the block too. Slow; for finding faults.
    """

    field = "anomaly"

    def __init__(self, value: bool = True) -> None:
        super().__init__(value)


def is_grad_enabled() -> bool:
    """Whether operations are being recorded for ``backward`` in this thread."""
    return mode.grad
