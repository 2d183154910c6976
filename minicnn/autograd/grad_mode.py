"""Switches of each thread: whether to record a graph, to check gradients, and autocast."""

from __future__ import annotations

import contextlib
import functools
import inspect
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, TypeVar

import numpy as np

F = TypeVar("F", bound=Callable[..., Any])


class _Mode(threading.local):
    grad = True
    inference = False
    anomaly = False
    autocast: np.dtype | None = None  # the half precision that minicnn.autocast asks for
    after_backward: list[Callable[[], object]] | None = None  # what to call when a walk ends


mode = _switches = _Mode()


@contextlib.contextmanager
def set_mode(field: str, value: Any) -> Iterator[None]:
    """Sets one field of ``mode`` within a ``with`` block."""
    previous = getattr(mode, field)
    setattr(mode, field, value)
    try:
        yield
    finally:
        setattr(mode, field, previous)


class Switch:
    """Sets one field of ``mode``; a context manager that restores it, and a decorator."""

    field: str

    def __init__(self, value: Any) -> None:
        self.value = value
        self.previous: list[Any] = []  # several, if one instance is entered more than once

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
        if inspect.isgeneratorfunction(function):
            return self._resumed(function)  # type: ignore[return-value]

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with set_mode(self.field, self.value):
                return function(*args, **kwargs)

        return wrapped  # type: ignore[return-value]

    def _resumed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A decorated generator: its body runs between the yields, after the call has returned."""

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Iterator[Any]:
            items = function(*args, **kwargs)
            while True:
                with set_mode(self.field, self.value):
                    try:
                        item = next(items)
                    except StopIteration as end:
                        return end.value
                yield item

        return wrapped


class set_grad_enabled(Switch):
    """Switches recording on or off from here on; as a ``with`` block or decorator only inside it.

    As ``torch.set_grad_enabled``.
    """

    field = "grad"

    def __init__(self, mode: bool) -> None:
        super().__init__(mode)
        self.outside = _switches.grad
        _switches.grad = mode

    def __enter__(self) -> None:
        mode.grad = self.outside
        super().__enter__()

    def __call__(self, function: F) -> F:
        mode.grad = self.outside
        return super().__call__(function)


class _FixedGrad(Switch):
    """A switch to one ``setting``; both ``@switch()`` and ``@switch`` decorate, as in torch."""

    field = "grad"
    setting: bool

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        return super().__new__(cls) if function is None else cls()(function)

    def __init__(self, function: None = None) -> None:
        super().__init__(self.setting)


class no_grad(_FixedGrad):
    """Within its ``with`` block or decorated function, nothing is recorded for ``backward``."""

    setting = False


class enable_grad(_FixedGrad):
    """Within its ``with`` block or decorated function, a graph is recorded again."""

    setting = True


class inference_mode(contextlib.ContextDecorator):
    """``no_grad`` under another name; a ``with`` block, ``@inference_mode()`` or ``@inference_mode``.

    Args:
        mode: False switches recording on, as in torch.

    As ``torch.inference_mode``, but its tensors may be used everywhere afterwards.
    """

    def __new__(cls, mode: Any = True) -> Any:
        return super().__new__(cls) if isinstance(mode, bool) else cls()(mode)

    def __init__(self, mode: bool = True) -> None:
        self.mode = mode

    def _recreate_cm(self) -> inference_mode:
        return type(self)(self.mode)

    def __enter__(self) -> None:
        self.outside = mode.grad, mode.inference
        mode.grad, mode.inference = not self.mode, self.mode

    def __exit__(self, *exception: object) -> None:
        mode.grad, mode.inference = self.outside


def is_inference_mode_enabled() -> bool:
    """Whether :class:`inference_mode` is active in this thread."""
    return mode.inference


class detect_anomaly(Switch):
    """Within its ``with`` block, the first gradient with NaN raises an error, as in torch.

    The error names the operation and the lines that called it in the forward pass, so run the
    forward pass in the block, too. Convolutions compute each window by itself, so that a NaN does
    not reach others (see ``conv2d``). Without ``check_nan``, nothing is
    looked for. Slow; for debugging.
    """

    field = "anomaly"

    def __init__(self, check_nan: bool = True) -> None:
        super().__init__(check_nan)


class set_detect_anomaly(Switch):
    """Switches :class:`detect_anomaly` on or off from here on, or for a ``with`` block.

    ``check_nan`` is accepted for torch's scripts, but has no effect. As
    ``torch.autograd.set_detect_anomaly``.
    """

    field = "anomaly"

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        super().__init__(mode)
        self.outside = _switches.anomaly
        _switches.anomaly = mode

    def __enter__(self) -> None:
        _switches.anomaly = self.outside
        super().__enter__()


def is_anomaly_enabled() -> bool:
    """Whether the first gradient with NaN raises an error."""
    return mode.anomaly


def is_grad_enabled() -> bool:
    """Whether operations are being recorded for ``backward`` in this thread."""
    return mode.grad
