"""Convolution and transposed convolution.

A convolution is bilinear in its input and its weight. So three operations are enough for all
derivatives: the gradients of each are computed by the other two::

    out    = Conv2d(x, weight)             d out    -> Conv2dInputGrad, Conv2dWeightGrad
    grad_x = Conv2dInputGrad(grad, weight) d grad_x -> Conv2d, Conv2dWeightGrad
    grad_w = Conv2dWeightGrad(grad, x)     d grad_w -> Conv2d, Conv2dInputGrad
"""

from __future__ import annotations

import math

import numpy as np

from .. import kernels
from ..autograd import Function
from ..autograd.function import Deferred
from ..autograd.grad_mode import mode
from ..kernels.cpu.runtime.threads import run_later
from ..kernels.geometry import Geometry, Pair
from ..tensor import Tensor
from ..typing import Array
from .bias import ChannelSum
from .edge import batched, empty_output, one_precision, pair
from .shape import reshape
from .transfer import to

# Multiply-adds. With fewer, another thread saves no time; with more, all threads should share them,
# since the last operation of a walk has nothing beside it.
_LEAST, _MOST = 1 << 22, 1 << 28


class Conv2d(Function):
    """x (N, C, H, W), weight (O, C / groups, KH, KW), bias (O,) -> (N, O, OH, OW)."""

    def forward(self, x: Array, weight: Array, bias: Array | None, *, geometry: Geometry) -> Array:
        needs_x, needs_weight, _ = self.needs_input_grad
        # the input, not its im2col columns, which are KH * KW times as large
        self.save_for_backward(x if needs_weight else None, weight if needs_x else None)
        self.geometry = geometry
        return kernels.of(x).conv2d(x, weight, bias, geometry)

    def backward(self, grad: Tensor) -> tuple[Tensor | Deferred | None, ...]:
        x, weight = self.saved_tensors
        needs_x, needs_weight, needs_bias = self.needs_input_grad
        geometry = self.geometry
        return (
            Conv2dInputGrad.apply(grad, weight, geometry=geometry) if needs_x else None,
            weight_grad(self, grad, x, geometry) if needs_weight else None,
            ChannelSum.apply(grad) if needs_bias else None,
        )


class Conv2dInputGrad(Function):
    """grad (N, O, OH, OW), weight (O, C / groups, KH, KW) -> (N, C, H, W)."""

    def forward(self, grad: Array, weight: Array, *, geometry: Geometry) -> Array:
        self.save_for_backward(grad, weight)
        self.geometry = geometry
        return kernels.of(grad).conv2d_input_grad(grad, weight, geometry)

    def backward(self, grad_x: Tensor) -> tuple[Tensor | None, ...]:
        grad, weight = self.saved_tensors
        needs_grad, needs_weight = self.needs_input_grad
        geometry = self.geometry
        return (
            Conv2d.apply(grad_x, weight, None, geometry=geometry) if needs_grad else None,
            Conv2dWeightGrad.apply(grad, grad_x, geometry=geometry) if needs_weight else None,
        )


class Conv2dWeightGrad(Function):
    """grad (N, O, OH, OW), x (N, C, H, W) -> (O, C / groups, KH, KW), in float32 or better."""

    def forward(self, grad: Array, x: Array, *, geometry: Geometry) -> Array:
        self.save_for_backward(grad, x)
        self.geometry = geometry
        dtype = np.promote_types(x.dtype, np.float32)
        return kernels.of(grad).conv2d_weight_grad(grad, x, geometry, dtype)

    def backward(self, grad_weight: Tensor) -> tuple[Tensor | None, ...]:
        grad, x = self.saved_tensors
        needs_grad, needs_x = self.needs_input_grad
        weight, geometry = to(grad_weight, x.dtype), self.geometry
        return (
            Conv2d.apply(x, weight, None, geometry=geometry) if needs_grad else None,
            Conv2dInputGrad.apply(grad, weight, geometry=geometry) if needs_x else None,
        )


