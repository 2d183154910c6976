"""Activation functions, softmax among them."""

from __future__ import annotations

import math
import operator
from typing import Any

from .. import kernels
from ..autograd import Function, is_grad_enabled
from ..devices import xp_of
from ..tensor import Tensor
from ..typing import Array
from .choice import clamp, where
from .comparison import ge, gt
from .edge import in_float32
from .elementwise import add, exp, mul, neg, sigmoid, sub, tanh
from .in_place import change
from .promotion import computed, widened
from .reduce import sum


class ReLU(Function):
    """max(x, 0), with gradient 0 at 0."""

    def forward(self, x: Array, *, inplace: bool = False) -> Array:
        out = kernels.of(x).relu(x, x)[...] if inplace else kernels.of(x).relu(x)
        self.save_for_backward(out)  # not x: the next layer keeps out in memory anyway
        return out

    def backward(self, grad: Tensor) -> Tensor:
        (out,) = self.saved_tensors
        return ReLUBackward.apply(grad, out.detach())


class ReLUBackward(Function):
    """grad where out > 0, else 0. As a step function of ``out`` it has no gradient for it."""

    def forward(self, grad: Array, out: Any) -> Array:
        self.save_for_backward(out)
        return kernels.of(grad).relu_backward(grad, out)

    def backward(self, grad: Tensor) -> tuple[Tensor, None]:
        (out,) = self.saved_tensors
        return ReLUBackward.apply(grad, out), None


def relu(x: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0) of each value.

    Args:
        x: any shape.
        inplace: overwrite ``x``, and return it.

    As ``torch.nn.functional.relu``.
    """
    return relu_(x) if inplace else ReLU.apply(x)


def relu_(x: Tensor) -> Tensor:
    """In place: max(x, 0) of each value, in one pass over the memory of x."""
    return change(x, ReLU.apply, inplace=True)


class LeakyReLU(Function):
    def forward(self, x: Array, *, negative_slope: float, inplace: bool = False) -> Array:
        self.negative_slope = negative_slope
        scaled = computed(operator.mul, x, negative_slope)
        out = xp_of(x).where(x > 0, x, scaled).astype(x.dtype, copy=False)
        self.save_for_backward(out if inplace else x)  # whose signs agree
        return out

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.saved_tensors
        return where(gt(x, 0), grad, mul(grad, self.negative_slope))


def leaky_relu(x: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where x > 0, else ``negative_slope`` * x.

    Args:
        x: any shape.
        negative_slope: factor of negative values.
        inplace: overwrite ``x``, and return it.

    As ``torch.nn.functional.leaky_relu``.
    """
    if not inplace:
        return LeakyReLU.apply(x, negative_slope=negative_slope)
    _check_sign("leaky_relu", "negative_slope", negative_slope, x)
    return change(x, LeakyReLU.apply, negative_slope=negative_slope, inplace=True)


def leaky_relu_(x: Tensor, negative_slope: float = 0.01) -> Tensor:
    """In place: :func:`leaky_relu`."""
    return leaky_relu(x, negative_slope, inplace=True)


def _check_sign(name: str, option: str, value: float, x: Tensor) -> None:
    """Checks that the sign of x can be told from the result, which is all that backward will have.

    Raises:
        RuntimeError: if it cannot, and x requires a gradient.
    """
    if value < 0 and is_grad_enabled() and x.requires_grad:
        raise RuntimeError(f"{name} in place expects {option} to be at least 0, got {value}")


class ELU(Function):
    def forward(self, x: Array, *, alpha: float, inplace: bool = False) -> Array:
        self.alpha, self.inplace = alpha, inplace
        xp, wide = xp_of(x), widened(x)
        out = xp.where(x > 0, wide, xp.expm1(xp.minimum(wide, 0)) * alpha)
        out = out.astype(x.dtype, copy=False)
        self.save_for_backward(out if inplace else x)  # whose signs agree
        return out

    def backward(self, grad: Tensor) -> Tensor:
        (saved,) = self.saved_tensors
        if self.inplace:
            slope = add(saved, self.alpha)
        else:
            slope = mul(exp(clamp(saved, max=0.0)), self.alpha)  # clamped: no overflow where x > 0
        return where(gt(saved, 0), grad, mul(grad, slope))


