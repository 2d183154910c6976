"""Pooling: the maximum or the mean of windows."""

from __future__ import annotations

import functools
from typing import Literal, overload

import numpy as np

from .. import kernels
from ..autograd import Function
from ..devices import Device, xp_of
from ..kernels.geometry import Geometry, Pair
from ..tensor import Tensor
from ..typing import Array
from .edge import batched, empty_output, pair
from .linear import MatMul
from .shape import permute, reshape

Size = int | tuple[int, int]
AdaptiveSize = int | tuple[int | None, int | None]


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


class AdaptiveMaxPool2d(Function):
    """x (N, C, H, W) -> (N, C, OH, OW), and the plane index h * W + w of each maximum."""

    def forward(self, x: Array, *, output_size: Pair) -> tuple[Array, Array]:
        self.input_size = x.shape[2:]
        out, self.indices = kernels.of(x).adaptive_max_pool2d(x, output_size)
        return out, self.indices

    def backward(self, grad: Tensor, _: None) -> Tensor:
        return PlaneScatter.apply(grad, indices=self.indices, input_size=self.input_size)


class PlaneScatter(Function):
    """grad (N, C, OH, OW) -> (N, C, H, W): adds at the plane indices."""

    def forward(self, grad: Array, *, indices: Array, input_size: Pair) -> Array:
        self.indices = indices
        return kernels.of(grad).plane_scatter(grad, indices, input_size)

    def backward(self, grad: Tensor) -> Tensor:
        return PlaneGather.apply(grad, indices=self.indices)


class PlaneGather(Function):
    """x (N, C, H, W) -> (N, C, OH, OW): the values at the plane indices."""

    def forward(self, x: Array, *, indices: Array) -> Array:
        self.indices, self.input_size = indices, x.shape[2:]
        return kernels.of(x).plane_gather(x, indices)

    def backward(self, grad: Tensor) -> Tensor:
        return PlaneScatter.apply(grad, indices=self.indices, input_size=self.input_size)


