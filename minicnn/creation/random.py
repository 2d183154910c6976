"""Tensors of random numbers: rand, randn, randint, randperm, and those like another."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .. import draws
from ..devices import current_device_of, xp_of
from ..dtypes import default_float, int64, is_floating, number_in
from ..memory_format import MemoryFormat, preserve_format
from ..no_tensor import takes_tensors
from ..random import Generator, default_generator
from ..tensor import Tensor
from ..typing import Array, DeviceLike, DTypeLike
from .arguments import placed, require_integers, shape_of, shape_of_tuple, with_options
from .filled import empty_like


def _drawn(
    shape: tuple[int, ...],
    dtype: DTypeLike | None,
    device: DeviceLike | None,
    requires_grad: bool,
    draw: Callable[[Array], None],
) -> Tensor:
    """A tensor of numbers that ``draw`` fills in, on the CPU: a seed gives the same on every device."""
    array = np.empty(shape, default_float() if dtype is None else dtype)
    draw(array)
    return Tensor.of(placed(array, device), requires_grad)


def _drawn_like(
    input: Tensor,
    dtype: DTypeLike | None,
    device: DeviceLike | None,
    requires_grad: bool,
    memory_format: MemoryFormat | str,
    draw: Callable[[Array], None],
) -> Tensor:
    """The same in the shape and layout of ``input``, by default its dtype and device."""
    like = empty_like(input, dtype, device, memory_format=memory_format)
    with current_device_of((like.array,)):
        draw(like.array)
    return like.requires_grad_(requires_grad)


def _check_floating(name: str, dtype: DTypeLike | None) -> None:
    if dtype is not None and not is_floating(np.dtype(dtype)):
        raise NotImplementedError(f"{name} draws floating-point numbers, got dtype {dtype}")


@with_options
def rand(
    *sizes: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers uniform in [0, 1)."""
    _check_floating("rand", dtype)
    draw = partial(draws.uniform, low=0, high=1, generator=generator or default_generator)
    return _drawn(shape_of("rand", sizes, size), dtype, device, requires_grad, draw)


@with_options
def randn(
    *sizes: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers from N(0, 1)."""
    _check_floating("randn", dtype)
    draw = partial(draws.normal, mean=0, std=1, generator=generator or default_generator)
    return _drawn(shape_of("randn", sizes, size), dtype, device, requires_grad, draw)


@with_options
def randint(
    low: int = 0,
    high: Any = None,
    size: Any = None,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Integers uniform in [low, high): ``randint(low, high, size)`` or ``randint(high, size)``.

    Raises:
        RuntimeError: unless low < high, and both fit the dtype.
    """
    if isinstance(high, (tuple, list)):
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    dtype = np.dtype(dtype or int64)
    draw = _integers_between("randint", low, high, dtype, generator)
    return _drawn(shape_of_tuple("randint", size), dtype, device, requires_grad, draw)


def _integers_between(
    name: str, low: Any, high: Any, dtype: np.dtype, generator: Generator | None
) -> Callable[[Array], None]:
    """What fills an array of ``dtype`` with integers in [low, high), after a check of both."""
    require_integers(name, (low, high))
    low, high = operator.index(low), operator.index(high)
    draws.check_range(name, low, high, dtype)
    return partial(draws.integers, low=low, high=high, generator=generator or default_generator)


@with_options
def randperm(
    n: int,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """The numbers 0 … n - 1 in random order."""
    (n,), dtype = shape_of("randperm", (n,)), np.dtype(dtype or int64)
    number_in(dtype, n)

    def draw(array: Array) -> None:
        order = (generator or default_generator).permutation(n)
        array[...] = xp_of(array).asarray(order)

    return _drawn((n,), dtype, device, requires_grad, draw)


@takes_tensors
@with_options
def rand_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
    memory_format: MemoryFormat | str = preserve_format,
) -> Tensor:
    """Numbers uniform in [0, 1), in the shape of ``input``, by default its dtype and device."""
    _check_floating("rand_like", dtype or input.array.dtype)
    draw = partial(draws.uniform, low=0, high=1, generator=generator or default_generator)
    return _drawn_like(input, dtype, device, requires_grad, memory_format, draw)


@takes_tensors
@with_options
def randn_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
    memory_format: MemoryFormat | str = preserve_format,
) -> Tensor:
    """Numbers from N(0, 1), in the shape of ``input``, by default its dtype and device."""
    _check_floating("randn_like", dtype or input.array.dtype)
    draw = partial(draws.normal, mean=0, std=1, generator=generator or default_generator)
    return _drawn_like(input, dtype, device, requires_grad, memory_format, draw)


@takes_tensors
@with_options
def randint_like(
    input: Tensor,
    low: int = 0,
    high: int | None = None,
    *,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
    memory_format: MemoryFormat | str = preserve_format,
) -> Tensor:
    """Integers uniform in [low, high), or [0, low) if only one is given, in the shape of ``input``.

    Raises:
        RuntimeError: unless low < high, and both fit the dtype.
    """
    low, high = (0, low) if high is None else (low, high)
    draw = _integers_between(
        "randint_like", low, high, np.dtype(dtype or input.array.dtype), generator
    )
    return _drawn_like(input, dtype, device, requires_grad, memory_format, draw)
