"""Activation functions, softmax among them."""

from __future__ import annotations

import math
import operator
import warnings
from typing import Any

from .. import kernels
from ..autograd import Function, is_grad_enabled
from ..devices import xp_of
from ..dtypes import is_floating
from ..tensor import Tensor
from ..typing import Array
from .choice import clamp, where
from .comparison import gt, le, lt
from .dims import normalize_dim
from .edge import in_float32
from .elementwise import add, div, exp, mul, neg, sigmoid, sub, tanh
from .in_place import change
from .promotion import computed, widen, widened
from .reduce import sum
from .summation import summed


class ReLU(Function):
    """max(x, 0), with gradient 0 at 0."""

    never_warns = True

    def forward(self, x: Array, *, inplace: bool = False) -> Array:
        out = kernels.of(x).relu(x, x)[...] if inplace else kernels.of(x).relu(x)
        self.save_for_backward(out)  # not x: the next layer keeps out in memory anyway
        return out

    def backward(self, grad: Tensor) -> Tensor:
        (out,) = self.saved_tensors
        return ReLUBackward.apply(grad, out.detach())


class ReLUBackward(Function):
    """0 where out <= 0, else grad. As a step function of ``out`` it has no gradient for it."""

    def forward(self, grad: Array, out: Any) -> Array:
        self.save_for_backward(out)
        return kernels.of(grad).relu_backward(grad, out)

    def backward(self, grad: Tensor) -> tuple[Tensor, None]:
        (out,) = self.saved_tensors
        return ReLUBackward.apply(grad, out), None


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(input, 0) of each value.

    Args:
        input: any shape.
        inplace: overwrite ``input``, and return it.

    As ``torch.nn.functional.relu``.
    """
    if input.array.dtype.kind == "b":
        raise RuntimeError("relu expects numbers, got a bool tensor")
    return change(input, ReLU.apply, inplace=True) if inplace else ReLU.apply(input)


def relu_(input: Tensor) -> Tensor:
    """In place: :func:`relu`, in one pass over the memory of ``input``."""
    return relu(input, inplace=True)


def _refuse_integers(name: str, x: Tensor) -> None:
    if not is_floating(x.array.dtype):
        raise RuntimeError(f"{name} expects a floating-point tensor, got {x.array.dtype}")


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
    _refuse_integers("leaky_relu", input)
    if not inplace:
        return LeakyReLU.apply(input, negative_slope=negative_slope)
    _check_sign("leaky_relu", "negative_slope", negative_slope, input)
    return change(input, LeakyReLU.apply, negative_slope=negative_slope, inplace=True)


def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """In place: :func:`leaky_relu`."""
    return leaky_relu(input, negative_slope, inplace=True)


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
        self.save_for_backward(out if inplace else x)  # both have the same signs
        return out

    def backward(self, grad: Tensor) -> Tensor:
        grad, saved = widen(grad, *self.saved_tensors)
        if self.inplace:
            slope = add(saved, self.alpha)
        else:
            slope = mul(exp(clamp(saved, max=0.0)), self.alpha)  # clamped: no overflow where x > 0
        return where(le(saved, 0), mul(grad, slope), grad)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """``input`` where it is positive, else ``alpha`` * (exp(input) - 1).

    Args:
        input: any shape.
        alpha: the limit for very negative values is -alpha.
        inplace: overwrite ``input``, and return it.

    As ``torch.nn.functional.elu`` (Clevert et al., 2016).
    """
    _refuse_integers("elu", input)
    if not inplace:
        return ELU.apply(input, alpha=alpha)
    _check_sign("elu", "alpha", alpha, input)
    return change(input, ELU.apply, alpha=alpha, inplace=True)


def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """In place: :func:`elu`."""
    return elu(input, alpha, inplace=True)


class Softplus(Function):
    def forward(self, x: Array, *, beta: float, threshold: float) -> Array:
        self.save_for_backward(x)
        self.options = beta, threshold
        xp, wide = xp_of(x), widened(x)
        scaled = wide * beta
        soft = xp.log1p(xp.exp(xp.minimum(scaled, threshold))) / beta
        return xp.where(scaled > threshold, wide, soft).astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> Tensor:
        grad, x = widen(grad, *self.saved_tensors)
        beta, threshold = self.options
        scaled = mul(x, beta)
        return where(gt(scaled, threshold), grad, mul(grad, sigmoid(scaled)))


@in_float32
def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta * input)) / beta, and ``input`` where beta * input > ``threshold``.

    As ``torch.nn.functional.softplus``.
    """
    _refuse_integers("softplus", input)
    return Softplus.apply(input, beta=beta, threshold=threshold)


