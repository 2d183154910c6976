"""The end of a layer, backwards: through a fused ReLU, and to the bias.

``conv2d`` and ``linear`` compute relu(product + bias) in one kernel. Whatever the product is, the
way back begins with the same pass over the incoming gradient, which zeroes it where the ReLU did
and sums it into the gradient of the bias.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import kernels
from ..autograd import Function
from ..tensor import Tensor
from .activation import ReLUBackward
from .elementwise import add
from .shape import expand, reshape


class ChannelSum(Function):
    """x (N, C, ...) -> (C,) in ``dtype``: the gradient of a bias."""

    def forward(self, x: Any, *, dtype: np.dtype) -> Any:
        self.shape = x.shape
        return kernels.of(x).channel_sum(x, dtype)

    def backward(self, grad: Tensor) -> Tensor:
        return _over_channels(grad, self.shape)


class ReLUBiasBackward(Function):
    """grad and out (N, C, ...) -> grad where out > 0, else 0, and the sums (C,) of that.

    A step function of ``out``, so without gradient for it.
    """

    def forward(self, grad: Any, out: Any, *, dtype: np.dtype) -> Any:
        self.save_for_backward(out)
        return kernels.of(grad).relu_bias_backward(grad, out, dtype)

    def backward(self, grad: Tensor, grad_sums: Tensor) -> tuple[Tensor, None]:
        (out,) = self.saved_tensors
        grad_sums = _over_channels(grad_sums.to(grad.dtype), grad.shape)
        return ReLUBackward.apply(add(grad, grad_sums), out), None


def relu_and_bias_backward(
    grad: Tensor, out: Tensor | None, bias_dtype: np.dtype | None
) -> tuple[Tensor, Tensor | None]:
    """From the gradient by a layer's result to those by its product and its bias.

    Args:
        grad: (N, C, ...).
        out: the result, or None if the layer has no fused ReLU.
        bias_dtype: dtype of the bias, or None if no gradient of it is needed.

    Returns:
        The gradient by the product (N, C, ...), and by the bias (C,) or None.
    """
    if out is None:
        return grad, None if bias_dtype is None else ChannelSum.apply(grad, dtype=bias_dtype)
    if bias_dtype is None:
        return ReLUBackward.apply(grad, out.detach()), None
    return ReLUBiasBackward.apply(grad, out.detach(), dtype=bias_dtype)


def _over_channels(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """(C,) repeated to (N, C, ...)."""
    return expand(reshape(x, (1, -1, *(1 for _ in shape[2:]))), shape)
