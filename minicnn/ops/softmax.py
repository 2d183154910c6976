"""Softmax and its relatives: vectors of numbers as probabilities."""

from __future__ import annotations

import numpy as np

from ..autograd import Function
from ..creation import zeros_like
from ..devices import to_device, xp_of
from ..dtypes import is_floating
from ..no_tensor import takes_tensors
from ..random import default_generator
from ..tensor import Tensor
from ..typing import Array, DTypeLike
from ..warn import warn
from .dims import normalize_dim
from .edge import in_float32
from .elementwise import add, div, exp, mul, sub
from .index import scatter_add
from .promotion import widen, widened
from .reduce import sum
from .summation import summed


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
def softmax(input: Tensor, dim: int, dtype: DTypeLike | None = None) -> Tensor:
    """exp(input) divided by its sum over ``dim``.

    Args:
        input: any shape.
        dim: the dimension that sums to 1.
        dtype: the dtype to convert ``input`` to first.

    Raises:
        IndexError: for a dimension that does not exist.
        NotImplementedError: for integers.

    As ``torch.softmax``.
    """
    return _normalized("softmax", Softmax, input, dim, dtype)


@in_float32
def log_softmax(input: Tensor, dim: int, dtype: DTypeLike | None = None) -> Tensor:
    """log(softmax(input)), computed without overflow or underflow.

    Arguments and errors as in :func:`softmax`. As ``torch.log_softmax``.
    """
    return _normalized("log_softmax", LogSoftmax, input, dim, dtype)


def _normalized(
    name: str, operation: type[Function], x: Tensor, dim: int, dtype: DTypeLike | None
) -> Tensor:
    if dtype is not None:
        x = x.to(dtype)
    dim = normalize_dim(x, dim)
    array = x.array
    if array.size == 0:
        return x.clone()
    if not is_floating(array.dtype):
        raise NotImplementedError(f"{name} expects floating-point numbers, got {x.array.dtype}")
    if array.ndim == 0:
        return operation.apply(x.reshape(1), dim=0).reshape(())
    return operation.apply(x, dim=dim)


@takes_tensors
def gumbel_softmax(
    logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    """A random choice with probabilities softmax(logits), softened so that it has a gradient.

    Args:
        logits: any shape, floating point.
        tau: the temperature; the lower, the nearer each sample is to a one-hot vector.
        hard: return one-hot vectors, with the gradient of the soft ones.
        eps: unused, as in torch, which warns if it is given.
        dim: the dimension of the classes.

    Returns:
        Samples of the shape of ``logits`` that sum to 1 along ``dim``.

    As ``torch.nn.functional.gumbel_softmax`` (Jang et al., 2017; Maddison et al., 2017).
    """
    if eps != 1e-10:
        warn("`eps` parameter is deprecated and has no effect.")
    soft = softmax(div(add(logits, _gumbel_noise(logits)), tau), dim)
    if not hard:
        return soft
    index = soft.max(dim, keepdim=True)[1]
    chosen = scatter_add(zeros_like(soft), dim, index, zeros_like(soft) + 1)
    return add(sub(chosen, soft.detach()), soft)


def _gumbel_noise(x: Tensor) -> Tensor:
    """Numbers from Gumbel(0, 1), which are -log of numbers from Exp(1), like x."""
    uniform = default_generator.random(x.shape, np.float64)
    exponential = (-np.log1p(-uniform)).astype(x.dtype)
    return Tensor.of(to_device(-np.log(exponential), x.device))
