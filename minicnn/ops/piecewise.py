"""Activation functions made of straight pieces: their slope changes at fixed points only."""

from __future__ import annotations

from typing import Any

from .. import kernels
from ..autograd import Function
from ..devices import xp_of
from ..dtypes import is_floating, number_in
from ..tensor import Tensor
from ..typing import Array
from .choice import where
from .comparison import ge, gt, le, lt
from .elementwise import add, div, mul
from .in_place import change
from .promotion import refuse_bool, refuse_integers, widen, widened


class Hardtanh(Function):
    """x limited to [low, high]; at the limits, unlike those of a clamp, the slope is 0."""

    def forward(self, x: Array, *, low: float, high: float, inplace: bool = False) -> Array:
        self.limits = low, high
        out = kernels.of(x).hardtanh(x, low, high)
        self.save_for_backward(out if inplace else x)  # both are between the limits, or neither is
        return out

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.saved_tensors
        low, high = self.limits
        return HardtanhBackward.apply(grad, x.detach(), low=low, high=high)


class HardtanhBackward(Function):
    """grad where x is between the limits, else 0. As a step function of x it has no gradient for it."""

    def forward(self, grad: Array, x: Any, *, low: float, high: float) -> Array:
        self.limits = low, high
        self.save_for_backward(x)
        return kernels.of(grad).hardtanh_backward(grad, x, low, high)

    def backward(self, grad: Tensor) -> tuple[Tensor, None]:
        (x,) = self.saved_tensors
        low, high = self.limits
        return HardtanhBackward.apply(grad, x, low=low, high=high), None


def hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """``input`` limited to [min_val, max_val].

    Args:
        input: any shape, numbers.
        min_val, max_val: the limits, where the gradient is 0.
        inplace: overwrite ``input``, and return it.

    Raises:
        ValueError: for ``min_val`` above ``max_val``.
        RuntimeError: for bool, or a negative limit of uint8.

    As ``torch.nn.functional.hardtanh``.
    """
    if min_val > max_val:
        raise ValueError(f"hardtanh: min_val must not be above max_val, got {min_val}, {max_val}")
    return _limited("hardtanh", input, min_val, max_val, inplace)


def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """In place: :func:`hardtanh`."""
    return hardtanh(input, min_val, max_val, inplace=True)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """``input`` limited to [0, 6], as ``torch.nn.functional.relu6``; arguments as for hardtanh."""
    return _limited("relu6", input, 0, 6, inplace)


def _limited(name: str, x: Tensor, low: float, high: float, inplace: bool) -> Tensor:
    refuse_bool(name, x)
    if x.array.dtype.kind == "u" and low < 0:
        raise RuntimeError(f"{name} of {x.array.dtype} expects limits of at least 0, got {low}")
    if not is_floating(x.array.dtype):
        low, high = number_in(x.array.dtype, low), number_in(x.array.dtype, high)
    if inplace:
        return change(x, Hardtanh.apply, low=low, high=high, inplace=True)
    return Hardtanh.apply(x, low=low, high=high)


class Hardsigmoid(Function):
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        return (xp_of(x).clip(widened(x) + 3, 0, 6) / 6).astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> Tensor:
        grad, x = widen(grad, *self.saved_tensors)
        return where(gt(x, -3) & lt(x, 3), div(grad, 6.0), 0.0)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """min(max(input + 3, 0), 6) / 6.

    Args:
        input: any shape, floating point.
        inplace: overwrite ``input``, and return it.

    As ``torch.nn.functional.hardsigmoid`` (Howard et al., 2019).
    """
    refuse_integers("hardsigmoid", input)
    return _apply(Hardsigmoid, input, inplace)


class Hardswish(Function):
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        wide = widened(x)
        return (wide * (xp_of(x).clip(wide + 3, 0, 6) / 6)).astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> Tensor:
        return hardswish_gradient(grad, *self.saved_tensors)


def hardswish_gradient(grad: Tensor, x: Tensor) -> Tensor:
    """The gradient of x in hardswish(x)."""
    grad, x = widen(grad, x)
    sloped = where(lt(x, 3), mul(grad, add(div(x, 3.0), 0.5)), grad)
    return where(le(x, -3), 0.0, sloped)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """input * min(max(input + 3, 0), 6) / 6.

    Args:
        input: any shape.
        inplace: overwrite ``input``, and return it.

    As ``torch.nn.functional.hardswish`` (Howard et al., 2019).
    """
    refuse_integers("hardswish", input)
    return _apply(Hardswish, input, inplace)


class Hardshrink(Function):
    def forward(self, x: Array, *, lambd: float) -> Array:
        self.save_for_backward(x)
        self.lambd = lambd
        return xp_of(x).where((x >= -lambd) & (x <= lambd), 0, x).astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.saved_tensors
        return where(ge(x, -self.lambd) & le(x, self.lambd), 0.0, grad)


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """0 where ``input`` is between -lambd and lambd, else ``input``.

    As ``torch.nn.functional.hardshrink``.
    """
    refuse_integers("hardshrink", input)
    return Hardshrink.apply(input, lambd=float(lambd))


class Softshrink(Function):
    def forward(self, x: Array, *, lambd: float) -> Array:
        self.save_for_backward(x)
        self.lambd = lambd
        wide = widened(x)
        out = wide - xp_of(x).clip(wide, -lambd, lambd)  # NaN stays
        return out.astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.saved_tensors
        return where(ge(x, -self.lambd) & le(x, self.lambd), 0.0, grad)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """``input`` moved by ``lambd`` towards 0, and 0 between -lambd and lambd.

    Raises:
        RuntimeError: for a negative ``lambd``, or an integer tensor.

    As ``torch.nn.functional.softshrink``.
    """
    refuse_integers("softshrink", input)
    if not number_in(input.array.dtype, lambd) >= 0:
        raise RuntimeError(f"softshrink: lambd must be at least 0, got {lambd}")
    return Softshrink.apply(input, lambd=float(lambd))


class Threshold(Function):
    def forward(self, x: Array, *, threshold: float, value: float) -> Array:
        self.threshold = threshold
        self.save_for_backward(x)
        return xp_of(x).where(x <= threshold, value, x).astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.saved_tensors
        return where(le(x, self.threshold), 0.0, grad)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """``input`` where it is above ``threshold``, else ``value``.

    Args:
        input: any shape, numbers.
        threshold: what ``input`` is compared with.
        value: the number to put in its place.
        inplace: overwrite ``input``, and return it.

    Raises:
        RuntimeError: for a bool tensor.

    As ``torch.nn.functional.threshold``.
    """
    refuse_bool("threshold", input)
    if not is_floating(input.array.dtype):
        threshold, value = (
            number_in(input.array.dtype, threshold),
            number_in(input.array.dtype, value),
        )
    return _apply(Threshold, input, inplace, threshold=threshold, value=value)


def threshold_(input: Tensor, threshold: float, value: float) -> Tensor:
    """In place: :func:`threshold`."""
    return _threshold(input, threshold, value, inplace=True)


_threshold = threshold  # whose name is also that of an argument


def _apply(operation: type[Function], x: Tensor, inplace: bool, **options: Any) -> Tensor:
    if inplace:
        return change(x, operation.apply, **options)
    return operation.apply(x, **options)
