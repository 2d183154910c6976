"""``View``: how one tensor looks at the memory of another."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from ..typing import Array
from .grad_mode import enable_grad, mode

if TYPE_CHECKING:
    from ..tensor import Tensor, Version

TAKEN_UNDER_NO_GRAD = "a view taken under no_grad()"
ONE_OF_SEVERAL = "a view that is one of several, as split, chunk and unbind return"


class View:
    """A base and the operations that lead from it to a view of its memory.

    They run again after a recorded change in place has given the base a new history. The base is
    None for a view taken under ``no_grad``, which has no history and keeps none alive: it only knows
    the ``source`` while that exists.

    ``restriction`` says why the view may not be changed in place while gradients are recorded, nor
    be used after its base was. None if it may.
    """

    # in the class, as every operation that returns a view makes one of these
    restriction: str | None = None
    writes_seen = 0  # when it was restricted
    _source: weakref.ref[Tensor] | None = None

    def __init__(self, source: Tensor, operation: Any, options: dict[str, Any]) -> None:
        self.steps: tuple[tuple[Any, dict[str, Any]], ...] = ((operation, options),)
        self.base: Tensor | None = source
        self.rewrites_seen = source.version.rewrites
        earlier = source.view_of
        if earlier is not None:
            self.base = earlier.base
            self.steps = earlier.steps + self.steps
            if earlier.restriction is not None:
                self.restrict(earlier.restriction, earlier.writes_seen)
                self._source = earlier._source
        if not mode.grad and self.base is not None:
            self.restrict(TAKEN_UNDER_NO_GRAD, source.version.writes)
            self._source = weakref.ref(self.base)
            self.base = None
        self._memory = None if self.base is None else self.base.array

    def restrict(self, restriction: str, writes: int) -> None:
        """Forbids changes in place from this count of writes on, for a reason; the first one stays."""
        if self.restriction is None:
            self.restriction, self.writes_seen = restriction, writes

    def base_requires_grad(self) -> bool:
        """Whether the base, if it is known, requires a gradient."""
        base = self._source() if self.base is None and self._source is not None else self.base
        return base is not None and base._requires_grad

    def check_unchanged(self, version: Version) -> None:
        """Checks that the memory under a view with a restriction is still as it was.

        Raises:
            RuntimeError: if it was changed in place since the view was taken.
        """
        if self.base_requires_grad() and version.writes != self.writes_seen:
            raise RuntimeError(
                f"{self.restriction}, cannot be used after its base or another view of it was "
                "changed in place: use an operation that returns a new tensor"
            )

    def check_changeable(self) -> None:
        """Checks that the view may be changed in place while gradients are recorded.

        Raises:
            RuntimeError: if a restriction forbids it, or the base shows other memory by now.
        """
        if self.restriction is not None:
            raise RuntimeError(
                f"{self.restriction}, cannot be changed in place while gradients are recorded: "
                "use an operation that returns a new tensor"
            )
        if self.base is not None and self.base.array is not self._memory:
            raise RuntimeError(
                "a view cannot be changed in place while gradients are recorded after its base was "
                "given another shape or other memory"
            )

    def take(self) -> Tensor:
        """The view as a new tensor, with the base's present history."""
        with enable_grad():
            return self.of(self.base)

    def of(self, tensor: Any) -> Tensor:
        """The same view of another tensor of the base's shape and order in memory."""
        for operation, options in self.steps:
            tensor = operation.apply(tensor, **options)
        return tensor  # type: ignore[no-any-return]

    def look(self, array: Array) -> Array:
        """The same elements of another array of the base's shape and order in memory."""
        for operation, options in self.steps:
            array = operation().forward(array, **options)
        return array


def has_repeats(array: Array) -> bool:
    """Whether an array shows an element more than once."""
    if 0 not in array.strides or not array.size:
        return False
    return any(s == 0 and n > 1 for s, n in zip(array.strides, array.shape))


def check_writable(array: Array) -> None:
    """Checks that an operation may write to an array.

    Raises:
        RuntimeError: for a view that shows an element more than once, as ``expand`` returns.
    """
    if has_repeats(array):
        raise RuntimeError(
            f"an expanded view of shape {tuple(array.shape)} shows elements more than once and cannot be "
            "changed in place: use x.clone()"
        )
