"""The gradient of a bias: the sum over all axes but the channels."""

from __future__ import annotations

import numpy as np

from .. import kernels
from ..autograd import Function
from ..tensor import Tensor
from ..typing import Array
from .shape import expand, reshape


class ChannelSum(Function):
    """x (N, C, ...) -> (C,), in float32 or better."""

    def forward(self, x: Array) -> Array:
        self.shape = x.shape
        return kernels.of(x).channel_sum(x, np.promote_types(x.dtype, np.float32))

    def backward(self, grad: Tensor) -> Tensor:
        return over_channels(grad, self.shape)


def over_channels(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """(C,) repeated to (N, C, ...)."""
    return expand(reshape(x, (1, -1, *(1 for _ in shape[2:]))), shape)
