"""Comparisons, logic and tests, element by element; the results are bool and have no gradient."""

from __future__ import annotations

from collections.abc import Callable

from ..autograd import Function
from ..devices import xp_of
from ..dtypes import is_floating
from ..no_tensor import refuse
from ..tensor import Tensor
from ..typing import Array
from .promotion import (
    Operand,
    promote,
    require_first,
    require_tensor,
    require_tensors,
    rounded,
)


class _Compare(Function):
    def forward(self, x: Array, y: Array | float, name: str) -> Array:
        x, y = rounded(x, y)
        return getattr(xp_of(x), name)(x, y)


def compare(x: Tensor, y: Operand, name: str) -> Tensor:
    """A comparison by its name in NumPy."""
    return _Compare.apply(*promote(name, x, y), name=name)


def _comparison(name: str, doc: str) -> Callable[[Tensor, Operand], Tensor]:
    def named(input: Tensor, other: Operand) -> Tensor:
        require_first(name, input)
        return compare(input, other, name)

    named.__name__, named.__doc__ = name, doc
    return named


eq = _comparison("equal", "input == other, element by element.")
ne = _comparison("not_equal", "input != other, element by element.")
lt = _comparison("less", "input < other, element by element.")
le = _comparison("less_equal", "input <= other, element by element.")
gt = _comparison("greater", "input > other, element by element.")
ge = _comparison("greater_equal", "input >= other, element by element.")
not_equal, less, less_equal, greater, greater_equal = ne, lt, le, gt, ge  # torch's longer names


def _logic(name: str, doc: str) -> Callable[[Tensor, Tensor], Tensor]:
    def named(input: Tensor, other: Tensor) -> Tensor:
        require_tensors(name, input, other)
        return compare(input, other, name)

    named.__name__, named.__doc__ = name, doc
    return named


logical_and = _logic("logical_and", "Whether both are true.")
logical_or = _logic("logical_or", "Whether one is true.")
logical_xor = _logic("logical_xor", "Whether exactly one is true.")


def _bitwise(name: str, doc: str) -> Callable[[Operand, Operand], Tensor]:
    def named(input: Operand, other: Operand) -> Tensor:
        require_tensor(name, input, other)
        if not isinstance(input, Tensor):
            input, other = other, input
        x, y = promote(name, input, other)
        _refuse_floats(name, x)
        return _Compare.apply(x, y, name=name)

    named.__name__, named.__doc__ = name, doc
    return named


def _refuse_floats(name: str, x: Tensor) -> None:
    if is_floating(x.array.dtype):
        raise RuntimeError(f"{name} expects integers or bool, got {x.array.dtype}")


bitwise_and = _bitwise(
    "bitwise_and", "input & other, bit by bit; for bool tensors, whether both are true."
)
bitwise_or = _bitwise(
    "bitwise_or", "input | other, bit by bit; for bool tensors, whether one is true."
)
bitwise_xor = _bitwise("bitwise_xor", "input ^ other, bit by bit.")


class _Test(Function):
    def forward(self, x: Array, name: str) -> Array:
        return getattr(xp_of(x), name)(x)


def _test(name: str, doc: str) -> Callable[[Tensor], Tensor]:
    def named(input: Tensor) -> Tensor:
        try:
            return _Test.apply(input, name=name)
        except AttributeError as error:
            refuse(name, error, (input,))
            raise

    named.__name__ = named.__qualname__ = name
    named.__doc__ = doc
    return named


isfinite = _test("isfinite", "Whether an element is neither infinite nor NaN.")
isinf = _test("isinf", "Whether an element is infinite.")
isnan = _test("isnan", "Whether an element is NaN.")
logical_not = _test("logical_not", "Whether an element is false or zero.")


def bitwise_not(input: Tensor) -> Tensor:
    """~input, bit by bit; for bool tensors, whether an element is false."""
    _refuse_floats("bitwise_not", input)
    return _Test.apply(input, name="invert")
