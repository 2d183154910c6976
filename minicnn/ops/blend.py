"""Sums with weights: lerp, addcmul and addcdiv."""

from __future__ import annotations

from typing import Any

from ..autograd import Function
from ..devices import xp_of
from ..dtypes import is_floating
from ..tensor import Tensor
from ..typing import Array
from .elementwise import mul
from .promotion import Operand, as_factor, promote_all, refuse_integers, widen, widened


class Lerp(Function):
    """start + weight * (end - start), computed from the nearer of the two."""

    def forward(self, start: Array, end: Array, weight: Any) -> Array:
        need_weight = self.needs_input_grad[2]
        self.save_for_backward(start if need_weight else None, end if need_weight else None, weight)
        xp, low, high, w = xp_of(start), widened(start), widened(end), widened(weight)
        span = high - low
        near_start = xp.abs(xp.asarray(w)) < 0.5
        out = xp.where(near_start, low + w * span, high - span * (1 - w))
        return out.astype(start.dtype, copy=False)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        grad, start, end, weight = widen(grad, *self.saved_tensors)
        need_start, need_end, need_weight = self.needs_input_grad
        return (
            grad * (1 - weight) if need_start else None,
            grad * weight if need_end else None,
            grad * (end - start) if need_weight else None,
        )


class AddProduct(Function):
    """x + value * y * z, rounded once."""

    def forward(self, x: Array, y: Array, z: Array, value: float) -> Array:
        _, need_y, need_z = self.needs_input_grad
        self.save_for_backward(y if need_z else None, z if need_y else None)
        self.value = value
        out = widened(x) + value * widened(y) * widened(z)
        return out.astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        grad, y, z = widen(grad, *self.saved_tensors)
        _, need_y, need_z = self.needs_input_grad
        return (
            grad,
            grad * mul(z, self.value) if need_y else None,
            grad * mul(y, self.value) if need_z else None,
        )


class AddQuotient(Function):
    """x + value * y / z, rounded once."""

    def forward(self, x: Array, y: Array, z: Array, value: float) -> Array:
        self.save_for_backward(y, z)
        self.value = value
        out = widened(x) + value * widened(y) / widened(z)
        return out.astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        y, z = self.saved_tensors  # not widened: torch rounds each step
        _, need_y, need_z = self.needs_input_grad
        return (
            grad,
            grad * (self.value / z) if need_y else None,
            -grad * (mul(y, self.value) / (z * z)) if need_z else None,
        )


def lerp(input: Tensor, end: Tensor, weight: Operand) -> Tensor:
    """input + weight * (end - input).

    Args:
        input, end: shapes that broadcast, of one dtype.
        weight: a number, or a tensor of the same dtype.

    Raises:
        RuntimeError: for two dtypes.

    As ``torch.lerp``.
    """
    given = [input, end, *([weight] if isinstance(weight, Tensor) else [])]
    if len({x.array.dtype for x in given}) > 1:
        dtypes = ", ".join(str(x.array.dtype) for x in given)
        raise RuntimeError(f"lerp expects tensors of one dtype, got {dtypes}")
    refuse_integers("lerp", input)
    promote_all("lerp", *given)
    return Lerp.apply(input, end, weight if isinstance(weight, Tensor) else float(weight))


def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
    """input + value * tensor1 * tensor2."""
    x, y, z = promote_all("addcmul", input, tensor1, tensor2)
    value = _checked_value("addcmul", x, value)
    return AddProduct.apply(x, y, z, value=value)


def _checked_value(name: str, x: Tensor, value: float) -> float:
    value = as_factor(name, "value", value)
    if not is_floating(x.array.dtype) and isinstance(value, float):
        raise RuntimeError(f"{name} of {x.dtype} expects an integer value, got {value}")
    return value


def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
    """input + value * tensor1 / tensor2.

    Raises:
        RuntimeError: for two integers to divide.
    """
    if not (is_floating(tensor1.array.dtype) or is_floating(tensor2.array.dtype)):
        raise RuntimeError(
            f"addcdiv expects floating-point numbers, got {tensor1.dtype} and {tensor2.dtype}"
        )
    value = as_factor("addcdiv", "value", value)
    return AddQuotient.apply(*promote_all("addcdiv", input, tensor1, tensor2), value=value)
