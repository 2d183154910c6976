"""Adaptive pooling: the maximum or the mean of windows that give a certain output size."""

from __future__ import annotations

from typing import Literal, overload

from .. import kernels
from ..autograd import Function
from ..kernels.geometry import Pair
from ..tensor import Tensor
from ..typing import Array
from .edge import batched, pair
from .pool import avg_pool2d

AdaptiveSize = int | tuple[int | None, int | None]


class AdaptiveAvgPool2d(Function):
    """x (N, C, H, W) -> (N, C, OH, OW)."""

    def forward(self, x: Array, *, output_size: Pair) -> Array:
        self.input_size = x.shape[2:]
        return kernels.of(x).adaptive_avg_pool2d(x, output_size)

    def backward(self, grad: Tensor) -> Tensor:
        return AdaptiveAvgPool2dScatter.apply(grad, input_size=self.input_size)


class AdaptiveAvgPool2dScatter(Function):
    """grad (N, C, OH, OW) -> (N, C, H, W): shares each gradient out among its window's pixels."""

    def forward(self, grad: Array, *, input_size: Pair) -> Array:
        self.output_size = grad.shape[2:]
        return kernels.of(grad).adaptive_avg_pool2d_scatter(grad, input_size)

    def backward(self, grad: Tensor) -> Tensor:
        return AdaptiveAvgPool2d.apply(grad, output_size=self.output_size)


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


@batched
def adaptive_avg_pool2d(input: Tensor, output_size: AdaptiveSize) -> Tensor:
    """The mean of each window, with windows that give a certain output size.

    Args:
        input: (N, C, H, W), or one image (C, H, W).
        output_size: (OH, OW), or one number for both; None keeps the input's. Window i covers
            the rows [floor(i H / OH), ceil((i + 1) H / OH)), columns likewise.

    Returns:
        (N, C, OH, OW), without N for one image.

    Raises:
        RuntimeError: for wrong shapes.
        NotImplementedError: for integers.

    As ``torch.nn.functional.adaptive_avg_pool2d``.
    """
    (H, W), (OH, OW) = input.shape[2:], _adaptive_size("adaptive_avg_pool2d", input, output_size)
    if input.array.size and OH and OW and H % OH == 0 and W % OW == 0:
        return avg_pool2d(input, (H // OH, W // OW))
    return AdaptiveAvgPool2d.apply(input, output_size=(OH, OW))


@overload
def adaptive_max_pool2d(
    input: Tensor, output_size: AdaptiveSize, return_indices: Literal[False] = False
) -> Tensor: ...
@overload
def adaptive_max_pool2d(
    input: Tensor, output_size: AdaptiveSize, return_indices: bool = False
) -> Tensor | tuple[Tensor, Tensor]: ...
@batched
def adaptive_max_pool2d(
    input: Tensor, output_size: AdaptiveSize, return_indices: bool = False
) -> Tensor | tuple[Tensor, Tensor]:
    """The maximum of each window, with windows that give a certain output size.

    Args:
        input, output_size: as for :func:`adaptive_avg_pool2d`.
        return_indices: also return the int64 plane index ``h * W + w`` of each maximum.

    Returns:
        (N, C, OH, OW), or a pair of them; without N for one image.

    Raises:
        RuntimeError: for wrong shapes.
        NotImplementedError: for integers.

    As ``torch.nn.functional.adaptive_max_pool2d``; of several NaNs the index is the last one's.
    """
    size = _adaptive_size("adaptive_max_pool2d", input, output_size)
    out, indices = AdaptiveMaxPool2d.apply(input, output_size=size)
    return (out, indices) if return_indices else out


def _adaptive_size(name: str, x: Tensor, size: AdaptiveSize) -> Pair:
    sizes = size if isinstance(size, (tuple, list)) else (size, size)
    if len(sizes) != 2:
        raise RuntimeError(f"{name}: output_size must be one integer or two, got {size}")
    rows, columns = (n if want is None else want for n, want in zip(x.shape[2:], sizes))
    if not x.is_floating_point():
        raise NotImplementedError(f"{name} expects floating point, got {x.array.dtype}")
    if min(x.shape[2:]) < 1:
        raise RuntimeError(f"{name} expects images that are not empty, got {tuple(x.shape)}")
    return pair((rows, columns), "output_size", 0)