def weight_grad(layer: Function, grad: Tensor, x: Tensor, geometry: Geometry) -> Tensor | Deferred:
    """The gradient of a layer's weight, computed now or while the walk back goes on.

    Args:
        layer: the node of a convolution.
        grad: (N, O, OH, OW), the gradient of its output.
        x: (N, C, H, W), its input.
        geometry: of the convolution.
    """
    is_needed_first = mode.grad or mode.anomaly or not layer.needs_input_grad[0]
    if type(grad.array) is np.ndarray and kernels.selected() == "fast" and not is_needed_first:
        weight_shape, _ = layer._inputs[1]
        if _LEAST <= grad.array.size * math.prod(weight_shape[1:]) <= _MOST:
            return Deferred(run_later, Conv2dWeightGrad, grad, x, geometry=geometry)
    return Conv2dWeightGrad.apply(grad, x, geometry=geometry)


@one_precision
@batched
def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] | str = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlates images with filters.

    Args:
        input: (N, C, H, W), or one image (C, H, W).
        weight: (O, C / groups, KH, KW).
        bias: (O,) or None.
        stride: step of the window in pixels, one number or (vertical, horizontal).
        padding: zeros around the input in pixels, ``'valid'`` (none), or ``'same'`` (as many as
            needed to keep H and W; an odd one goes below and to the right).
        dilation: distance in pixels between the weights of a filter.
        groups: number of groups of channels that are convolved independently.

    Returns:
        (N, O, OH, OW), or (O, OH, OW) for one image.

    Raises:
        RuntimeError: for wrong shapes or dtypes, or ``'same'`` with a stride above 1.

    As ``torch.nn.functional.conv2d``. On the CPU many float32 convolutions take Winograd's algorithm,
    which mixes the pixels of a tile, at most 8 x 8, in all channels. A NaN or inf then reaches every
    output of its tiles, here and in the gradients, and a pixel far larger than its neighbours adds
    its rounding error to theirs. With groups, a NaN or inf may reach a few more outputs in its row.
    ``minicnn.backends.cpu.conv = "im2col"`` and ``detect_anomaly`` compute each window by itself.
    """
    geometry = conv2d_geometry(input, weight, bias, stride, padding, dilation, groups)
    return Conv2d.apply(input, weight, bias, geometry=geometry)


@one_precision
@batched
def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    output_padding: int | tuple[int, int] = 0,
    groups: int = 1,
    dilation: int | tuple[int, int] = 1,
) -> Tensor:
    """The adjoint of :func:`conv2d` in its input: each pixel adds a filter to its output window.

    Args:
        input: (N, C, H, W), or one image (C, H, W).
        weight: (C, O / groups, KH, KW).
        bias: (O,) or None.
        stride: distance in output pixels between neighbouring windows.
        padding: pixels cut off on all sides of the output.
        output_padding: pixels added below and to the right, fewer than stride or dilation.
        groups: number of groups of channels that are treated independently.
        dilation: distance in pixels between the weights of a filter.

    Returns:
        (N, O, OH, OW), OH = (H - 1) stride - 2 padding + dilation (KH - 1) + output_padding + 1.

    Raises:
        RuntimeError: for wrong shapes or dtypes.

    As ``torch.nn.functional.conv_transpose2d``; about NaN and inf see :func:`conv2d`.
    """
    geometry = _transposed_geometry(
        input, weight, bias, stride, padding, output_padding, groups, dilation
    )
    out = Conv2dInputGrad.apply(input, weight, geometry=geometry)
    return out if bias is None else out + reshape(to(bias, out.dtype), (1, -1, 1, 1))


def conv2d_geometry(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: int | tuple[int, int],
    padding: int | tuple[int, int] | str,
    dilation: int | tuple[int, int],
    groups: int,
) -> Geometry:
    """The windows of a convolution, after a check of all arguments.

    Raises:
        RuntimeError: for arguments that do not fit.
    """
    check_convolution("conv2d", x, weight, bias, groups)
    KH, KW = weight.array.shape[2:]
    SH, SW = pair(stride, "stride", 1)
    DH, DW = pair(dilation, "dilation", 1)
    H, W = x.array.shape[2:]
    if padding == "same":
        if (SH, SW) != (1, 1):
            raise RuntimeError(f"padding='same' needs a stride of 1, got {stride}")
        return Geometry(
            (H, W), (H, W), (KH, KW), (1, 1),
            (DH * (KH - 1) // 2, DW * (KW - 1) // 2), (DH, DW), groups,
        )  # fmt: skip
    if isinstance(padding, str):
        if padding != "valid":
            raise RuntimeError(f"padding must be 'same', 'valid' or integers, got {padding!r}")
        padding = 0
    PH, PW = pair(padding, "padding", 0)
    return window_geometry("conv2d", (H, W), (KH, KW), (SH, SW), (PH, PW), (DH, DW), groups)


def window_geometry(
    name: str,
    size: Pair,
    kernel_size: Pair,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int = 1,
) -> Geometry:
    """All windows that fit into an image of ``size`` with its padding.

    Raises:
        RuntimeError: if no window fits.
    """
    (H, W), (KH, KW), (SH, SW), (PH, PW), (DH, DW) = size, kernel_size, stride, padding, dilation
    OH = (H + 2 * PH - DH * (KH - 1) - 1) // SH + 1
    OW = (W + 2 * PW - DW * (KW - 1) - 1) // SW + 1
    if OH < 1 or OW < 1:
        window = {"kernel_size": kernel_size, "padding": padding, "dilation": dilation}
        raise empty_output(name, size, (OH, OW), **window)
    return Geometry(size, (OH, OW), kernel_size, stride, padding, dilation, groups)


def _transposed_geometry(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: int | tuple[int, int],
    padding: int | tuple[int, int],
    output_padding: int | tuple[int, int],
    groups: int,
    dilation: int | tuple[int, int],
) -> Geometry:
    """The geometry of the convolution from the result back to ``x``."""
    check_convolution("conv_transpose2d", x, weight, bias, groups, transposed=True)
    KH, KW = weight.array.shape[2:]
    strides, paddings = pair(stride, "stride", 1), pair(padding, "padding", 0)
    dilations, extra = pair(dilation, "dilation", 1), pair(output_padding, "output_padding", 0)
    if any(e >= max(s, d) for e, s, d in zip(extra, strides, dilations)):
        raise RuntimeError(
            f"output_padding must be smaller than stride or dilation, got output_padding={extra}, "
            f"stride={strides}, dilation={dilations}"
        )
    H, W = x.array.shape[2:]
    sizes = _transposed_size((H, W), (KH, KW), strides, paddings, dilations, extra)
    if min(sizes) < 1:
        window = {"kernel_size": (KH, KW), "padding": paddings}
        raise empty_output("conv_transpose2d", (H, W), sizes, **window)
    return Geometry(sizes, (H, W), (KH, KW), strides, paddings, dilations, groups)


def _transposed_size(
    size: Pair, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair, extra: Pair
) -> Pair:
    rows, columns = (
        (n - 1) * s - 2 * p + d * (k - 1) + e + 1
        for n, k, s, p, d, e in zip(size, kernel_size, stride, padding, dilation, extra)
    )
    return rows, columns


def check_convolution(
    name: str,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    groups: int,
    transposed: bool = False,
) -> None:
    """Raises a RuntimeError unless x (N, C, ...) and the parameters fit together."""
    if groups < 1:
        raise RuntimeError(f"{name}: groups must be at least 1, got {groups}")
    shape = weight.array.shape
    if len(shape) != x.ndim:
        raise RuntimeError(f"{name} expects a weight of {x.ndim} dimensions, got {shape}")
    if 0 in (shape if transposed else (shape[0], *shape[2:])):
        raise RuntimeError(f"{name} expects filters that are not empty, got {shape}")
    if 0 in x.array.shape[2:]:
        raise RuntimeError(f"{name} expects inputs that are not empty, got {x.array.shape}")
    first, second = shape[0], shape[1] * groups
    channels, outputs = (first, second) if transposed else (second, first)
    if x.array.shape[1] != channels:
        raise RuntimeError(
            f"{name} expects {channels} channels (weight of shape {shape}, groups={groups}), "
            f"got input of shape {x.array.shape}"
        )
    if first % groups:
        side = "input" if transposed else "output"
        raise RuntimeError(f"{name}: groups={groups} must divide the {first} {side} channels")
    if bias is not None and bias.array.shape != (outputs,):
        raise RuntimeError(f"{name} expects a bias of shape ({outputs},), got {bias.array.shape}")
