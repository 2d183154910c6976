"""Convolutions in a row, each with a bias and a ReLU, and a pooling at the end: on a GPU.

In backward a ReLU and the bias before it need a pass over a whole gradient. But a kernel has just had
these numbers in registers: that of the next convolution's input gradient, or of the pooling. So here
every operation differentiates the ReLU and the bias of the one before it, along with its own input.

Where nothing is recorded, or a bias is missing or frozen, the operations of ``fused.py`` do the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import kernels
from ..autograd import Function, is_grad_enabled
from ..kernels.geometry import Geometry
from ..tensor import Tensor
from ..typing import Array
from .activation import ReLUBackward
from .bias import over_channels
from .conv import Conv2d, Conv2dInputGrad, Conv2dWeightGrad, conv2d, conv2d_geometry
from .edge import batched, one_precision
from .elementwise import add
from .fused import ReLUBiasBackward, conv2d_relu, max_pool2d_relu
from .pool import MaxPool2dGather, pool_geometry

Convolution = tuple[Tensor, Tensor | None, tuple[Any, ...]]  # weight, bias, options


class ChainedConv2d(Function):
    """x, bias before, weight, bias -> the convolution, and a ReLU if ``relu``.

    x is the result of a ReLU after the bias before, unless that is None. The gradient comes through
    this operation's ReLU already, and its bias gets none here.
    """

    def forward(
        self,
        x: Array,
        bias_before: Array | None,
        weight: Array,
        bias: Array,
        *,
        geometry: Geometry,
        relu: bool,
    ) -> Array:
        needs_x, needs_bias_before, needs_weight, _ = self.needs_input_grad
        needs_relu = bias_before is not None and (needs_x or needs_bias_before)
        self.save_for_backward(
            x if needs_weight or needs_relu else None,
            bias_before,
            weight if needs_x or needs_relu else None,
        )
        self.geometry = geometry
        convolve = kernels.fast_of(x).conv2d_relu if relu else kernels.of(x).conv2d
        return convolve(x, weight, bias, geometry)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, bias_before, weight = self.saved_tensors
        needs_x, needs_bias_before, needs_weight, _ = self.needs_input_grad
        grad_x = grad_before = None
        if bias_before is not None and (needs_x or needs_bias_before):
            grad_x, grad_before = Conv2dInputGradReLU.apply(
                grad, weight, x.detach(), geometry=self.geometry
            )
        elif needs_x:
            grad_x = Conv2dInputGrad.apply(grad, weight, geometry=self.geometry)
        if not needs_weight:
            return grad_x, grad_before, None, None
        if bias_before is not None and is_grad_enabled():  # x is used again
            x = AfterReLU.apply(x, bias_before)
        return (
            grad_x, grad_before, Conv2dWeightGrad.apply(grad, x, geometry=self.geometry), None
        )  # fmt: skip


class AfterReLU(Function):
    """x, which is ``relu(... + bias)``, and bias -> x: the gradient goes on as in ChainedConv2d."""

    returns_view = True

    def forward(self, x: Array, bias: Array) -> Array:
        self.save_for_backward(x)
        return x[...]

    def backward(self, grad: Tensor) -> tuple[Tensor, Tensor]:
        (x,) = self.saved_tensors
        grad_x, grad_bias = ReLUBiasBackward.apply(grad, x.detach())
        return grad_x, grad_bias


class Conv2dInputGradReLU(Function):
    """grad (N, O, OH, OW), weight, x (N, C, H, W) -> Conv2dInputGrad through the ReLU that made x.

    The second result is the gradient (C,) of the bias before the ReLU.
    """

    def forward(
        self, grad: Array, weight: Array, x: Array, *, geometry: Geometry
    ) -> tuple[Array, Array]:
        self.save_for_backward(grad, weight, x)
        self.geometry = geometry
        dtype = np.promote_types(grad.dtype, np.float32)
        input_grad = kernels.fast_of(grad).conv2d_input_grad_relu
        return input_grad(grad, weight, x, geometry, dtype)

    def backward(self, grad_x: Tensor, grad_sums: Tensor) -> tuple[Tensor | None, ...]:
        grad, weight, x = self.saved_tensors
        needs_grad, needs_weight, _ = self.needs_input_grad
        both = add(grad_x, over_channels(grad_sums.to(grad_x.dtype), grad_x.shape))
        both = ReLUBackward.apply(both, x)
        geometry = self.geometry
        return (
            Conv2d.apply(both, weight, None, geometry=geometry) if needs_grad else None,
            Conv2dWeightGrad.apply(grad, both, geometry=geometry) if needs_weight else None,
            None,
        )


class ChainedMaxPool2dReLU(Function):
    """x (N, C, H, W), which contains a bias (C,), -> (N, C, OH, OW): ReLU of the maxima."""

    def forward(self, x: Array, bias: Array, *, geometry: Geometry) -> Array:
        self.geometry = geometry
        out, self.argmax = kernels.fast_of(x).max_pool2d_relu(x, geometry)
        return out

    def backward(self, grad: Tensor) -> tuple[Tensor, Tensor]:
        grad_x, grad_bias = MaxPool2dBiasBackward.apply(
            grad, argmax=self.argmax, geometry=self.geometry
        )
        return grad_x, grad_bias


class MaxPool2dBiasBackward(Function):
    """grad (N, C, OH, OW) -> what MaxPool2dScatter gives, and its sums by channel (C,)."""

    def forward(self, grad: Array, *, argmax: Array, geometry: Geometry) -> tuple[Array, Array]:
        self.argmax, self.geometry = argmax, geometry
        dtype = np.promote_types(grad.dtype, np.float32)
        return kernels.fast_of(grad).max_pool2d_bias_backward(grad, argmax, geometry, dtype)

    def backward(self, grad: Tensor, grad_sums: Tensor) -> Tensor:
        both = add(grad, over_channels(grad_sums.to(grad.dtype), grad.shape))
        return MaxPool2dGather.apply(both, argmax=self.argmax, geometry=self.geometry)


@batched
def conv2d_relus_max_pool2d(
    x: Tensor, convolutions: Sequence[Convolution], pooling: tuple[Any, ...]
) -> Tensor:
    """``max_pool2d(relu(conv2d(… relu(conv2d(x, …)))), …)``.

    Args:
        x: (N, C, H, W), or one image (C, H, W).
        convolutions: of each the weight (O, C / groups, KH, KW), the bias (O,) or None, and the options
            stride, padding, dilation and groups.
        pooling: kernel_size, stride, padding, dilation and ceil_mode.

    Returns:
        (N, O, OH, OW) with O of the last convolution, without N if ``x`` has none.

    Raises:
        RuntimeError: for shapes, dtypes or options that do not fit, as the operations one by one.
    """
    *others, last = convolutions
    trains = is_grad_enabled() and all(
        b is not None and b.requires_grad for _, b, _ in convolutions
    )
    if not trains:
        for weight, bias, options in others:
            x = conv2d_relu(x, weight, bias, *options)
        weight, bias, options = last
        return max_pool2d_relu(conv2d(x, weight, bias, *options), *pooling)
    bias_before = None
    for convolution in convolutions:
        weight, bias, options = convolution
        x = _convolve(x, weight, bias, bias_before, options, convolution is not last)
        bias_before = bias
    geometry = pool_geometry("max_pool2d", x, *pooling)
    return ChainedMaxPool2dReLU.apply(x, bias_before, geometry=geometry)


@one_precision
def _convolve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    bias_before: Tensor | None,
    options: tuple[Any, ...],
    relu: bool,
) -> Tensor:
    assert bias is not None
    geometry = conv2d_geometry(x, weight, bias, *options)
    return ChainedConv2d.apply(x, bias_before, weight, bias.detach(), geometry=geometry, relu=relu)
