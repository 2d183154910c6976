"""Integers: shifts of their bits, common divisors and multiples."""

from __future__ import annotations

from typing import Any

from ..autograd import Function
from ..devices import xp_of
from ..dtypes import bool_, is_floating
from ..tensor import Tensor
from ..typing import Array
from .promotion import Operand, as_arrays, promote, require_tensor, require_tensors


class _Shift(Function):
    """x with its bits shifted; by too many or a negative number, all of them are lost."""

    def forward(self, x: Any, y: Any, left: bool) -> Array:
        xp, x, y = as_arrays(x, y)
        bits = 8 * x.dtype.itemsize
        outside = (y < 0) | (y >= bits)
        count = xp.where(outside, 0 if left else bits - 1, y).astype(x.dtype)
        if left:
            return xp.where(outside, 0, x << count).astype(x.dtype)
        return xp.where(outside & (x >= 0), 0, x >> count).astype(x.dtype)


class _Common(Function):
    """The greatest common divisor or least common multiple, by its name in NumPy."""

    def forward(self, x: Array, y: Array, name: str) -> Array:
        return getattr(xp_of(x), name)(x, y)


def _shift(name: str, x: Operand, y: Operand, left: bool) -> Tensor:
    require_tensor(name, x, y)
    x, y = promote(name, x, y)
    dtype = x.array.dtype if isinstance(x, Tensor) else y.array.dtype  # type: ignore[union-attr]
    _check_integers(name, dtype)
    return _Shift.apply(x, y, left=left)


def _check_integers(name: str, dtype: Any) -> None:
    if is_floating(dtype) or dtype == bool_:
        raise NotImplementedError(f"{name} expects integers, got {dtype}")


def bitwise_left_shift(input: Operand, other: Operand) -> Tensor:
    """The bits of ``input`` moved up by ``other`` places: input * 2^other."""
    return _shift("bitwise_left_shift", input, other, True)


def bitwise_right_shift(input: Operand, other: Operand) -> Tensor:
    """The bits of ``input`` moved down by ``other`` places: input / 2^other, rounded down."""
    return _shift("bitwise_right_shift", input, other, False)


def rbitwise_left_shift(x: Operand, y: Operand) -> Tensor:
    """y << x."""
    return bitwise_left_shift(y, x)


def rbitwise_right_shift(x: Operand, y: Operand) -> Tensor:
    """y >> x."""
    return bitwise_right_shift(y, x)


def gcd(input: Tensor, other: Tensor) -> Tensor:
    """The greatest common divisor."""
    return _common("gcd", input, other)


def lcm(input: Tensor, other: Tensor) -> Tensor:
    """The least common multiple."""
    return _common("lcm", input, other)


def _common(name: str, x: Tensor, y: Tensor) -> Tensor:
    require_tensors(name, x, y)
    x, y = promote(name, x, y)
    _check_integers(name, x.array.dtype)
    return _Common.apply(x, y, name=name)
