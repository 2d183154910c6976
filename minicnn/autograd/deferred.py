"""Gradients that another thread computes while the walk back goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .grad_mode import no_grad

if TYPE_CHECKING:
    from ..tensor import Tensor
    from .function import Function


class Deferred:
    """What ``backward`` may return in place of a gradient: an operation that was not run yet.

    Nobody needs the gradient of a weight before the walk ends, whereas the next node waits for the
    gradient of the input. So the engine starts such an operation in another thread and goes on.

    Args:
        run_later: takes a function, has it run in any thread, and returns a function that waits for
            its result.
        operation: computes the gradient.
        inputs, options: of the operation.
    """

    __slots__ = ("inputs", "operation", "options", "run_later")

    def __init__(
        self,
        run_later: Callable[[Callable[[], Tensor]], Callable[[], Tensor]],
        operation: type[Function],
        *inputs: Tensor,
        **options: Any,
    ) -> None:
        self.run_later = run_later
        self.operation = operation
        self.inputs = inputs
        self.options = options

    def start(self) -> Callable[[], Tensor]:
        """Has the operation run in any thread; returns a function that waits for the gradient."""
        return self.run_later(self.compute)

    @no_grad()
    def compute(self) -> Tensor:
        """Runs the operation in this thread."""
        return self.operation.apply(*self.inputs, **self.options)
