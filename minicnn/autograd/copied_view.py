"""``CopiedView``: what ``view`` and ``reshape`` return where they had to copy."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..typing import Array
from .view import has_repeats

if TYPE_CHECKING:
    from ..tensor import Tensor


class CopiedView:
    """The link from a copy of all elements of a tensor back to the tensor.

    Convolutions choose the order of their weights' and results' elements in memory, so ``view`` has to
    copy where torch's shows the same memory. What is written to the copy is written to the tensor, too,
    and if that is recorded the tensor gets the history of the copy. The other direction is missing:
    the copy does not follow what is written to the tensor, and may then not be written to any more.
    """

    def __init__(self, source: Tensor, copy: Tensor) -> None:
        self._array, self._version = source.array, source.version
        self._copied = copy.array
        self._writes = self._version.all_writes
        # Weak, as neither needs the other; but a view is needed to give its base a new history.
        self._source: Callable[[], Tensor | None] = (
            weakref.ref(source) if source.view_of is None else lambda: source
        )
        self._copy = weakref.ref(copy)

    @staticmethod
    def link(source: Tensor, copy: Tensor) -> None:
        """Links a copy to its source, unless that is read-only or shows elements more than once."""
        array = source.array
        if not has_repeats(array) and getattr(array.flags, "writeable", True):
            copy.version.copied = CopiedView(source, copy)

    @property
    def source(self) -> Tensor | None:
        """The tensor that was copied, while it or the base that it is a view of exists."""
        return self._source()

    @property
    def copy(self) -> Tensor | None:
        """The copy, while it exists."""
        return self._copy()

    def write_back(self) -> None:
        """Writes the copy's elements to the tensor.

        Raises:
            RuntimeError: if the tensor was written to since it was copied.
        """
        if self._version.all_writes != self._writes:
            raise RuntimeError(
                f"a view of shape {tuple(self._copied.shape)} is a copy of a tensor in another memory "
                "order, which was written to since: take the view again, then write to it"
            )
        self._array[...] = self._copied.reshape(self._array.shape)
        self._version.bump()
        self._writes = self._version.all_writes


def has_channels_last(array: Array) -> bool:
    """Whether an array (N, C, …) is dense with its channels last, as convolutions choose."""
    last = (0, *range(2, array.ndim), 1)
    return array.ndim > 2 and bool(array.transpose(last).flags.c_contiguous)
