"""``CopiedView``: what ``view`` and ``reshape`` return where they had to copy."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ..devices import xp_of
from ..typing import Array
from .grad_mode import mode
from .view import TAKEN_UNDER_NO_GRAD, has_repeats

if TYPE_CHECKING:
    from ..tensor import Tensor


class CopiedView:
    """The link from a copy of all elements of a tensor back to the tensor.

    Convolutions choose the order of their weights' and results' elements in memory, so ``view`` has to
    copy where torch's shows the same memory. What is written to the copy is written to the tensor, too,
    and if that is recorded the tensor gets a new history, of which the copy's is a part. The other
    direction is missing: the copy does not follow what is written to the tensor, and may then not be
    written to any more.

    The link keeps nothing alive: once nobody shows the tensor's memory, there is nothing to write to.
    """

    def __init__(self, source: Tensor, copied: Tensor) -> None:
        whole = source.version.outermost  # counts all writes, those through x.data, too
        self._array: Array | None = source.array
        self._copied = copied.array
        self._writes = whole.all_writes
        self._recorded = mode.grad
        self._whole = weakref.ref(whole, self._forget(weakref.ref(self)))
        self._version = weakref.ref(source.version)
        self._copy = weakref.ref(copied)
        self._source = weakref.ref(source)
        # A view that is gone is taken again, as its base needs the new history.
        self._view, self._base = source.view_of, weakref.ref(source)
        if self._view is not None and self._view.base is not None:
            self._base = weakref.ref(self._view.base)
            self._view = copy.copy(self._view)
            self._view.base = self._view._memory = None
        if whole.links is None:
            whole.links = weakref.WeakSet()
        whole.links.add(self)

    @staticmethod
    def link(source: Tensor, copied: Tensor) -> None:
        """Links a copy to its source, unless that is read-only or shows elements more than once."""
        array = source.array
        if not has_repeats(array) and getattr(array.flags, "writeable", True):
            copied.version.copied = CopiedView(source, copied)

    @staticmethod
    def of(tensor: Tensor) -> CopiedView | None:
        """The link of a copy, or of the copy that ``tensor`` is a view of; None for other tensors."""
        link = tensor.version.copied
        base = tensor if tensor.view_of is None else tensor.view_of.base
        return link if link is not None and link._copy() is base else None

    def source(self) -> Tensor | None:
        """The tensor that was copied, if its history can still matter to somebody."""
        source, base = self._source(), self._base()
        if source is None and base is not None and self._view is not None:
            return self._view.of(base)
        return source

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
        copied = self._copy()
        if copied is not None and copied.array is not self._copied:
            raise RuntimeError(
                "a view cannot be changed in place while gradients are recorded after it was given "
                "another shape or other memory"
            )

    def write_back(self) -> None:
        """Writes the copy's elements to the tensor.

        Raises:
            RuntimeError: if the tensor was written to since it was copied.
        """
        whole, version = self._whole(), self._version()
        if whole is None or self._array is None:
            return
        writes = whole.all_writes
        if writes != self._writes:
            raise RuntimeError(
                f"a view of shape {tuple(self._copied.shape)} is a copy of a tensor in another memory "
                "order, which was written to since: take the view again, then write to it"
            )
        self._array[...] = self._copied.reshape(self._array.shape)
        if version is not None:
            version.bump()
        else:  # of a tensor like x.data, which is gone
            whole.bump_hidden()
        self._writes = whole.all_writes
        for other in whole.links or ():
            if other._writes == writes and not self._overlaps(other):
                other._writes = self._writes

    def _overlaps(self, other: CopiedView) -> bool:
        """Whether both are copies of some of the same elements."""
        ours, theirs = self._array, other._array
        if ours is None or theirs is None or not xp_of(ours).may_share_memory(ours, theirs):
            return False
        first, second = _on_the_cpu(ours, theirs)
        return np.shares_memory(first, second)

    @staticmethod
    def _forget(link: weakref.ref[CopiedView]) -> Callable[[object], None]:
        """What is called when nobody shows the tensor's memory any more."""

        def forget(_: object) -> None:
            found = link()
            if found is not None:
                found._array = None

        return forget


def _on_the_cpu(*arrays: Array) -> list[np.ndarray]:
    """Arrays that overlap as these do, in memory that is never read: CuPy would ask the GPU."""
    if isinstance(arrays[0], np.ndarray):
        return list(arrays)
    start = min(array.data.ptr for array in arrays)
    ends = (sum(s * (n - 1) for s, n in zip(a.strides, a.shape)) + a.itemsize for a in arrays)
    memory = np.empty(max(a.data.ptr - start + end for a, end in zip(arrays, ends)), np.uint8)
    return [
        np.ndarray(a.shape, f"V{a.itemsize}", memory, a.data.ptr - start, a.strides) for a in arrays
    ]


def layout_in_torch(filters: Tensor) -> Array | None:
    """An array laid out as torch's filters are, or a view of them; no element of it is ever read.

    Args:
        filters: a parameter that :func:`~minicnn.nn.parameter.empty_parameter` has made, its
            ``data``, or a view of one of them; for any other tensor the result is None.
    """
    whole = filters.version.outermost.shape_in_torch
    if whole is None:
        return None
    array = np.empty(whole, np.bool_)
    if filters.view_of is not None:
        array = filters.view_of.look(array)
    return array if array.shape == filters.array.shape else None
