"""Assignments in place: numbers and tensors written to a tensor, and changes of its shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd import Function, check_writable, is_grad_enabled
from ..devices import current_device_of, xp_of
from ..dtypes import HALVES, as_number, number_in
from ..tensor import Tensor
from ..typing import Array
from .in_place import Copy, as_method, change, check_changeable, check_no_overlap
from .index import GetItem, array_index, getitem, is_basic, take
from .shape import expand
from .transfer import to


class IndexPut(Function):
    """x (...) and values that broadcast to x[index] -> x with the values written at the index."""

    def forward(self, x: Array, values: Array, *, index: tuple[tuple[Any, ...], ...]) -> Array:
        self.index = index
        put(x, index, values)
        return x[...]

    def backward(self, grad: Tensor) -> tuple[Tensor, Tensor]:
        return IndexZero.apply(grad, index=self.index), GetItem.apply(grad, index=self.index)


class IndexZero(Function):
    """x with 0 at an index; linear, and its own adjoint."""

    def forward(self, x: Array, *, index: tuple[tuple[Any, ...], ...]) -> Array:
        self.index = index
        out = x.copy()
        put(out, index, 0)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        return IndexZero.apply(grad, index=self.index)


def put(array: Array, index: tuple[tuple[Any, ...], ...], values: Any) -> None:
    """Writes values to an array at an index of the form that ``array_index`` gives."""
    target = take(array, index[:-1])
    if getattr(values, "ndim", 0) and values.shape[0] == 1:
        values = values.reshape(_without_leading_ones(values.shape))
    try:
        if getattr(values, "dtype", array.dtype) == array.dtype:
            target[index[-1]] = values
        else:
            with np.errstate(over="ignore", invalid="ignore"):  # a cast may overflow, as in torch
                target[index[-1]] = values
    except ValueError:
        raise RuntimeError(
            f"x[index] has shape {target[index[-1]].shape} and cannot take a tensor of shape "
            f"{tuple(values.shape)}"
        ) from None


def setitem(x: Tensor, key: Any, value: Any) -> None:
    """``x[key] = value``, in place, for a tensor or a number.

    Raises:
        RuntimeError: for a value that does not broadcast to the shape of ``x[key]``, or of another
            dtype than x where the key has index tensors; as any operation in place.
        IndexError: for an index out of range or of a wrong type.
    """
    index = array_index(key, x)
    is_tensor = isinstance(value, Tensor)
    if is_tensor:
        _check_dtype(x, index[-1], value)
    value = to(value, device=x.device) if is_tensor else _to_set(x, value)
    if _is_tracked(x, value) or (is_tensor and _share_memory(x, value)):
        _set_tracked(x, key, index, value)
    else:
        if is_basic(index[-1]):
            check_writable(take(x.array, index))
        elif is_tensor:
            check_writable(x.array)
        _set_untracked(x, index, value.array if is_tensor else value)


def _check_dtype(x: Tensor, index: tuple[Any, ...], value: Tensor) -> None:
    """Raises a RuntimeError where torch converts no values: beside index tensors, but for a single
    value at a mask.
    """
    if value.dtype == x.dtype or is_basic(index):
        return
    is_mask = any(getattr(part, "dtype", None) == bool for part in index)
    if not (is_mask and value.array.size == 1):
        raise RuntimeError(
            f"x[index] of {x.array.dtype} expects values of that dtype, got {value.array.dtype}"
        )


def _set_untracked(x: Tensor, index: tuple[tuple[Any, ...], ...], values: Any) -> None:
    put(x.array, index, values)
    x.bump_version()


def _set_tracked(x: Tensor, key: Any, index: tuple[tuple[Any, ...], ...], value: Any) -> None:
    """The same with a history, or a value that may lie in the memory of x."""
    if not isinstance(value, Tensor):
        value = _on_device(x, value)
    elif value.shape and value.shape[0] == 1:
        value = value.reshape(_without_leading_ones(value.shape))
    if len(index) > 1 or not is_basic(index[0]):
        check_no_overlap(x, value, same_is_fine=False)
        change(x, IndexPut.apply, value, index=index)
        return
    target = getitem(x, key)
    if value.shape == _without_leading_ones(target.shape):
        value = value.reshape(target.shape)
    elif _share_memory(x, value):
        value = expand(value, target.shape)  # torch does so, and allows it
    copy_(target, value)


def _is_tracked(x: Tensor, value: Any) -> bool:
    """Whether a write of a number or a tensor to x is recorded."""
    if not is_grad_enabled():
        return False
    return x.requires_grad or (isinstance(value, Tensor) and value.requires_grad)


def _share_memory(x: Tensor, value: Tensor) -> bool:
    return bool(xp_of(x.array).may_share_memory(x.array, value.array))


def _without_leading_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    start = next((d for d, n in enumerate(shape) if n != 1), len(shape))
    return shape[start:]


def _to_set(x: Tensor, value: Any) -> float:
    """The number that ``x[key] = value`` writes.

    In half precision a number that is too large becomes infinite; elsewhere it is an error.
    """
    if x.dtype not in HALVES:
        return number_in(x.array.dtype, value)
    with np.errstate(over="ignore"):
        return float(x.dtype.type(as_number(value)))


def _on_device(x: Tensor, number: float) -> Tensor:
    """A number as a tensor of no dimensions, in the dtype of x and on its device."""
    # filled on the device, as a copy to it could not be captured in a CUDA graph
    return Tensor.of(xp_of(x.array).full((), number, x.dtype))


def zero_(x: Tensor) -> Tensor:
    """Sets all elements to 0."""
    return fill_(x, 0)


def fill_(x: Tensor, value: Any) -> Tensor:
    """Sets all elements to ``value``, a number or a tensor of no dimensions.

    Raises:
        RuntimeError: for a tensor with dimensions, and as any operation in place.
    """
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError(
                f"fill_ expects a tensor of no dimensions, got shape {tuple(value.shape)}"
            )
        return copy_(x, value.clone())  # it may be an element of x
    number = number_in(x.array.dtype, value)
    if _is_tracked(x, number):
        return copy_(x, _on_device(x, number))
    with current_device_of((x.array,)):
        x.array.fill(number)
    x.bump_version()
    return x


def copy_(x: Tensor, source: Any, non_blocking: bool = False) -> Tensor:
    """Copies ``source`` to x, with broadcasting, and converted to its dtype and device.

    Args:
        x: the tensor to overwrite.
        source: a tensor whose shape broadcasts to the shape of x, or a number.
        non_blocking: accepted for torch's scripts, but has no effect.

    Raises:
        RuntimeError: for a shape that does not broadcast, and as any operation in place.

    As ``torch.Tensor.copy_``.
    """
    if not isinstance(source, Tensor):
        return fill_(x, source)
    if source.device is not x.device:
        source = to(source, device=x.device)
    if source.array.shape != x.array.shape and not _broadcasts(source.array.shape, x.array.shape):
        raise RuntimeError(
            f"a tensor of shape {tuple(x.shape)} cannot take one of shape {tuple(source.shape)}"
        )
    if _is_tracked(x, source) or _share_memory(x, source):
        return change(x, Copy.apply, source)
    check_writable(x.array)
    with current_device_of((x.array,)):
        _set_untracked(x, ((...,),), source.array)
    return x


def _broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    lengths = zip(shape[::-1], to[::-1])
    return len(shape) <= len(to) and all(n in (1, length) for n, length in lengths)


def reshaped_in_place(operation: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Makes the method ``x.op_(…)`` of an operation that returns a view: x becomes that view."""
    return as_method(operation, _become_view)


def _become_view(x: Tensor, operation: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
    if is_grad_enabled() and x.requires_grad:
        check_changeable(x)
    result = operation(x, *args, **kwargs)
    x.bump_version()
    x.array = result.array
    if is_grad_enabled():
        x.adopt_history(result)
    if x.view_of is not None:
        x.view_of = result.view_of
    return x


def detach(input: Tensor) -> Tensor:
    """A tensor on the same memory without history."""
    return input.detach()


def detach_(x: Tensor) -> Tensor:
    """Makes x a leaf that requires no gradient.

    Raises:
        RuntimeError: for a view.
    """
    if x.view_of is not None:
        raise RuntimeError("a view cannot be detached in place: use x.detach()")
    return x.forget_history()
