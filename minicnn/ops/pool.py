"""Pooling: the maximum or the mean of windows."""

from __future__ import annotations

import functools
from typing import Literal, overload

import numpy as np

from .. import kernels
from ..autograd import Function
from ..devices import Device, on_own_device, xp_of
from ..dtypes import int64
from ..kernels.geometry import Geometry
from ..tensor import Tensor
from ..typing import Array
from .edge import batched, empty_output, pair
from .resample import Axis, Resample, spans

Size = int | tuple[int, int]


class MaxPool2d(Function):
    """x (N, C, H, W) -> (N, C, OH, OW), and on request the position of each window's maximum."""

    def forward(
        self, x: Array, *, geometry: Geometry, return_argmax: bool = False
    ) -> Array | tuple[Array, Array]:
        self.geometry = geometry
        with_argmax = return_argmax or self.needs_input_grad[0]
        out, self.argmax = kernels.of(x).max_pool2d(x, geometry, with_argmax)
        return (out, self.argmax) if return_argmax else out

    def backward(self, grad: Tensor, _: None = None) -> Tensor:
        return MaxPool2dScatter.apply(grad, argmax=self.argmax, geometry=self.geometry)


class MaxPool2dScatter(Function):
    """grad (N, C, OH, OW) -> (N, C, H, W): adds each gradient where the maximum was."""

    def forward(self, grad: Array, *, argmax: Array, geometry: Geometry) -> Array:
        self.argmax, self.geometry = argmax, geometry
        return kernels.of(grad).max_pool2d_scatter(grad, argmax, geometry)

    def backward(self, grad: Tensor) -> Tensor:
        return MaxPool2dGather.apply(grad, argmax=self.argmax, geometry=self.geometry)


class MaxPool2dGather(Function):
    """x (N, C, H, W) -> (N, C, OH, OW): the values at the positions of another image's maxima."""

    def forward(self, x: Array, *, argmax: Array, geometry: Geometry) -> Array:
        self.argmax, self.geometry = argmax, geometry
        return kernels.of(x).max_pool2d_gather(x, argmax, geometry)

    def backward(self, grad: Tensor) -> Tensor:
        return MaxPool2dScatter.apply(grad, argmax=self.argmax, geometry=self.geometry)


class AvgPool2d(Function):
    """x (N, C, H, W), scale (OH, OW) -> (N, C, OH, OW): the sums of the windows times scale."""

    def forward(self, x: Array, *, scale: Array, geometry: Geometry) -> Array:
        self.scale, self.geometry = scale, geometry
        return kernels.of(x).avg_pool2d(x, scale, geometry)

    def backward(self, grad: Tensor) -> Tensor:
        return AvgPool2dScatter.apply(grad, scale=self.scale, geometry=self.geometry)


class AvgPool2dScatter(Function):
    """grad (N, C, OH, OW) -> (N, C, H, W): spreads each gradient over its window."""

    def forward(self, grad: Array, *, scale: Array, geometry: Geometry) -> Array:
        self.scale, self.geometry = scale, geometry
        return kernels.of(grad).avg_pool2d_scatter(grad, scale, geometry)

    def backward(self, grad: Tensor) -> Tensor:
        return AvgPool2d.apply(grad, scale=self.scale, geometry=self.geometry)