class LogSigmoid(Function):
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        xp, wide = xp_of(x), widened(x)
        out = xp.minimum(wide, 0) - xp.log1p(xp.exp(-xp.abs(wide)))
        return out.astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> Tensor:
        grad, x = widen(grad, *self.saved_tensors)
        return mul(grad, sigmoid(neg(x)))


def logsigmoid(input: Tensor) -> Tensor:
    """log(sigmoid(input)), finite however negative ``input`` is.

    As ``torch.nn.functional.logsigmoid``.
    """
    _refuse_integers("logsigmoid", input)
    return LogSigmoid.apply(input)


class Erf(Function):
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        return kernels.of(x).erf(x)

    def backward(self, grad: Tensor) -> Tensor:
        grad, x = widen(grad, *self.saved_tensors)
        return mul(grad, mul(exp(neg(mul(x, x))), 2 / math.sqrt(math.pi)))


def erf(x: Tensor) -> Tensor:
    """The Gauss error function.

    As ``torch.erf``.
    """
    return Erf.apply(x)


class GELU(Function):
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        wide = widened(x)
        twice_probability = kernels.of(wide).erf(wide * math.sqrt(0.5)) + 1
        return (wide * 0.5 * twice_probability).astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> Tensor:
        grad, x = widen(grad, *self.saved_tensors)
        probability = mul(add(erf(mul(x, math.sqrt(0.5))), 1.0), 0.5)
        density = mul(exp(mul(mul(x, x), -0.5)), 1 / math.sqrt(2 * math.pi))
        return mul(grad, add(probability, mul(x, density)))


class GELUTanh(Function):
    """GELU with an approximation of the probability, which is half of 1 + tanh(inner)."""

    scale, cubic = math.sqrt(2 / math.pi), 0.044715

    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        wide = widened(x)
        inner = (wide + wide * wide * wide * self.cubic) * self.scale
        return (wide * 0.5 * (xp_of(x).tanh(inner) + 1)).astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> Tensor:
        grad, x = widen(grad, *self.saved_tensors)
        square = mul(x, x)
        inner = mul(add(x, mul(mul(square, x), self.cubic)), self.scale)
        inner_slope = mul(add(mul(square, 3 * self.cubic), 1.0), self.scale)
        t = tanh(inner)
        slope = mul(mul(x, inner_slope), sub(1.0, mul(t, t)))
        return mul(grad, mul(add(add(t, 1.0), slope), 0.5))


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """``input`` times the probability that a standard normal number is below it.

    Args:
        input: any shape, floating point.
        approximate: ``'none'``, or ``'tanh'``, with x for input:
            0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).

    Raises:
        RuntimeError: for another approximation, or an integer tensor.

    As ``torch.nn.functional.gelu`` (Hendrycks and Gimpel, 2016).
    """
    _refuse_integers("gelu", input)
    if approximate == "none":
        return GELU.apply(input)
    if approximate == "tanh":
        return GELUTanh.apply(input)
    raise RuntimeError(f"gelu: approximate must be 'none' or 'tanh', got {approximate!r}")


