"""What functions that make tensors are given: shapes, numbers, devices, and torch's other options."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..devices import CPU, Device, get_default_device, to_device
from ..dtypes import as_number
from ..memory_format import Layout, strided
from ..tensor import Tensor
from ..typing import Array, DeviceLike


def device_or_default(device: DeviceLike | None) -> Device:
    return get_default_device() if device is None else Device(device)


def placed(array: Array, device: DeviceLike | None) -> Array:
    """An array on ``device``, by default the default device; arrays on a GPU then stay there."""
    on_cpu = isinstance(array, np.ndarray)
    if device is None and (not on_cpu or get_default_device() is CPU):
        return array
    return to_device(array, device_or_default(device))


def with_options(make: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Decorates a function that makes a tensor: it takes torch's other options as well.

    ``out`` is a tensor to write to instead. ``layout`` and ``pin_memory`` change nothing: all
    tensors are strided, and :meth:`Tensor.pin_memory` returns a copy in pinned memory.
    """

    @functools.wraps(make)
    def made(
        *args: Any,
        out: Tensor | None = None,
        layout: Layout = strided,
        pin_memory: bool = False,
        **options: Any,
    ) -> Tensor:
        if out is None:
            return make(*args, **options)
        options.setdefault("dtype", out.array.dtype)
        options.setdefault("device", out.device)
        return written(make(*args, **options), out)

    return made


def written(result: Tensor, out: Tensor) -> Tensor:
    """``out`` with the numbers and the shape of a result."""
    if out.array.shape == result.array.shape:
        out.array[...] = result.array
    else:
        out.array = result.array.astype(out.array.dtype, copy=False)
    out.bump_version()
    return out


def integers(name: str, given: tuple[Any, ...], keyword: Any = None) -> tuple[int, ...]:
    """The integers of ``f(2, 3)``, ``f((2, 3))`` or ``f(keyword=(2, 3))``.

    Raises:
        TypeError: if none are given.
    """
    if keyword is not None:
        given = (*given, keyword)
    if not given:
        raise TypeError(f"{name} expects integers, one by one or in a tuple, got none")
    return tuple(given[0]) if len(given) == 1 and isinstance(given[0], (tuple, list)) else given


def require_integers(name: str, given: Iterable[Any]) -> None:
    """Raises a TypeError for the first that is no integer."""
    for n in given:
        if not hasattr(n, "__index__"):
            raise TypeError(f"{name} expects integers, got {n!r}")


def shape_of(name: str, given: tuple[Any, ...], size: Any = None) -> tuple[int, ...]:
    """The shape of a new tensor, from its ``size`` in one of torch's forms.

    Raises:
        RuntimeError: for a negative length.
        TypeError: for something other than integers.
    """
    given = integers(name, given, size)
    try:
        shape = tuple(map(operator.index, given))
    except TypeError:
        require_integers(name, given)
        raise
    if shape and min(shape) < 0:
        raise RuntimeError(f"{name} expects lengths of at least 0, got {shape}")
    return shape


def shape_of_tuple(name: str, size: Any) -> tuple[int, ...]:
    """The shape of a function that takes its ``size`` only as a tuple or list."""
    if not isinstance(size, (tuple, list)):
        raise TypeError(f"{name} expects a tuple of integers as its size, got {size!r}")
    return shape_of(name, (size,))


def number_of(value: Any) -> float:
    """A Python number, from a number or a tensor of one.

    Raises:
        TypeError: for something else, or a tensor that requires a gradient.
    """
    if isinstance(value, Tensor) and value.ndim == 0 and not value.requires_grad:
        return value.item()
    return as_number(value)
