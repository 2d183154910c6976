"""Tensors that are filled: with one value, with nothing, the identity, regularly spaced numbers."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ..devices import current_device_of, xp_of
from ..dtypes import HALVES, bool_, default_float, float32, float64, int64, is_floating, number_in
from ..memory_format import MemoryFormat, preserve_format
from ..no_tensor import takes_tensors
from ..tensor import Tensor
from ..typing import Array, DeviceLike, DTypeLike
from .arguments import (
    device_or_default,
    number_of,
    require_integers,
    shape_of,
    shape_of_tuple,
    with_options,
)


@with_options
def full(
    size: Any,
    fill_value: Any,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of shape ``size`` with every element ``fill_value``.

    Raises:
        RuntimeError: for a number that ``dtype`` cannot hold.
    """
    shape, value = shape_of_tuple("full", size), number_of(fill_value)
    if dtype is None:
        dtype = (
            bool_
            if isinstance(value, bool)
            else int64
            if isinstance(value, int)
            else default_float()
        )
    dtype = np.dtype(dtype)
    return Tensor.of(
        device_or_default(device).xp.full(shape, number_in(dtype, value), dtype), requires_grad
    )


@with_options
def zeros(
    *sizes: Any,
    size: Any = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of zeros: ``zeros(2, 3)`` or ``zeros((2, 3))``."""
    shape = shape_of("zeros", sizes, size)
    return Tensor.of(
        device_or_default(device).xp.zeros(shape, dtype or default_float()), requires_grad
    )


@with_options
def ones(
    *sizes: Any,
    size: Any = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of ones."""
    shape = shape_of("ones", sizes, size)
    return Tensor.of(
        device_or_default(device).xp.ones(shape, dtype or default_float()), requires_grad
    )


@with_options
def empty(
    *sizes: Any,
    size: Any = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of uninitialised memory."""
    shape = shape_of("empty", sizes, size)
    return Tensor.of(
        device_or_default(device).xp.empty(shape, dtype or default_float()), requires_grad
    )


@takes_tensors
def empty_like(
    input: Tensor,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
    memory_format: MemoryFormat | str = preserve_format,
) -> Tensor:
    """Uninitialised memory with the shape, layout, dtype and device of ``input`` by default."""
    return _placed_like(
        xp_of(input.array).empty_like(input.array, dtype=dtype),
        device,
        requires_grad,
        memory_format,
    )


@takes_tensors
def zeros_like(
    input: Tensor,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
    memory_format: MemoryFormat | str = preserve_format,
) -> Tensor:
    """Zeros in the shape and layout of ``input``, by default its dtype and device."""
    return _placed_like(
        xp_of(input.array).zeros_like(input.array, dtype=dtype),
        device,
        requires_grad,
        memory_format,
    )


@takes_tensors
def ones_like(
    input: Tensor,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
    memory_format: MemoryFormat | str = preserve_format,
) -> Tensor:
    """Ones in the shape and layout of ``input``, by default its dtype and device."""
    return _placed_like(
        xp_of(input.array).ones_like(input.array, dtype=dtype), device, requires_grad, memory_format
    )


@takes_tensors
def full_like(
    input: Tensor,
    fill_value: Any,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
    memory_format: MemoryFormat | str = preserve_format,
) -> Tensor:
    """``fill_value`` in the shape and layout of ``input``, by default its dtype and device.

    Raises:
        RuntimeError: for a number that the dtype cannot hold.
    """
    dtype = input.array.dtype if dtype is None else np.dtype(dtype)
    value = number_in(dtype, number_of(fill_value))
    array = xp_of(input.array).full_like(input.array, value, dtype=dtype)
    return _placed_like(array, device, requires_grad, memory_format)


def _placed_like(
    array: Array,
    device: DeviceLike | None,
    requires_grad: bool,
    memory_format: MemoryFormat | str,
) -> Tensor:
    """A new array as a tensor on ``device``, in the layout of ``memory_format``."""
    out = Tensor.of(array)
    if device is not None or memory_format is not preserve_format:
        out = out.to(device=device, memory_format=memory_format)
    return out.requires_grad_(requires_grad)


@with_options
def eye(
    n: int,
    m: int | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """The identity matrix of ``n`` rows and ``m`` (or ``n``) columns."""
    rows, columns = shape_of("eye", (n, n if m is None else m))
    return Tensor.of(
        device_or_default(device).xp.eye(rows, columns, dtype=dtype or default_float()),
        requires_grad,
    )


@with_options
def arange(
    start: Any = None,
    end: Any = None,
    step: Any = 1,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """The numbers from ``start`` (0 if only one is given) up to but not including ``end``.

    For int64, all three are truncated to integers first.

    Raises:
        RuntimeError: for bounds that are not finite, a step of 0 or one that leads away from
            ``end``.

    As ``torch.arange``.
    """
    start, end = (0, start) if end is None else (0 if start is None else start, end)
    start, end, step = map(number_of, (start, end, step))
    if dtype is None:
        dtype = int64 if all(isinstance(v, int) for v in (start, end, step)) else default_float()
    dtype = np.dtype(dtype)
    if dtype == bool_:
        raise NotImplementedError("arange expects a dtype of numbers, got bool")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"arange expects finite bounds, got {start} and {end}")
    if dtype == int64:
        start, end, step = (number_in(int64, v) for v in (start, end, step))
    if not (step > 0 or step < 0):
        raise RuntimeError(f"arange expects a step other than 0, got {step}")
    if (end - start) * step < 0:
        raise RuntimeError(f"arange from {start} does not lead to {end} in steps of {step}")
    count = -((start - end) // step) if dtype == int64 else math.ceil((end - start) / step)
    xp = device_or_default(device).xp
    index = xp.arange(count, dtype=float64 if is_floating(dtype) else int64)
    if not is_floating(dtype):
        start, step = number_in(int64, start), number_in(int64, step)
    with current_device_of((index,)), np.errstate(over="ignore"):  # inf, as in torch
        return Tensor.of((start + step * index).astype(dtype, copy=False), requires_grad)


@with_options
def linspace(
    start: Any,
    end: Any,
    steps: int,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """``steps`` numbers evenly spaced from ``start`` to ``end``, both included.

    The second half is counted from the end, so that both ends are exact. Integers are truncated.

    Raises:
        RuntimeError: for a negative number of steps, or tensors with dimensions as ends.

    As ``torch.linspace``.
    """
    for bound in (start, end):
        if isinstance(bound, Tensor) and bound.ndim > 0:
            raise RuntimeError(f"linspace expects numbers as ends, got shape {tuple(bound.shape)}")
    start, end = (number_of(v.detach() if isinstance(v, Tensor) else v) for v in (start, end))
    require_integers("linspace", (steps,))
    steps, dtype = operator.index(steps), np.dtype(dtype or default_float())
    if steps < 0:
        raise RuntimeError(f"linspace expects at least 0 steps, got {steps}")
    if dtype == bool_ and steps > 1:
        raise NotImplementedError("linspace expects a dtype of numbers, got bool")
    start, end = number_in(dtype, start), number_in(dtype, end)
    inside = float32 if dtype in HALVES else dtype if is_floating(dtype) else float64
    xp = device_or_default(device).xp
    # float32 in float64: multiplied and added with one rounding, as processors do it
    index = xp.arange(steps, dtype=float64 if dtype == float32 else inside)
    with current_device_of((index,)), np.errstate(over="ignore", invalid="ignore"):
        first, last = (np.asarray(v, inside) for v in (start, end))
        step = (last - first) / max(steps - 1, 1)
        first, last, step = first.item(), last.item(), step.item()
        from_start, from_end = first + step * index, last - step * (steps - 1 - index)
        numbers = xp.where((index < steps // 2) | (steps == 1), from_start, from_end)
        return Tensor.of(numbers.astype(dtype, copy=False), requires_grad)
