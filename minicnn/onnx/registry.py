"""Which function writes which operation of minicnn's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ..autograd import Function

__all__ = ["WRITERS", "exporter"]

WRITERS: dict[type[Function], Callable[..., Any]] = {}

F = TypeVar("F", bound=Callable[..., Any])


def exporter(*operations: type[Function]) -> Callable[[F], F]:
    """Decorates a function that writes operations as ONNX nodes.

    The function takes a :class:`~minicnn.onnx.step.Step`, then what the operation's ``forward`` takes.
    It returns the name of the result, or a tuple of names::

        @mc.onnx.exporter(Square)
        def square(step, x):
            return step.node("Mul", x, x)

    Args:
        operations: subclasses of ``Function`` that ``forward`` calls.
    """

    def register(function: F) -> F:
        WRITERS.update(dict.fromkeys(operations, function))
        return function

    return register