@overload
def max_pool2d(
    input: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0,
    dilation: Size = 1, ceil_mode: bool = False, return_indices: Literal[False] = False,
) -> Tensor: ...  # fmt: skip
@overload
def max_pool2d(
    input: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0,
    dilation: Size = 1, ceil_mode: bool = False, return_indices: bool = False,
) -> Tensor | tuple[Tensor, Tensor]: ...  # fmt: skip
@batched
def max_pool2d(
    input: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """The maximum of each window; padding never wins, and the first of equal values does.

    Args:
        input: (N, C, H, W), or one image (C, H, W), floating point or integers.
        kernel_size: size of the window in pixels, one number or (vertical, horizontal).
        stride: step of the window, ``kernel_size`` when left out or ``()``.
        padding: pixels of -inf around the input, at most half of ``kernel_size``.
        dilation: distance in pixels between the positions of a window.
        ceil_mode: round the output size up, unless the last window would start beyond the input.
        return_indices: also return the int64 plane index ``h * W + w`` of each maximum.

    Returns:
        (N, C, OH, OW), or a pair of them; without N for one image.

    Raises:
        RuntimeError: for wrong shapes or options.
        NotImplementedError: for bool.

    As ``torch.nn.functional.max_pool2d``. With dilation and padding a window may have no pixel of
    the input: its maximum is -inf (of integers the smallest), its index -1, and it passes no
    gradient. (PyTorch's index is then outside the image.)
    """
    if input.array.dtype.kind == "b":
        raise NotImplementedError("max_pool2d expects numbers, got bool")
    geometry = pool_geometry("max_pool2d", input, kernel_size, stride, padding, dilation, ceil_mode)
    if not return_indices:
        return MaxPool2d.apply(input, geometry=geometry)
    out, argmax = MaxPool2d.apply(input, geometry=geometry, return_argmax=True)
    return out, PlaneIndices.apply(argmax, geometry=geometry)


def pool_geometry(
    name: str,
    x: Tensor,
    kernel_size: Size,
    stride: Size | None,
    padding: Size,
    dilation: Size,
    ceil_mode: bool,
) -> Geometry:
    """The windows of a pooling of images x (N, C, H, W).

    Raises:
        RuntimeError: for wrong options, or images without pixels or channels.
    """
    shape = x.array.shape
    if 0 in shape[1:]:
        raise RuntimeError(f"{name} expects images with pixels and channels, got {tuple(x.shape)}")
    kernel, dilations = pair(kernel_size, "kernel_size", 1), pair(dilation, "dilation", 1)
    strides = kernel if stride in (None, (), []) else pair(stride, "stride", 1)
    (PH, PW), (KH, KW) = paddings, _ = pair(padding, "padding", 0), kernel
    if PH > KH // 2 or PW > KW // 2:
        raise RuntimeError(
            f"{name}: padding must be at most half of kernel_size, "
            f"got padding={paddings} and kernel_size={kernel}"
        )
    H, W = shape[2:]
    OH = _output_size(H, KH, strides[0], PH, dilations[0], ceil_mode)
    OW = _output_size(W, KW, strides[1], PW, dilations[1], ceil_mode)
    if OH < 1 or OW < 1:
        window = {"kernel_size": kernel, "padding": paddings, "dilation": dilations}
        raise empty_output(name, (H, W), (OH, OW), **window)
    return Geometry((H, W), (OH, OW), kernel, strides, paddings, dilations)


def _output_size(n: int, k: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    room = n + 2 * padding - dilation * (k - 1) - 1
    if not ceil_mode:
        return room // stride + 1
    count = -(-room // stride) + 1
    # the last window must start inside the image or the padding before it
    return count - 1 if (count - 1) * stride >= n + padding else count


class PlaneIndices(Function):
    """Positions in a window, kh * KW + kw, as positions in the image, h * W + w; -1: no pixel."""

    def forward(self, argmax: Array, *, geometry: Geometry) -> Array:
        xp = xp_of(argmax)
        (OH, OW), KW = geometry.output_size, geometry.kernel_size[1]
        (SH, SW), (PH, PW), (DH, DW) = geometry.stride, geometry.padding, geometry.dilation
        kh, kw = xp.divmod(argmax.astype(xp.int64), KW)
        h = xp.arange(OH)[:, None] * SH - PH + kh * DH
        w = xp.arange(OW) * SW - PW + kw * DW
        inside = kh < geometry.kernel_size[0]
        return xp.where(inside, h * geometry.input_size[1] + w, -1)


@batched
def avg_pool2d(
    input: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window.

    Args:
        input: (N, C, H, W), or one image (C, H, W), floating point or int64, whose means are cut to
            integers.
        kernel_size: size of the window in pixels, one number or (vertical, horizontal).
        stride: step of the window, ``kernel_size`` when left out or ``()``.
        padding: zeros around the input, at most half of ``kernel_size``.
        ceil_mode: round the output size up, unless the last window would start beyond the input.
        count_include_pad: whether padding counts in the mean (pixels beyond the padding never do).
        divisor_override: divide by this instead of the number of pixels.

    Returns:
        (N, C, OH, OW), without N for one image.

    Raises:
        RuntimeError: for wrong shapes or options.
        NotImplementedError: for other integers than int64.

    As ``torch.nn.functional.avg_pool2d``.
    """
    if divisor_override == 0:
        raise RuntimeError("avg_pool2d: divisor_override must not be 0, got 0")
    geometry = pool_geometry("avg_pool2d", input, kernel_size, stride, padding, 1, ceil_mode)
    if not input.is_floating_point():
        divisors = _divisors(geometry, count_include_pad, divisor_override)
        return _integer_means(input, divisors, geometry)
    scale = _mean_scale(geometry, count_include_pad, divisor_override, input.dtype, input.device)
    return AvgPool2d.apply(input, scale=scale, geometry=geometry)


@functools.lru_cache(maxsize=64)  # on a GPU every new one is a transfer
def _mean_scale(
    geometry: Geometry, include_padding: bool, divisor: int | None, dtype: np.dtype, device: Device
) -> Array:
    """1 / (number of pixels in the mean), for each window (OH, OW)."""
    scale = 1 / _divisors(geometry, include_padding, divisor)
    # windows in half precision are summed and scaled in float32
    return device.xp.asarray(scale.astype(np.promote_types(dtype, np.float32)))


def _divisors(geometry: Geometry, include_padding: bool, divisor: int | None) -> np.ndarray:
    """What the sum of each window (OH, OW) is divided by."""
    if divisor is not None:
        return np.full(geometry.output_size, divisor)
    lengths = []
    for axis in (0, 1):
        begin, end = _window_bounds(geometry, axis)
        inside = np.minimum(end, geometry.input_size[axis]) - np.maximum(begin, 0)
        lengths.append(end - begin if include_padding else inside)
    return np.outer(*lengths)


def _window_bounds(geometry: Geometry, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """The first pixel of each window and the one after its last, as far as the padding reaches."""
    size, padding = geometry.input_size[axis], geometry.padding[axis]
    begin = np.arange(geometry.output_size[axis]) * geometry.stride[axis] - padding
    return begin, np.minimum(begin + geometry.kernel_size[axis], size + padding)


@on_own_device
def _integer_means(x: Tensor, divisors: np.ndarray, geometry: Geometry) -> Tensor:
    """The sums of windows divided by ``divisors`` (OH, OW), rounded towards 0."""
    if x.dtype != int64:
        raise NotImplementedError(
            f"avg_pool2d expects floating point or int64, got {x.array.dtype}"
        )
    axes = []
    for axis, size in enumerate(geometry.input_size):
        begin, end = _window_bounds(geometry, axis)
        outputs, inputs = spans(np.maximum(begin, 0), np.minimum(end, size))
        axes.append(Axis(size, geometry.output_size[axis], outputs, inputs))
    sums = Resample.apply(x, axes=tuple(axes)).array
    xp = xp_of(sums)
    divisors = xp.asarray(divisors)
    return Tensor.of(abs(sums) // abs(divisors) * xp.sign(sums) * xp.sign(divisors))