def elu(x: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, else ``alpha`` * (exp(x) - 1).

    Args:
        x: any shape.
        alpha: the limit for very negative values is -alpha.
        inplace: overwrite ``x``, and return it.

    As ``torch.nn.functional.elu`` (Clevert et al., 2016).
    """
    if not inplace:
        return ELU.apply(x, alpha=alpha)
    _check_sign("elu", "alpha", alpha, x)
    return change(x, ELU.apply, alpha=alpha, inplace=True)


def elu_(x: Tensor, alpha: float = 1.0) -> Tensor:
    """In place: :func:`elu`."""
    return elu(x, alpha, inplace=True)


class Softplus(Function):
    def forward(self, x: Array, *, beta: float, threshold: float) -> Array:
        self.save_for_backward(x)
        self.options = beta, threshold
        xp, wide = xp_of(x), widened(x)
        scaled = wide * beta
        soft = xp.log1p(xp.exp(xp.minimum(scaled, threshold))) / beta
        return xp.where(scaled > threshold, wide, soft).astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.saved_tensors
        beta, threshold = self.options
        scaled = mul(x, beta)
        return where(gt(scaled, threshold), grad, mul(grad, sigmoid(scaled)))


@in_float32
def softplus(x: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta * x)) / beta, and x itself where beta * x > ``threshold``.

    As ``torch.nn.functional.softplus``.
    """
    return Softplus.apply(x, beta=beta, threshold=threshold)


class LogSigmoid(Function):
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        xp, wide = xp_of(x), widened(x)
        out = xp.minimum(wide, 0) - xp.log1p(xp.exp(-xp.abs(wide)))
        return out.astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.saved_tensors
        return mul(grad, sigmoid(neg(x)))


def logsigmoid(x: Tensor) -> Tensor:
    """log(sigmoid(x)), finite however negative x is.

    As ``torch.nn.functional.logsigmoid``.
    """
    return LogSigmoid.apply(x)


class Erf(Function):
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        return kernels.of(x).erf(x)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.saved_tensors
        return mul(grad, mul(exp(neg(mul(x, x))), 2 / math.sqrt(math.pi)))


def erf(x: Tensor) -> Tensor:
    """The Gauss error function.

    As ``torch.erf``.
    """
    return Erf.apply(x)


def gelu(x: Tensor, approximate: str = "none") -> Tensor:
    """x times the probability that a standard normal number is below x.

    Args:
        x: any shape.
        approximate: ``'none'``, or ``'tanh'``: 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).

    Raises:
        RuntimeError: for another approximation.

    As ``torch.nn.functional.gelu`` (Hendrycks and Gimpel, 2016).
    """
    if approximate == "none":
        twice_probability = add(erf(mul(x, math.sqrt(0.5))), 1.0)
    elif approximate == "tanh":
        cubic = add(x, mul(mul(mul(x, x), x), 0.044715))
        twice_probability = add(tanh(mul(cubic, math.sqrt(2 / math.pi))), 1.0)
    else:
        raise RuntimeError(f"gelu: approximate must be 'none' or 'tanh', got {approximate!r}")
    return mul(mul(x, 0.5), twice_probability)


def silu(x: Tensor, inplace: bool = False) -> Tensor:
    """x * sigmoid(x), also called swish.

    Args:
        x: any shape.
        inplace: overwrite ``x``, and return it.

    As ``torch.nn.functional.silu``.
    """
    return change(x, silu) if inplace else mul(x, sigmoid(x))


class Hardswish(Function):
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        wide = widened(x)
        return (wide * (xp_of(x).clip(wide + 3, 0, 6) / 6)).astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.saved_tensors
        slope = where(gt(x, -3), add(mul(x, 1 / 3), 0.5), 0.0)
        return where(ge(x, 3), grad, mul(grad, slope))


def hardswish(x: Tensor, inplace: bool = False) -> Tensor:
    """x * min(max(x + 3, 0), 6) / 6.

    Args:
        x: any shape.
        inplace: overwrite ``x``, and return it.

    As ``torch.nn.functional.hardswish`` (Howard et al., 2019).
    """
    return change(x, Hardswish.apply) if inplace else Hardswish.apply(x)


class Softmax(Function):
    def forward(self, x: Array, *, dim: int) -> Array:
        self.dim = dim
        wide = widened(x)
        powers = xp_of(x).exp(wide - wide.max(dim, keepdims=True))
        out = (powers / powers.sum(dim, keepdims=True)).astype(x.dtype, copy=False)
        self.save_for_backward(out)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        (out,) = self.saved_tensors
        return mul(out, sub(grad, sum(mul(grad, out), self.dim, keepdim=True)))


class LogSoftmax(Function):
    def forward(self, x: Array, *, dim: int) -> Array:
        self.dim = dim
        xp, wide = xp_of(x), widened(x)
        shifted = wide - wide.max(dim, keepdims=True)
        out = shifted - xp.log(xp.exp(shifted).sum(dim, keepdims=True))
        out = out.astype(x.dtype, copy=False)
        self.save_for_backward(out)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        (out,) = self.saved_tensors
        return sub(grad, mul(exp(out), sum(grad, self.dim, keepdim=True)))


@in_float32
def softmax(x: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """exp(x) divided by its sum over ``dim``.

    Args:
        x: any shape.
        dim: the dimension that sums to 1. Required; torch guesses it, with a warning.
        dtype: the dtype to convert ``x`` to first.

    Raises:
        IndexError: for a dimension that does not exist.

    As ``torch.nn.functional.softmax``.
    """
    x = x if dtype is None else x.to(dtype)
    return Softmax.apply(x, dim=_check_dim("softmax", x, dim))


@in_float32
def log_softmax(x: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """log(softmax(x)), computed without overflow or underflow.

    Arguments and errors as in :func:`softmax`. As ``torch.nn.functional.log_softmax``.
    """
    x = x if dtype is None else x.to(dtype)
    return LogSoftmax.apply(x, dim=_check_dim("log_softmax", x, dim))


def _check_dim(name: str, x: Tensor, dim: int) -> int:
    if not -x.ndim <= dim < x.ndim:
        raise IndexError(f"{name} expects a dimension of shape {tuple(x.shape)}, got dim={dim}")
    return dim
