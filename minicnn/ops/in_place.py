"""Operations in place: they overwrite the memory of a tensor, and replace its history.

``x.op_(y)`` computes ``x.op(y)`` and writes the result to x. If gradients are recorded, x gets the
history of the result, and a tensor that x is a view of gets one in which the elements that x shows
come from the result. What the operation itself needs of the old numbers is copied; if another one
needed them, backward raises an error. All that is as in torch.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..autograd import Function, View, check_writable, is_grad_enabled
from ..autograd.copied_view import CopiedView
from ..devices import memory_order, on_own_device, xp_of
from ..tensor import Tensor, Version
from ..typing import Array
from .promotion import rank
from .transfer import to


class Copy(Function):
    """x (...) and a source that broadcasts to its shape -> the source, written over x."""

    def forward(self, x: Array, source: Array) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):  # a cast may overflow, as in torch
            x[...] = source
        return x[...]

    def backward(self, grad: Tensor) -> tuple[Tensor, Tensor]:
        return Tensor.of(xp_of(grad.array).zeros_like(grad.array)), grad


class CopySlices(Function):
    """A base, and what was written to a view of it -> the base with the new elements."""

    def forward(self, base: Array, new: Array, *, view: View) -> Array:
        self.view, self.order = view, memory_order(base)
        return base[...]  # which the operation in place has written to

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        needs_base, needs_new = self.needs_input_grad
        grad = _InOrder.apply(grad, order=self.order)
        return (
            _WithoutView.apply(grad, view=self.view) if needs_base else None,
            self.view.of(grad) if needs_new else None,
        )


class _InOrder(Function):
    """A gradient in the memory order of its tensor, so that views of one are views of the other."""

    returns_view = never_warns = True

    def forward(self, x: Array, *, order: list[int]) -> Array:
        ordered = x.transpose(order)
        ordered = ordered if ordered.flags.c_contiguous else ordered.copy()
        return ordered.transpose([order.index(axis) for axis in range(len(order))])

    def backward(self, grad: Tensor) -> Tensor:
        return grad


class _WithoutView(Function):
    """x with 0 in the elements that a view of it shows; linear, and its own adjoint."""

    def forward(self, x: Array, *, view: View) -> Array:
        self.view, self.order = view, memory_order(x)
        out = x.copy(order="K")
        view.look(out)[...] = 0
        return out

    def backward(self, grad: Tensor) -> Tensor:
        return _WithoutView.apply(_InOrder.apply(grad, order=self.order), view=self.view)


def in_place(operation: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Makes the method ``x.op_(…)`` of an operation."""
    return as_method(operation, change)


