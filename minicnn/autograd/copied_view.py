"""``CopiedView``: what ``view`` and ``reshape`` return where they had to copy."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from .grad_mode import mode
from .view import TAKEN_UNDER_NO_GRAD, has_repeats

if TYPE_CHECKING:
    from ..tensor import Tensor


class CopiedView:
    """The link from a copy of all elements of a tensor back to the tensor.

    Convolutions choose the order of their weights' and results' elements in memory, so ``view`` has to
    copy where torch's shows the same memory. What is written to the copy is written to the tensor, too,
    and if that is recorded the tensor gets the history of the copy. The other direction is missing:
    the copy does not follow what is written to the tensor, and may then not be written to any more.

    As under torch's view, the tensor's memory stays alive with the copy.
    """

    def __init__(self, source: Tensor, copy: Tensor) -> None:
        self._array, self._version = source.array, source.version
        self._copied = copy.array
        self._watched = source.version.outermost  # counts all writes to the memory
        self._writes = self._watched.all_writes
        # Nobody misses the history of a tensor that is gone, but a view's is its base's, too.
        self._source: Callable[[], Tensor | None] = (
            weakref.ref(source) if source.view_of is None else lambda: source
        )
        self._copy = weakref.ref(copy)
        self._recorded = mode.grad

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

    def check_changeable(self) -> None:
        """Checks that the copy may be changed in place while gradients are recorded.

        Raises:
            RuntimeError: if it was taken under ``no_grad``, or has another shape by now.
        """
        if not self._recorded:
            raise RuntimeError(
                f"{TAKEN_UNDER_NO_GRAD}, cannot be changed in place while gradients are recorded: "
                "use an operation that returns a new tensor"
            )
        if self.copy is not None and self.copy.array is not self._copied:
            raise RuntimeError(
                "a view cannot be changed in place while gradients are recorded after it was given "
                "another shape or other memory"
            )

    def write_back(self) -> None:
        """Writes the copy's elements to the tensor.

        Raises:
            RuntimeError: if the tensor was written to since it was copied.
        """
        if self._watched.all_writes != self._writes:
            raise RuntimeError(
                f"a view of shape {tuple(self._copied.shape)} is a copy of a tensor in another memory "
                "order, which was written to since: take the view again, then write to it"
            )
        self._array[...] = self._copied.reshape(self._array.shape)
        self._version.bump()
        self._writes = self._watched.all_writes


def shares_in_torch(filters: Tensor, shape: tuple[int, ...]) -> bool:
    """Whether torch's ``reshape`` of filters, or of a view of them, shows the same memory.

    Args:
        filters: a parameter that :func:`~minicnn.nn.parameter.empty_parameter` has made, its
            ``data``, or a view of one of them; any other tensor is none.
        shape: the new one.
    """
    whole = filters.version.outermost.shape_in_torch
    if whole is None:
        return False
    array = np.empty(whole, np.bool_)  # as torch keeps them
    if filters.view_of is not None:
        array = filters.view_of.look(array)
    return array.shape == filters.array.shape and np.may_share_memory(array.reshape(shape), array)
