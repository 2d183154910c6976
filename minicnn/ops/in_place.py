"""Operations in place: they overwrite the memory of a tensor, and replace its history.

``x.op_(y)`` computes ``x.op(y)`` and writes the result to x. Outside ``no_grad``, x gets the
history of the result, and so does the tensor that x is a view of.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..autograd import View, is_grad_enabled
from ..devices import xp_of
from ..tensor import Tensor
from .choice import where
from .index import PutItem, array_index, take
from .promotion import rank
from .shape import expand
from .transfer import to


def in_place(operation: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Makes ``x.op_(…)`` from ``op``: computes it and writes the result to x."""

    @functools.wraps(operation)
    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        result = operation(self, *args, **kwargs)
        if rank(result.dtype) > rank(self.dtype):
            raise RuntimeError(
                f"{operation.__name__} in place cannot put {result.dtype} results into a tensor "
                f"of {self.dtype}: use the operation that returns a new tensor"
            )
        return write_(self, to(result, self.dtype))

    method.__doc__ = f"In place: {operation.__doc__}"
    return method


def write_(x: Tensor, new: Any) -> Tensor:
    """Overwrites x with ``new``, a tensor (with or without history) or a number.

    Raises:
        RuntimeError: outside ``no_grad``, for a leaf that requires a gradient or a view of one; for
            a ``new`` of another shape.
    """
    if isinstance(new, Tensor) and new.shape != x.shape:
        raise RuntimeError(f"an operation in place keeps the shape {x.shape}, got {new.shape}")
    if is_grad_enabled():
        x.refresh_history()
        if x.requires_grad or (isinstance(new, Tensor) and new.requires_grad):
            return _write_recorded(x, new)
    x.array[...] = new.array if isinstance(new, Tensor) else new
    x.bump_version()
    return x


def _write_recorded(x: Tensor, new: Tensor) -> Tensor:
    if x.requires_grad and x.grad_fn is None:
        raise RuntimeError(
            "a leaf that requires a gradient cannot be changed in place outside no_grad()"
        )
    if new.grad_fn is not None:
        new.grad_fn.copy_saved(x)
    if x.view_of is not None:
        _write_through(x.view_of, new)
        x.refresh_history()
        return x
    x.array[...] = new.array
    x.bump_version()
    x.version.rewrites += 1
    x.requires_grad = new.requires_grad
    x.grad_fn, x.output_index = new.grad_fn, new.output_index
    return x


def _write_through(view: View, new: Tensor) -> None:
    """Writes ``new`` to the elements of the base that a view shows, and records it.

    Raises:
        RuntimeError: for a view taken under ``no_grad``, or one that shows an element twice.
    """
    if view.base is None:
        raise RuntimeError(
            "a view taken under no_grad() cannot be changed in place while gradients are recorded"
        )
    xp, size = xp_of(new.array), view.base.numel()
    positions = view.look(xp.arange(size).reshape(view.base.shape)).reshape(-1)
    mask = xp.zeros(size, bool)
    mask[positions] = True
    if int(mask.sum()) != new.numel():
        raise RuntimeError(
            f"an expanded view of shape {new.shape} shows elements of its base of shape "
            f"{view.base.shape} more than once and cannot be changed in place"
        )
    placed = PutItem.apply(new.reshape(-1), shape=(size,), index=((positions,),))
    chosen = Tensor(mask.reshape(view.base.shape))
    write_(view.base, where(chosen, placed.reshape(view.base.shape), view.base.clone()))


def setitem(x: Tensor, key: Any, value: Any) -> None:
    """``x[key] = value``, in place."""
    index = array_index(key, x)
    x.refresh_history()
    traced = x.requires_grad or (isinstance(value, Tensor) and value.requires_grad)
    if isinstance(value, Tensor):
        value = to(value, device=x.device, dtype=x.dtype)
    if not (traced and is_grad_enabled()):
        numbers = value.array if isinstance(value, Tensor) else value
        take(x.array, index[:-1])[index[-1]] = numbers
        x.bump_version()
        return
    xp = xp_of(x.array)
    mask = xp.zeros(x.shape, bool)
    take(mask, index[:-1])[index[-1]] = True
    if not isinstance(value, Tensor):
        value = Tensor(xp.asarray(value, x.dtype))
    value = expand(value, take(mask, index).shape)
    placed = PutItem.apply(value, shape=x.shape, index=index)
    write_(x, where(Tensor(mask), placed, x.clone()))


def zero_(x: Tensor) -> Tensor:
    """Sets all elements to 0."""
    return fill_(x, 0)


def fill_(x: Tensor, value: Any) -> Tensor:
    """Sets all elements to ``value``."""
    constant = value.item() if isinstance(value, Tensor) else value
    xp = xp_of(x.array)
    # filled on the device, as a copy to it could not be captured in a CUDA graph
    return write_(x, Tensor(xp.broadcast_to(xp.full((), constant, x.dtype), x.shape)))


def copy_(x: Tensor, source: Tensor) -> Tensor:
    """Copies ``source`` to x, with broadcasting, and converted to its dtype and device."""
    source = to(to(source, x.device), x.dtype)
    return write_(x, source if source.shape == x.shape else expand(source, x.shape))
