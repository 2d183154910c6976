"""``View``: how one tensor looks at the memory of another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..typing import Array
from .grad_mode import enable_grad, mode

if TYPE_CHECKING:
    from ..tensor import Tensor


class View:
    """A base and the operations that lead from it to a view of its memory.

    They run again after a recorded change in place has given the base a new history. The base is
    None for a view taken under ``no_grad``, which has no history and keeps none alive.
    """

    __slots__ = ("base", "rewrites_seen", "steps")

    def __init__(self, source: Tensor, operation: Any, options: dict[str, Any]) -> None:
        self.steps: tuple[tuple[Any, dict[str, Any]], ...] = ((operation, options),)
        self.base: Tensor | None = source
        if source.view_of is not None:
            self.base = source.view_of.base
            self.steps = source.view_of.steps + self.steps
        if not mode.grad:
            self.base = None
        self.rewrites_seen = source.version.rewrites

    def take(self) -> Tensor:
        """The view as a new tensor, with the base's present history."""
        tensor: Any = self.base
        with enable_grad():
            for operation, options in self.steps:
                tensor = operation.apply(tensor, **options)
        return tensor

    def look(self, array: Array) -> Array:
        """The same elements of another array of the base's shape."""
        for operation, options in self.steps:
            array = operation().forward(array, **options)
        return array
