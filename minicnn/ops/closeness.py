"""Comparisons of whole tensors, with tolerance, and further tests of numbers."""

from __future__ import annotations

import math
from typing import Any

from ..autograd import Function
from ..devices import xp_of
from ..dtypes import bool_, is_floating
from ..tensor import Tensor
from ..typing import Array
from .promotion import (
    Operand,
    as_arrays,
    promote,
    require_tensor,
    require_tensors,
    result_dtype,
    widened,
)


class _Infinite(Function):
    def forward(self, x: Array, limit: float) -> Array:
        return x == limit if is_floating(x.dtype) else xp_of(x).zeros_like(x, dtype=bool_)


class _IsClose(Function):
    def forward(self, x: Array, y: Array, rtol: float, atol: float, equal_nan: bool) -> Array:
        xp = xp_of(x)
        close = x == y
        if equal_nan:
            close = close | (xp.isnan(x) & xp.isnan(y))
        if rtol == 0 and atol == 0:
            return close
        if x.dtype.kind in "ui":
            x, y = x.astype("float64"), y.astype("float64")
        x, y = widened(x), widened(y)
        error = xp.abs(x - y)
        return close | (xp.isfinite(error) & (error <= atol + xp.abs(rtol * y)))


class _IsIn(Function):
    def forward(self, x: Any, y: Any, invert: bool) -> Array:
        xp, x, y = as_arrays(x, y)
        return xp.isin(x, y, invert=invert)


def equal(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape and the same numbers; NaN equals nothing.

    Raises:
        RuntimeError: for tensors on two devices.
    """
    require_tensors("equal", input, other)
    if input.device != other.device:
        raise RuntimeError(
            f"equal expects tensors on one device, got {input.device} and {other.device}"
        )
    if input.shape != other.shape:
        return False
    x, y = promote("equal", input.detach(), other.detach())
    return bool((x == y).all())


def isclose(
    input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """Whether |input - other| <= atol + rtol * |other|; equal infinities are close.

    Args:
        input, other: shapes that broadcast, of one dtype.
        rtol, atol: relative and absolute tolerance.
        equal_nan: whether NaN is close to NaN.

    Raises:
        RuntimeError: for two dtypes, or a negative tolerance.

    As ``torch.isclose``.
    """
    require_tensors("isclose", input, other)
    if input.array.dtype != other.array.dtype:
        raise RuntimeError(
            f"isclose expects tensors of one dtype, got {input.dtype} and {other.dtype}"
        )
    if rtol < 0 or atol < 0:
        raise RuntimeError(f"isclose expects tolerances of at least 0, got {rtol} and {atol}")
    if input.array.dtype == bool_ and (rtol or atol):
        input, other = input.float(), other.float()
    x, y = promote("isclose", input, other)
    return _IsClose.apply(x, y, rtol=rtol, atol=atol, equal_nan=equal_nan)


def allclose(
    input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> bool:
    """Whether all elements are close, as :func:`isclose` has it."""
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


def isposinf(input: Tensor) -> Tensor:
    """Whether an element is inf."""
    return _Infinite.apply(input, limit=math.inf)


def isneginf(input: Tensor) -> Tensor:
    """Whether an element is -inf."""
    return _Infinite.apply(input, limit=-math.inf)


def isreal(input: Tensor) -> Tensor:
    """Whether an element is a real number, as all are."""
    return Tensor.of(xp_of(input.array).ones_like(input.array, dtype=bool_))


def isin(
    elements: Operand,
    test_elements: Operand,
    *,
    assume_unique: bool = False,
    invert: bool = False,
) -> Tensor:
    """Whether each element is among the ``test_elements``; with ``invert``, whether it is not.

    Args:
        elements, test_elements: tensors of any shape; one of the two may be a number.
        assume_unique: accepted for torch's scripts, but has no effect.
        invert: turns the answers around.

    As ``torch.isin``.
    """
    require_tensor("isin", elements, test_elements)
    dtypes = [x.array.dtype for x in (elements, test_elements) if isinstance(x, Tensor)]
    if bool_ in dtypes:
        raise RuntimeError("isin expects numbers, got a bool tensor")
    flat = test_elements.reshape(-1) if isinstance(test_elements, Tensor) else test_elements
    if isinstance(elements, Tensor) and isinstance(flat, Tensor):
        dtype = result_dtype([elements, flat], [])
        elements, flat = elements.to(dtype), flat.to(dtype)
    else:
        elements, flat = promote("isin", elements, flat)
    return _IsIn.apply(elements, flat, invert=invert)