def untracked_in_place(operation: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The same for an operation without derivatives; x keeps its history, as in torch."""
    return as_method(operation, _change_untracked)


def as_method(
    operation: Callable[..., Tensor], run: Callable[..., Tensor]
) -> Callable[..., Tensor]:
    """Makes the method ``x.op_(…)``, which is ``run(x, op, …)``."""

    @functools.wraps(operation)
    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return run(self, operation, *args, **kwargs)

    method.__name__ = f"{operation.__name__}_"
    method.__doc__ = f"In place: {operation.__doc__}"
    return method


@on_own_device
def change(x: Tensor, operation: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
    """Writes ``operation(x, …)`` to x, and returns x.

    An operation that writes to its argument's memory itself, and returns it, saves a pass.

    Raises:
        RuntimeError: for a result of another shape, or of a dtype that x cannot hold; for a leaf
            that requires a gradient, or a view that must not change, while gradients are recorded;
            for elements that lie in one place of memory.
    """
    operands = [value for value in (*args, *kwargs.values()) if isinstance(value, Tensor)]
    check_writable(x.array)
    for operand in operands:
        check_no_overlap(x, operand)
    if not (is_grad_enabled() and any(t.requires_grad for t in (x, *operands))):
        return _overwrite(x, _fitting(x, operation(x, *args, **kwargs), operation))
    check_changeable(x)
    before = _before(x)
    result = _fitting(x, operation(before, *args, **kwargs), operation)
    if x.requires_grad and not result.requires_grad:
        result = Copy.apply(before, result)
    if result.requires_grad and not _is_written(x, result):
        for node in _nodes_between(result, (before, *operands)):
            node.keep_own_copies(before, x.array)
    _overwrite(x, result)
    if result.requires_grad:
        _replace_history(x, result)
    return x


def _change_untracked(
    x: Tensor, operation: Callable[..., Tensor], *args: Any, **kwargs: Any
) -> Tensor:
    """Writes ``operation(x, …)`` to x, whose history stays."""
    check_writable(x.array)
    return _overwrite(x, _fitting(x, operation(x, *args, **kwargs), operation))


def check_changeable(x: Tensor) -> None:
    """Checks that a tensor which requires a gradient, or will, may be changed in place.

    Raises:
        RuntimeError: for a leaf, a view of one, or a view that forbids it.
    """
    view = x.view_of
    if view is not None:
        view.check_changeable()
        base = view.base
        if base is not None and base.requires_grad and base.grad_fn is None:
            raise RuntimeError(
                "a view of a leaf that requires a gradient cannot be changed in place outside "
                "no_grad()"
            )
    link = CopiedView.of(x)
    source = None if link is None else link.source()
    if link is not None and source is not None:
        link.check_changeable()
        check_changeable(source)
    if x.requires_grad and x.grad_fn is None:
        raise RuntimeError(
            "a leaf that requires a gradient cannot be changed in place outside no_grad()"
        )


def check_no_overlap(x: Tensor, operand: Tensor, same_is_fine: bool = True) -> None:
    """Checks that an operand is x, if that is fine, or lies elsewhere in memory.

    Raises:
        RuntimeError: if some elements of both are in one place of memory. As in torch, that is
            noticed only of tensors that fill the memory from their first element to their last.
    """
    a, b = x.array, operand.array
    if type(a) is not type(b) or not xp_of(a).may_share_memory(a, b):
        return
    if operand is x or _layout(a) == _layout(b):
        overlap = not same_is_fine
    else:
        overlap = _is_dense(a) and _is_dense(b)
    if overlap:
        raise RuntimeError(
            f"an operation in place on a tensor of shape {tuple(x.shape)} got an argument of shape "
            f"{tuple(operand.shape)} that shares part of its memory: use its clone()"
        )


def _is_dense(array: Array) -> bool:
    return bool(array.transpose(memory_order(array)).flags.c_contiguous)


def _layout(array: Any) -> tuple[Any, ...]:
    """Where an array begins in memory, and the strides of the dimensions that have a length."""
    start = array.data.ptr if hasattr(array, "__cuda_array_interface__") else array.ctypes.data
    strides = [s for s, n in zip(array.strides, array.shape) if n > 1]
    return start, array.shape, strides


def _fitting(x: Tensor, result: Tensor, operation: Any) -> Tensor:
    """A result in the dtype of x, if x can hold it."""
    if result.array.shape == x.array.shape and result.array.dtype == x.array.dtype:
        return result
    name = getattr(operation, "__name__", "an operation")
    if result.array.shape != x.array.shape:
        raise RuntimeError(
            f"{name} in place keeps the shape {tuple(x.shape)}, got {tuple(result.shape)}"
        )
    if rank(result.array.dtype) > rank(x.array.dtype):
        raise RuntimeError(
            f"{name} in place cannot put {result.array.dtype} results into a tensor of {x.array.dtype}: "
            "use the operation that returns a new tensor"
        )
    return to(result, x.dtype)


def _before(x: Tensor) -> Tensor:
    """The numbers and the history that x has before the change, with a version of their own."""
    if x.view_of is not None:
        before = x.view_of.take()
        before.view_of = None
    else:
        before = Tensor.of(x.array[...])  # an array of its own: x itself may be another argument
        before.adopt_history(x)
    before.version = Version()
    return before


def _is_written(x: Tensor, result: Tensor) -> bool:
    """Whether the operation itself has written its result to x."""
    return bool(xp_of(x.array).may_share_memory(x.array, result.array))


def _overwrite(x: Tensor, result: Tensor) -> Tensor:
    if not _is_written(x, result):
        x.array[...] = result.array
    x.bump_version()
    return x


def _nodes_between(result: Tensor, inputs: Sequence[Tensor]) -> Iterator[Function]:
    """The nodes that lead from the inputs of an operation to its result."""
    seen = {id(tensor._grad_fn) for tensor in inputs}
    nodes: list[Any] = [result._grad_fn]
    while nodes:
        node = nodes.pop()
        if isinstance(node, Function) and id(node) not in seen:
            seen.add(id(node))
            yield node
            nodes += [edge[0] for edge in node.edges if edge is not None]


def _replace_history(x: Tensor, result: Tensor) -> None:
    """Gives x, or the base that it is a view of, the history of what was written to x."""
    assert result._grad_fn is not None
    result._grad_fn.save_in_place(result.output_index, x)
    view = x.view_of
    x.version.rewrites += 1
    if view is None:
        changed = x
        x.adopt_history(result)
    else:
        assert view.base is not None
        changed = view.base
        changed.adopt_history(CopySlices.apply(changed, result, view=view))
    link = CopiedView.of(changed)
    source = None if link is None else link.source()
    if source is not None:
        _replace_history(source, changed.reshape(source.array.shape))
        # as a view of the source, which torch's would be
        changed.adopt_history(source.reshape(changed.array.shape))
    x.refresh_history()
