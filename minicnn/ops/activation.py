"""Activation functions: ReLU, and smooth ones (others: leaky, elu, piecewise, softmax)."""

from __future__ import annotations

import math
from typing import Any

from .. import kernels
from ..autograd import Function, is_grad_enabled
from ..autograd.names import called
from ..devices import xp_of
from ..dtypes import HALVES
from ..no_tensor import refuse, takes_tensors
from ..tensor import Tensor
from ..typing import Array
from .choice import where
from .comparison import gt
from .dims import normalize_dim
from .edge import in_float32
from .elementwise import abs, add, div, exp, log1p, mul, neg, sigmoid, sub, tanh
from .in_place import change
from .promotion import refuse_integers, to_float, widen, widened
from .shape import chunk


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
    try:
        if input.array.dtype.kind == "b":
            raise RuntimeError("relu expects numbers, got a bool tensor")
        return change(input, ReLU.apply, inplace=True) if inplace else ReLU.apply(input)
    except AttributeError as error:
        refuse("relu", error, (input,))
        raise


def relu_(input: Tensor) -> Tensor:
    """In place: :func:`relu`, in one pass over the memory of ``input``."""
    return relu(input, inplace=True)


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
    refuse_integers("softplus", input)
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
    refuse_integers("logsigmoid", input)
    return LogSigmoid.apply(input)


class Erf(Function):
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        return kernels.of(x).erf(x)

    def backward(self, grad: Tensor) -> Tensor:
        grad, x = widen(grad, *self.saved_tensors)
        return mul(grad, mul(exp(neg(mul(x, x))), 2 / math.sqrt(math.pi)))


def erf(input: Tensor) -> Tensor:
    """The Gauss error function: 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to ``input``."""
    return Erf.apply(to_float(input))


class GELU(Function):
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        return kernels.of(x).gelu(x)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.saved_tensors
        if not is_grad_enabled():
            return Tensor.of(kernels.of(x.array).gelu_backward(grad.array, x.array))
        grad, x = widen(grad, x)
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
    refuse_integers("gelu", input)
    if approximate == "none":
        return GELU.apply(input)
    if approximate == "tanh":
        return GELUTanh.apply(input)
    raise RuntimeError(f"gelu: approximate must be 'none' or 'tanh', got {approximate!r}")


class SiLU(Function):
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        return kernels.of(x).silu(x)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.saved_tensors
        if not is_grad_enabled():
            return Tensor.of(kernels.of(x.array).silu_backward(grad.array, x.array))
        return silu_gradient(grad, x)


def silu_gradient(grad: Tensor, x: Tensor) -> Tensor:
    """The gradient of x in silu(x), with differentiable operations."""
    grad, x = widen(grad, x)
    s = sigmoid(x)
    return mul(grad, mul(s, add(mul(x, sub(1.0, s)), 1.0)))


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """input * sigmoid(input), also called swish.

    Args:
        input: any shape, floating point.
        inplace: overwrite ``input``, and return it.

    As ``torch.nn.functional.silu``.
    """
    refuse_integers("silu", input)
    return change(input, SiLU.apply) if inplace else SiLU.apply(input)


class Mish(Function):
    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        xp, wide = xp_of(x), widened(x)
        return (wide * xp.tanh(xp.log1p(xp.exp(wide)))).astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> Tensor:
        grad, x = widen(grad, *self.saved_tensors)
        t = tanh(log1p(exp(x)))
        slope = mul(sigmoid(x), sub(1.0, mul(t, t)))  # of t
        return mul(grad, add(t, mul(x, slope)))


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """input * tanh(softplus(input)).

    Args:
        input: any shape, floating point.
        inplace: overwrite ``input``, and return it.

    As ``torch.nn.functional.mish`` (Misra, 2019).
    """
    refuse_integers("mish", input)
    return change(input, Mish.apply) if inplace else Mish.apply(input)


@takes_tensors
def softsign(input: Tensor) -> Tensor:
    """input / (1 + abs(input)), as ``torch.nn.functional.softsign``."""
    (x,) = widen(input)
    out = div(x, add(abs(x), 1))
    return out.to(input.dtype) if input.dtype in HALVES else out


@takes_tensors
def tanhshrink(input: Tensor) -> Tensor:
    """input - tanh(input), as ``torch.nn.functional.tanhshrink``."""
    (x,) = widen(input)
    out = sub(x, tanh(x))
    return out.to(input.dtype) if input.dtype in HALVES else out


@called("GluBackward0")
def glu(input: Tensor, dim: int = -1) -> Tensor:
    """The first half of ``input`` along ``dim``, times the sigmoid of the second half.

    Raises:
        RuntimeError: for an odd length, or an integer tensor.

    As ``torch.nn.functional.glu`` (Dauphin et al., 2017).
    """
    refuse_integers("glu", input)
    if input.ndim == 0 or input.shape[normalize_dim(input, dim)] % 2:
        raise RuntimeError(
            f"glu expects an even length of dimension {dim}, got {tuple(input.shape)}"
        )
    (wide,) = widen(input)
    values, gates = chunk(wide, 2, dim)
    return mul(values, sigmoid(gates)).to(input.dtype)