@overload
def max_pool2d(
    x: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0,
    dilation: Size = 1, ceil_mode: bool = False, return_indices: Literal[False] = False,
) -> Tensor: ...  # fmt: skip
@overload
def max_pool2d(
    x: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0,
    dilation: Size = 1, ceil_mode: bool = False, return_indices: bool = False,
) -> Tensor | tuple[Tensor, Tensor]: ...  # fmt: skip
@batched
def max_pool2d(
    x: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """The maximum of each window; padding never wins, and the first of equal values does.

    Args:
        x: (N, C, H, W), or one image (C, H, W).
        kernel_size: size of the window in pixels, one number or (vertical, horizontal).
        stride: step of the window, ``kernel_size`` when left out.
        padding: pixels of -inf around the input, at most half of ``kernel_size``.
        dilation: distance in pixels between the positions of a window.
        ceil_mode: round the output size up, unless the last window would start beyond the input.
        return_indices: also return the int64 plane index ``h * W + w`` of each maximum.

    Returns:
        (N, C, OH, OW), or a pair of them; without N for one image.

    Raises:
        RuntimeError: for wrong shapes or options.

    As ``torch.nn.functional.max_pool2d``.
    """
    geometry = pool_geometry("max_pool2d", x, kernel_size, stride, padding, dilation, ceil_mode)
    if not return_indices:
        return MaxPool2d.apply(x, geometry=geometry)
    out, argmax = MaxPool2d.apply(x, geometry=geometry, return_argmax=True)
    return out, Tensor(_plane_indices(argmax.array, geometry))


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
        RuntimeError: for wrong options.
    """
    kernel, dilations = pair(kernel_size, "kernel_size", 1), pair(dilation, "dilation", 1)
    strides = kernel if stride is None else pair(stride, "stride", 1)
    (PH, PW), (KH, KW) = paddings, _ = pair(padding, "padding", 0), kernel
    if PH > KH // 2 or PW > KW // 2:
        raise RuntimeError(
            f"{name}: padding must be at most half of kernel_size, "
            f"got padding={paddings} and kernel_size={kernel}"
        )
    H, W = x.shape[2:]
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


def _plane_indices(argmax: Array, geometry: Geometry) -> Array:
    """Positions in a window, kh * KW + kw, as positions in the image, h * W + w."""
    xp = xp_of(argmax)
    (OH, OW), KW = geometry.output_size, geometry.kernel_size[1]
    (SH, SW), (PH, PW), (DH, DW) = geometry.stride, geometry.padding, geometry.dilation
    kh, kw = xp.divmod(argmax.astype(xp.int64), KW)
    h = xp.arange(OH)[:, None] * SH - PH + kh * DH
    w = xp.arange(OW) * SW - PW + kw * DW
    return h * geometry.input_size[1] + w


@batched
def avg_pool2d(
    x: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window.

    Args:
        x: (N, C, H, W), or one image (C, H, W).
        kernel_size: size of the window in pixels, one number or (vertical, horizontal).
        stride: step of the window, ``kernel_size`` when left out.
        padding: zeros around the input, at most half of ``kernel_size``.
        ceil_mode: round the output size up, unless the last window would start beyond the input.
        count_include_pad: whether padding counts in the mean (pixels beyond the padding never do).
        divisor_override: divide by this instead of the number of pixels.

    Returns:
        (N, C, OH, OW), without N for one image.

    Raises:
        RuntimeError: for wrong shapes or options.

    As ``torch.nn.functional.avg_pool2d``.
    """
    if divisor_override == 0:
        raise RuntimeError("avg_pool2d: divisor_override must not be 0, got 0")
    geometry = pool_geometry("avg_pool2d", x, kernel_size, stride, padding, 1, ceil_mode)
    scale = _mean_scale(geometry, count_include_pad, divisor_override, x.dtype, x.device)
    return AvgPool2d.apply(x, scale=scale, geometry=geometry)


@functools.lru_cache(maxsize=64)  # on a GPU every new one is a transfer
def _mean_scale(
    geometry: Geometry, include_padding: bool, divisor: int | None, dtype: np.dtype, device: Device
) -> Array:
    """1 / (number of pixels in the mean), for each window (OH, OW)."""
    if divisor is not None:
        scale = np.full(geometry.output_size, 1 / divisor)
    else:
        rows, columns = (_window_lengths(geometry, axis, include_padding) for axis in (0, 1))
        scale = 1 / np.outer(rows, columns)
    # windows in half precision are summed and scaled in float32
    return device.xp.asarray(scale.astype(np.promote_types(dtype, np.float32)))


def _window_lengths(geometry: Geometry, axis: int, include_padding: bool) -> np.ndarray:
    size, padding = geometry.input_size[axis], geometry.padding[axis]
    begin = np.arange(geometry.output_size[axis]) * geometry.stride[axis] - padding
    end = np.minimum(begin + geometry.kernel_size[axis], size + padding)
    return end - begin if include_padding else np.minimum(end, size) - np.maximum(begin, 0)


@batched
def adaptive_avg_pool2d(x: Tensor, output_size: AdaptiveSize) -> Tensor:
    """The mean of each window, with windows that give a certain output size.

    Args:
        x: (N, C, H, W), or one image (C, H, W).
        output_size: (OH, OW), or one number for both; None keeps the input's. Window i covers
            the rows [floor(i H / OH), ceil((i + 1) H / OH)), columns likewise.

    Returns:
        (N, C, OH, OW), without N for one image.

    Raises:
        RuntimeError: for wrong shapes.

    As ``torch.nn.functional.adaptive_avg_pool2d``.
    """
    H, W = x.shape[2:]
    OH, OW = _adaptive_size("adaptive_avg_pool2d", x, output_size)
    if H % OH == 0 and W % OW == 0:
        return avg_pool2d(x, (H // OH, W // OW))
    rows = Tensor(_averaging_matrix(H, OH, x.dtype, x.device))
    columns = Tensor(_averaging_matrix(W, OW, x.dtype, x.device))
    N, C = x.shape[:2]
    out = MatMul.apply(columns, permute(x, (0, 2, 3, 1)))  # (N, H, OW, C), channels-last
    out = MatMul.apply(rows, reshape(out, (N, H, OW * C)))  # (N, OH, OW * C)
    return permute(reshape(out, (N, OH, OW, C)), (0, 3, 1, 2))


@functools.lru_cache(maxsize=64)
def _averaging_matrix(size: int, output_size: int, dtype: np.dtype, device: Device) -> Array:
    """(OH, H): each row computes the mean over one adaptive window."""
    i, h = np.ogrid[:output_size, :size]
    begin, end = i * size // output_size, -(-(i + 1) * size // output_size)
    matrix = ((begin <= h) & (h < end)) / (end - begin)
    return device.xp.asarray(matrix.astype(dtype))


@overload
def adaptive_max_pool2d(
    x: Tensor, output_size: AdaptiveSize, return_indices: Literal[False] = False
) -> Tensor: ...
@overload
def adaptive_max_pool2d(
    x: Tensor, output_size: AdaptiveSize, return_indices: bool = False
) -> Tensor | tuple[Tensor, Tensor]: ...
@batched
def adaptive_max_pool2d(
    x: Tensor, output_size: AdaptiveSize, return_indices: bool = False
) -> Tensor | tuple[Tensor, Tensor]:
    """The maximum of each window, with windows that give a certain output size.

    Args:
        x, output_size: as for :func:`adaptive_avg_pool2d`.
        return_indices: also return the int64 plane index ``h * W + w`` of each maximum.

    Returns:
        (N, C, OH, OW), or a pair of them; without N for one image.

    Raises:
        RuntimeError: for wrong shapes.

    As ``torch.nn.functional.adaptive_max_pool2d``.
    """
    size = _adaptive_size("adaptive_max_pool2d", x, output_size)
    out, indices = AdaptiveMaxPool2d.apply(x, output_size=size)
    return (out, indices) if return_indices else out


def _adaptive_size(name: str, x: Tensor, size: AdaptiveSize) -> Pair:
    sizes = size if isinstance(size, (tuple, list)) else (size, size)
    if len(sizes) != 2:
        raise RuntimeError(f"{name}: output_size must be one integer or two, got {size}")
    rows, columns = (n if want is None else want for n, want in zip(x.shape[2:], sizes))
    if min(x.shape[2:]) < 1:
        raise RuntimeError(f"{name} expects images that are not empty, got {tuple(x.shape)}")
    return pair((rows, columns), "output_size", 1)
