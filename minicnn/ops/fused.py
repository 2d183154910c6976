"""Operations with a ReLU, or another activation, at the end, each in one kernel.

A separate ReLU reads and writes a layer's whole output, and the whole gradient in backward. The
layer's own kernel has these numbers in registers or cache anyway. Results and gradients equal those
of the two operations one after the other: backward zeroes the incoming gradient where the result is
not positive, then continues as the operation without ReLU.

Only the fast kernels have fused forms, so these operations use them even if the plain kernels are
selected. ``nn/fusion.py`` decides where a network uses them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .. import kernels
from ..autograd import Function, is_grad_enabled
from ..autograd.function import Deferred
from ..dtypes import float32, float64
from ..kernels.geometry import Geometry
from ..tensor import Tensor
from ..typing import Array
from .activation import ReLUBackward, relu, silu_gradient
from .bias import over_channels
from .conv import Conv2dInputGrad, conv2d_geometry, weight_grad
from .edge import batched, one_precision
from .elementwise import add
from .linear import LinearInputGrad, LinearWeightGrad, check_linear, linear
from .norm import (
    BatchNorm,
    ChannelAffine,
    FixedBatchNorm,
    batch_norm_gradients,
    normalize_batch,
    scale_and_shift,
)
from .piecewise import HardtanhBackward, hardswish_gradient
from .pool import MaxPool2dScatter, pool_geometry
from .shape import reshape


class Conv2dReLU(Function):
    """x (N, C, H, W), weight (O, C / groups, KH, KW), bias (O,) -> (N, O, OH, OW)."""

    def forward(self, x: Array, weight: Array, bias: Array | None, *, geometry: Geometry) -> Array:
        needs_x, needs_weight, _ = self.needs_input_grad
        out = kernels.fast_of(x).conv2d_relu(x, weight, bias, geometry)
        self.save_for_backward(x if needs_weight else None, weight if needs_x else None, out)
        self.geometry = geometry
        return out

    def backward(self, grad: Tensor) -> tuple[Tensor | Deferred | None, ...]:
        x, weight, out = self.saved_tensors
        needs_x, needs_weight, needs_bias = self.needs_input_grad
        grad, grad_bias = _relu_bias_backward(grad, out, needs_bias)
        geometry = self.geometry
        return (
            Conv2dInputGrad.apply(grad, weight, geometry=geometry) if needs_x else None,
            weight_grad(self, grad, x, geometry) if needs_weight else None,
            grad_bias,
        )


class LinearReLU(Function):
    """x (M, in) times weight (out, in) transposed, plus bias (out,) -> (M, out)."""

    def forward(self, x: Array, weight: Array, bias: Array | None) -> Array:
        needs_x, needs_weight, _ = self.needs_input_grad
        out = kernels.fast_of(x).linear_relu(x, weight, bias)
        self.save_for_backward(x if needs_weight else None, weight if needs_x else None, out)
        return out

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, out = self.saved_tensors
        needs_x, needs_weight, needs_bias = self.needs_input_grad
        grad, grad_bias = _relu_bias_backward(grad, out, needs_bias)
        return (
            LinearInputGrad.apply(grad, weight) if needs_x else None,
            LinearWeightGrad.apply(grad, x) if needs_weight else None,
            grad_bias,
        )


class ReLUBiasBackward(Function):
    """grad and out (N, C, ...) -> 0 where out <= 0, else grad, and its sums by channel (C,).

    As a step function of ``out`` it has no gradient for it.
    """

    def forward(self, grad: Array, out: Array) -> tuple[Array, Array]:
        self.save_for_backward(out)
        dtype = np.promote_types(grad.dtype, np.float32)
        return kernels.fast_of(grad).relu_bias_backward(grad, out, dtype)

    def backward(self, grad: Tensor, grad_sums: Tensor) -> tuple[Tensor, None]:
        (out,) = self.saved_tensors
        grad_sums = over_channels(grad_sums.to(grad.dtype), grad.shape)
        return ReLUBackward.apply(add(grad, grad_sums), out), None


def _relu_bias_backward(
    grad: Tensor, out: Tensor, needs_bias: bool
) -> tuple[Tensor, Tensor | None]:
    """The gradients of the ReLU's input (N, C, ...) and of the bias, (C,) or None."""
    if not needs_bias:
        return ReLUBackward.apply(grad, out.detach()), None
    grad, grad_bias = ReLUBiasBackward.apply(grad, out.detach())
    return grad, grad_bias