class SiLU(Function):
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        wide = widened(x)
        return (wide / (xp_of(x).exp(-wide) + 1)).astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> Tensor:
        grad, x = widen(grad, *self.saved_tensors)
        s = sigmoid(x)
        return mul(grad, mul(s, add(mul(x, sub(1.0, s)), 1.0)))


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """input * sigmoid(input), also called swish.

    Args:
        input: any shape, floating point.
        inplace: overwrite ``input``, and return it.

    As ``torch.nn.functional.silu``.
    """
    _refuse_integers("silu", input)
    return change(input, SiLU.apply) if inplace else SiLU.apply(input)


class Hardswish(Function):
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        wide = widened(x)
        return (wide * (xp_of(x).clip(wide + 3, 0, 6) / 6)).astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> Tensor:
        grad, x = widen(grad, *self.saved_tensors)
        sloped = where(lt(x, 3), mul(grad, add(div(x, 3.0), 0.5)), grad)
        return where(le(x, -3), 0.0, sloped)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """input * min(max(input + 3, 0), 6) / 6.

    Args:
        input: any shape.
        inplace: overwrite ``input``, and return it.

    As ``torch.nn.functional.hardswish`` (Howard et al., 2019).
    """
    _refuse_integers("hardswish", input)
    return change(input, Hardswish.apply) if inplace else Hardswish.apply(input)


class Softmax(Function):
    def forward(self, x: Array, *, dim: int) -> Array:
        self.dim = dim
        values = widened(x)
        out = xp_of(x).exp(values - values.max(dim, keepdims=True))
        out /= summed(out, (dim,), out.dtype, True)
        if out.dtype != x.dtype:
            out = out.astype(x.dtype)
        self.save_for_backward(out)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        grad, out = widen(grad, *self.saved_tensors)
        return mul(out, sub(grad, sum(mul(grad, out), self.dim, keepdim=True)))


class LogSoftmax(Function):
    def forward(self, x: Array, *, dim: int) -> Array:
        self.dim = dim
        xp, values = xp_of(x), widened(x)
        shifted = values - values.max(dim, keepdims=True)
        out = shifted - xp.log(summed(xp.exp(shifted), (dim,), shifted.dtype, True))
        out = out.astype(x.dtype, copy=False)
        self.save_for_backward(out)
        return out

    def backward(self, grad: Tensor) -> Tensor:
        grad, out = widen(grad, *self.saved_tensors)
        return sub(grad, mul(exp(out), sum(grad, self.dim, keepdim=True)))


@in_float32
def softmax(input: Tensor, dim: int | None = None, dtype: Any = None) -> Tensor:
    """exp(input) divided by its sum over ``dim``.

    Args:
        input: any shape.
        dim: the dimension that sums to 1. Without it, torch's guess is taken, with a warning: 0 for
            0, 1 and 3 dimensions, else 1.
        dtype: the dtype to convert ``input`` to first.

    Raises:
        IndexError: for a dimension that does not exist.
        NotImplementedError: for integers.

    As ``torch.nn.functional.softmax``.
    """
    return _normalized("softmax", Softmax, input, dim, dtype)


@in_float32
def log_softmax(input: Tensor, dim: int | None = None, dtype: Any = None) -> Tensor:
    """log(softmax(input)), computed without overflow or underflow.

    Arguments and errors as in :func:`softmax`. As ``torch.nn.functional.log_softmax``.
    """
    return _normalized("log_softmax", LogSoftmax, input, dim, dtype)


def _normalized(
    name: str, operation: type[Function], x: Tensor, dim: int | None, dtype: Any
) -> Tensor:
    if dtype is not None:
        x = x.to(dtype)
    if dim is None:
        dim = 0 if x.ndim in (0, 1, 3) else 1
        warnings.warn(
            f"{name} without dim: {dim} is guessed for shape {tuple(x.shape)}", stacklevel=4
        )
    dim = normalize_dim(x, dim)
    array = x.array
    if array.size == 0:
        return x.clone()
    if not is_floating(array.dtype):
        raise NotImplementedError(f"{name} expects floating-point numbers, got {x.array.dtype}")
    if array.ndim == 0:
        return operation.apply(x.reshape(1), dim=0).reshape(())
    return operation.apply(x, dim=dim)
