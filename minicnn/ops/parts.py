"""Signs, fractional parts and neighbours of numbers, and replacements for NaN."""

from __future__ import annotations

import math
from typing import Any

from ..autograd import Function
from ..creation import zeros_like
from ..devices import xp_of
from ..dtypes import LARGEST, is_floating
from ..tensor import Tensor
from ..typing import Array
from .choice import where
from .comparison import isfinite
from .elementwise import sign
from .promotion import (
    Operand,
    promote,
    refuse_bool,
    refuse_integers,
    require_first,
    require_tensors,
    to_float,
    widened,
)


class Frac(Function):
    def forward(self, x: Array) -> Array:
        return x - xp_of(x).trunc(x)

    def backward(self, grad: Tensor) -> Tensor:
        return grad


class Copysign(Function):
    def forward(self, x: Array, y: Any) -> Array:
        out = xp_of(x).copysign(x, y).astype(x.dtype, copy=False)
        self.save_for_backward(x, out)
        return out

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, out = self.saved_tensors
        need_x, need_y = self.needs_input_grad
        turned = where(x == 0, 0.0, grad * (out / x).detach()) if need_x else None
        return turned, zeros_like(grad) if need_y else None


class Nextafter(Function):
    def forward(self, x: Array, y: Array) -> Array:
        self.save_for_backward(x, y)
        return xp_of(x).nextafter(x, y)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, y = self.saved_tensors
        return where(x == y, 0.0, grad), zeros_like(grad)


class _Heaviside(Function):
    def forward(self, x: Array, values: Array) -> Array:
        return xp_of(x).where(x == 0, values, (x > 0).astype(x.dtype)).astype(x.dtype, copy=False)


class NanToNum(Function):
    def forward(self, x: Array, nan: float, posinf: float, neginf: float) -> Array:
        self.save_for_backward(x)
        xp = xp_of(x)
        out = xp.where(xp.isnan(x), x.dtype.type(nan), x)
        out = xp.where(x == math.inf, x.dtype.type(posinf), out)
        return xp.where(x == -math.inf, x.dtype.type(neginf), out).astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.saved_tensors
        return where(isfinite(x), grad, 0.0)


class _Signbit(Function):
    def forward(self, x: Array) -> Array:
        # ml_dtypes has it for bfloat16, CuPy has not
        return xp_of(x).signbit(widened(x)) if is_floating(x.dtype) else x < 0


def positive(input: Tensor) -> Tensor:
    """``input`` itself.

    Raises:
        RuntimeError: for bool.
    """
    refuse_bool("positive", input)
    return input


def frac(input: Tensor) -> Tensor:
    """The fractional part, with the sign of ``input``.

    Raises:
        NotImplementedError: for integers.
    """
    refuse_integers("frac", input)
    return Frac.apply(input)


def sgn(input: Tensor) -> Tensor:
    """-1, 0 or 1, as :func:`sign`, which it is for real numbers."""
    return sign(input)


def signbit(input: Tensor) -> Tensor:
    """Whether the sign is negative: also that of -0.0."""
    return _Signbit.apply(input)


def copysign(input: Tensor, other: Operand) -> Tensor:
    """|input| with the sign of ``other``."""
    require_first("copysign", input)
    x, y = promote("copysign", input, other)
    if isinstance(y, Tensor):
        return Copysign.apply(to_float(x), to_float(y))
    return Copysign.apply(to_float(x), float(y))


def nextafter(input: Tensor, other: Tensor) -> Tensor:
    """The next number of the dtype after ``input``, towards ``other``.

    Raises:
        NotImplementedError: for integers and float16.
    """
    require_tensors("nextafter", input, other)
    x, y = promote("nextafter", input, other)
    refuse_integers("nextafter", x)
    return Nextafter.apply(x, y)


def heaviside(input: Tensor, values: Tensor) -> Tensor:
    """0 where ``input`` is negative, 1 where it is positive, ``values`` where it is 0.

    Raises:
        RuntimeError: for two dtypes.
    """
    require_tensors("heaviside", input, values)
    if input.array.dtype != values.array.dtype:
        raise RuntimeError(
            f"heaviside expects tensors of one dtype, got {input.dtype} and {values.dtype}"
        )
    return _Heaviside.apply(*promote("heaviside", input, values))


def nan_to_num(
    input: Tensor,
    nan: float | None = None,
    posinf: float | None = None,
    neginf: float | None = None,
) -> Tensor:
    """``input`` with other numbers for NaN (0 by default), inf and -inf (the largest and smallest).

    As ``torch.nan_to_num``.
    """
    if not is_floating(input.array.dtype):
        return input.clone()
    largest = LARGEST[input.array.dtype]
    return NanToNum.apply(
        input,
        nan=0.0 if nan is None else nan,
        posinf=largest if posinf is None else posinf,
        neginf=-largest if neginf is None else neginf,
    )