class MaxPool2dReLU(Function):
    """x (N, C, H, W) -> (N, C, OH, OW): ReLU of the maximum, which is the maximum after ReLU.

    If the maximum is not above 0, its position is "no pixel", which gets no gradient.
    """

    def forward(self, x: Array, *, geometry: Geometry) -> Array:
        self.geometry = geometry
        max_pool2d_relu = kernels.fast_of(x).max_pool2d_relu
        out, self.argmax = max_pool2d_relu(x, geometry, self.needs_input_grad[0])
        return out

    def backward(self, grad: Tensor) -> Tensor:
        return MaxPool2dScatter.apply(grad, argmax=self.argmax, geometry=self.geometry)


class BatchNormReLU(BatchNorm):
    """x (N, C, ...), weight (C,), bias (C,) -> normalised x after ReLU; mean and variance (C,)."""

    def forward(self, x: Array, weight: Array, bias: Array, *, eps: float) -> tuple[Array, ...]:
        batch_norm_relu = kernels.fast_of(x).batch_norm_relu
        out, self.mean, self.variance = batch_norm_relu(x, weight, bias, eps)
        self.save_for_backward(x, weight, out)
        self.eps = eps
        return out, self.mean, self.variance

    def backward(self, grad: Tensor, *_: Tensor | None) -> tuple[Tensor, ...]:
        x, weight, out = self.saved_tensors
        if is_grad_enabled():
            grad = ReLUBackward.apply(grad, out.detach())
            return batch_norm_gradients(grad, x, weight, self.eps)
        results = kernels.fast_of(x.array).batch_norm_relu_backward(
            grad.array, out.array, x.array, weight.array, self.mean, self.variance, self.eps
        )
        return tuple(map(Tensor.of, results))


class BatchNormActivation(BatchNorm):
    """x (N, C, ...), weight (C,), bias (C,) -> an activation of normalised x; mean, variance (C,).

    A subclass names the activation, and has the gradient of its argument for second derivatives. With
    ``from_result`` the gradient needs the result alone, which the next layer keeps in memory anyway.
    """

    activation: str
    from_result = False
    gradient: Callable[[Tensor, Tensor], Tensor]

    def forward(self, x: Array, weight: Array, bias: Array, *, eps: float) -> tuple[Array, ...]:
        batch_norm = kernels.cpu.batch_norm_activation
        out, self.mean, self.variance = batch_norm(x, weight, bias, eps, self.activation)
        self.save_for_backward(x, weight, bias, out if self.from_result else None)
        self.eps = eps
        return out, self.mean, self.variance

    def backward(self, grad: Tensor, *_: Tensor | None) -> tuple[Tensor, ...]:
        x, weight, bias, out = self.saved_tensors
        if is_grad_enabled():
            normalised = BatchNorm.apply(x, weight, bias, eps=self.eps)[0]
            return batch_norm_gradients(self.gradient(grad, normalised), x, weight, self.eps)
        result = None if out is None else out.array
        results = kernels.cpu.batch_norm_activation_backward(
            grad.array, result, x.array, weight.array, bias.array,
            self.mean, self.variance, self.eps, self.activation,
        )  # fmt: skip
        return tuple(map(Tensor.of, results))


class BatchNormReLU6(BatchNormActivation):
    activation = "relu6"
    from_result = True
    gradient = partial(HardtanhBackward.apply, low=0, high=6)


class BatchNormSiLU(BatchNormActivation):
    activation = "silu"
    gradient = staticmethod(silu_gradient)


class BatchNormHardswish(BatchNormActivation):
    activation = "hardswish"
    gradient = staticmethod(hardswish_gradient)


