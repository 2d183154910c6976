"""Leaky activation functions: negative values are multiplied by a small factor."""

from __future__ import annotations

import operator

import numpy as np

from ..autograd import Function, is_grad_enabled
from ..devices import Device, to_device, xp_of
from ..dtypes import float64
from ..random import default_generator
from ..tensor import Tensor
from ..typing import Array
from .choice import where
from .comparison import gt, le
from .edge import in_half
from .elementwise import mul
from .in_place import change
from .promotion import computed, refuse_integers, widen
from .shape import reshape


class LeakyReLU(Function):
    def forward(self, x: Array, *, negative_slope: float, inplace: bool = False) -> Array:
        self.negative_slope = negative_slope
        scaled = computed(operator.mul, x, negative_slope)
        out = xp_of(x).where(x > 0, x, scaled).astype(x.dtype, copy=False)
        self.save_for_backward(out if inplace else x)  # both have the same signs
        return out

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.saved_tensors
        return where(gt(x, 0), grad, mul(grad, self.negative_slope))


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """``input`` where it is positive, else ``negative_slope`` * input.

    Args:
        input: any shape.
        negative_slope: factor of negative values.
        inplace: overwrite ``input``, and return it.

    As ``torch.nn.functional.leaky_relu``.
    """
    refuse_integers("leaky_relu", input)
    if not inplace:
        return LeakyReLU.apply(input, negative_slope=negative_slope)
    check_sign("leaky_relu", "negative_slope", negative_slope, input)
    return change(input, LeakyReLU.apply, negative_slope=negative_slope, inplace=True)


def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """In place: :func:`leaky_relu`."""
    return leaky_relu(input, negative_slope, inplace=True)


def check_sign(name: str, option: str, value: float, x: Tensor) -> None:
    """Checks that the sign of x can be told from the result, which is all that backward will have.

    Raises:
        RuntimeError: if it cannot, and x requires a gradient.
    """
    if value < 0 and is_grad_enabled() and x.requires_grad:
        raise RuntimeError(f"{name} in place expects {option} to be at least 0, got {value}")


class PReLU(Function):
    """x, and a weight that broadcasts to its shape -> x where x > 0, else weight * x."""

    def forward(self, x: Array, weight: Array) -> Array:
        self.save_for_backward(x, weight)
        scaled = computed(operator.mul, x, weight)
        return xp_of(x).where(x > 0, x, scaled).astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        grad, x, weight = widen(grad, *self.saved_tensors)
        needs_x, needs_weight = self.needs_input_grad
        positive = gt(x, 0)
        return (
            where(positive, grad, mul(grad, weight)) if needs_x else None,
            where(positive, 0.0, mul(grad, x)) if needs_weight else None,
        )


@in_half
def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """``input`` where it is positive, else ``weight`` * input, with a weight that is learnt.

    Args:
        input: (N, C, ...), or any shape for a single weight.
        weight: (C,), (1,) or ().

    Raises:
        RuntimeError: for a weight of another shape or dtype.

    As ``torch.nn.functional.prelu`` (He et al., 2015).
    """
    refuse_integers("prelu", input)
    if input.dtype != weight.dtype:
        raise RuntimeError(
            f"prelu expects input and weight of one dtype, got {input.array.dtype} and {weight.array.dtype}"
        )
    C = input.shape[1] if input.ndim > 1 else 1
    if weight.ndim > 1 or weight.array.size not in (1, C):
        raise RuntimeError(
            f"prelu expects 1 or {C} weights for input of shape {tuple(input.shape)}, got a weight "
            f"of shape {tuple(weight.shape)}"
        )
    channels = (-1, *(1 for _ in input.shape[2:])) if input.ndim else ()
    return PReLU.apply(input, reshape(weight, channels))


def rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """Leaky ReLU with a slope drawn from U(lower, upper) for each negative value.

    Args:
        input: any shape, floating point.
        lower, upper: limits of the slope.
        training: when false, the slope is their mean.
        inplace: overwrite ``input``, and return it.

    Raises:
        RuntimeError: for ``lower`` above ``upper``, or limits that are not finite.

    As ``torch.nn.functional.rrelu`` (Xu et al., 2015).
    """
    if not np.isfinite([lower, upper]).all() or lower > upper:
        raise RuntimeError(f"rrelu expects finite limits in order, got {lower} and {upper}")
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)
    refuse_integers("rrelu", input)
    slopes = _random_slopes(input, lower, upper)
    return change(input, _scaled, slopes) if inplace else _scaled(input, slopes)


def _scaled(x: Tensor, slopes: Tensor) -> Tensor:
    """x times slopes, which are float32 for half precision, too."""
    return mul(*widen(x, slopes)).to(x.dtype)


def rrelu_(
    input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False
) -> Tensor:
    """In place: :func:`rrelu`."""
    return rrelu(input, lower, upper, training, inplace=True)


def _random_slopes(x: Tensor, lower: float, upper: float) -> Tensor:
    """A number from U(lower, upper) where x <= 0, in the order of the elements, and 1 elsewhere."""
    negative = to_device(le(x, 0).array, Device("cpu"))
    dtype = np.float64 if x.dtype == float64 else np.float32
    slopes = np.ones(x.shape, dtype)
    uniform = default_generator.random(int(np.count_nonzero(negative)), np.float64)
    # torch rounds the limits, and then what is drawn between them
    low, high = np.asarray([lower, upper], dtype).astype(np.float64)
    slopes[negative] = uniform * (high - low) + low
    return Tensor.of(to_device(slopes, x.device))