class ChannelAffineReLU(ChannelAffine):
    """x (N, C, ...), scale (C,), shift (C,) -> x * scale + shift by channel, then ReLU."""

    def forward(self, x: Array, scale: Array, shift: Array) -> Array:
        out = kernels.fast_of(x).channel_affine_relu(x, scale, shift)
        self.save_for_backward(x, scale, out)
        return out

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, scale, out = self.saved_tensors
        return self.gradients(ReLUBackward.apply(grad, out.detach()), x, scale)


class FixedBatchNormReLU(FixedBatchNorm):
    """x (N, C, ...), weight, bias, mean and variance (C,) -> normalised x after ReLU."""

    def forward(
        self, x: Array, weight: Array, bias: Array, mean: Array, variance: Array, *, eps: float
    ) -> Array:
        scale, shift = scale_and_shift(weight, bias, mean, variance, eps)
        return kernels.fast_of(x).channel_affine_relu(x, scale, shift)


class OverwritingBatchNorm(FixedBatchNorm):
    """As :class:`FixedBatchNorm`, but x, which nobody else needs, becomes the result."""

    def forward(
        self, x: Array, weight: Array, bias: Array, mean: Array, variance: Array, *, eps: float
    ) -> Array:
        scale, shift = scale_and_shift(weight, bias, mean, variance, eps)
        return kernels.fast_of(x).channel_affine(x, scale, shift, out=x)


class OverwritingBatchNormReLU(FixedBatchNorm):
    """The same with a ReLU."""

    def forward(
        self, x: Array, weight: Array, bias: Array, mean: Array, variance: Array, *, eps: float
    ) -> Array:
        scale, shift = scale_and_shift(weight, bias, mean, variance, eps)
        return kernels.fast_of(x).channel_affine_relu(x, scale, shift, out=x)


@one_precision
@batched
def conv2d_relu(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] | str = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
) -> Tensor:
    """``relu(conv2d(…))``."""
    geometry = conv2d_geometry(x, weight, bias, stride, padding, dilation, groups)
    return Conv2dReLU.apply(x, weight, bias, geometry=geometry)


@one_precision
def linear_relu(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``relu(linear(…))``."""
    if bias is not None and bias.array.shape != weight.array.shape[:1]:
        return relu(linear(x, weight, bias))
    check_linear(x, weight)
    if x.ndim == 2:
        return LinearReLU.apply(x, weight, bias)
    rows = reshape(x, math.prod(x.shape[:-1]), weight.shape[1])
    out = LinearReLU.apply(rows, weight, bias)
    return reshape(out, *x.shape[:-1], weight.shape[0])


@batched
def max_pool2d_relu(
    x: Tensor,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """``max_pool2d(relu(x), …)``."""
    geometry = pool_geometry("max_pool2d", x, kernel_size, stride, padding, dilation, ceil_mode)
    return MaxPool2dReLU.apply(x, geometry=geometry)


def batch_norm_relu(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """``relu(batch_norm(…))``."""
    arguments = x, running_mean, running_var, weight, bias, training, momentum, eps
    return normalize_batch(BatchNormReLU, ChannelAffineReLU, FixedBatchNormReLU, *arguments)


def own_batch_norm(*arguments: Any) -> Tensor:
    """``batch_norm(…)`` of an input that nobody else needs; without gradients it is overwritten."""
    return normalize_batch(BatchNorm, ChannelAffine, OverwritingBatchNorm, *arguments)


def own_batch_norm_relu(*arguments: Any) -> Tensor:
    """``relu(batch_norm(…))`` of such an input."""
    return normalize_batch(BatchNormReLU, ChannelAffineReLU, OverwritingBatchNormReLU, *arguments)


def batch_norm_activation(
    operation: type[BatchNormActivation], activate: Callable[[Tensor], Tensor], *arguments: Any
) -> Tensor:
    """``activate(batch_norm(…))``: in training on the CPU one operation, otherwise two.

    The input belongs to this call, as for :func:`own_batch_norm`.
    """
    x, training = arguments[0].array, arguments[5]
    if training and type(x) is np.ndarray and x.dtype in (float32, float64):
        return normalize_batch(operation, ChannelAffine, FixedBatchNorm, *arguments)
    return activate(own_batch_norm(*arguments))
