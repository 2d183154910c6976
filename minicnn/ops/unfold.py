"""Windows as columns: unfold (im2col) and its adjoint fold (col2im)."""

from __future__ import annotations

from .. import kernels
from ..autograd import Function
from ..kernels.geometry import Geometry
from ..no_tensor import takes_tensors
from ..tensor import Tensor
from ..typing import Array
from .conv import window_geometry
from .edge import batched, pair
from .shape import reshape


class Unfold(Function):
    """x (N, C, H, W) -> columns (N, C * KH * KW, OH * OW)."""

    def forward(self, x: Array, *, geometry: Geometry) -> Array:
        self.geometry = geometry
        return kernels.of(x).im2col(x, geometry)

    def backward(self, grad: Tensor) -> Tensor:
        return Fold.apply(grad, geometry=self.geometry)


class Fold(Function):
    """columns (N, C * KH * KW, OH * OW) -> x (N, C, H, W), summing where windows overlap."""

    def forward(self, columns: Array, *, geometry: Geometry) -> Array:
        self.geometry = geometry
        return kernels.of(columns).col2im(columns, geometry)

    def backward(self, grad: Tensor) -> Tensor:
        return Unfold.apply(grad, geometry=self.geometry)


@batched
def unfold(
    input: Tensor,
    kernel_size: int | tuple[int, int],
    dilation: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    stride: int | tuple[int, int] = 1,
) -> Tensor:
    """Copies the window around every output position into a column (im2col).

    Args:
        input: (N, C, H, W), or one image (C, H, W).
        kernel_size, dilation, padding, stride: as for :func:`~minicnn.ops.conv.conv2d`.

    Returns:
        (N, C * KH * KW, OH * OW), without N for one image.

    Raises:
        RuntimeError: if the window does not fit in the input, or it has no pixels or channels.

    As ``torch.nn.functional.unfold``.
    """
    if 0 in input.shape[1:]:
        raise RuntimeError(
            f"unfold expects images with pixels and channels, got {tuple(input.shape)}"
        )
    geometry = _geometry("unfold", input.shape[2:], kernel_size, dilation, padding, stride)
    return Unfold.apply(input, geometry=geometry)


@takes_tensors
def fold(
    input: Tensor,
    output_size: int | tuple[int, int],
    kernel_size: int | tuple[int, int],
    dilation: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    stride: int | tuple[int, int] = 1,
) -> Tensor:
    """Adds columns back into an image (col2im); the adjoint of :func:`unfold`.

    Args:
        input: (N, C * KH * KW, L) or (C * KH * KW, L), L windows.
        output_size: (H, W) of the image.
        kernel_size, dilation, padding, stride: as for :func:`~minicnn.ops.conv.conv2d`.

    Returns:
        (N, C, H, W), without N for one image.

    Raises:
        RuntimeError: if the columns do not fit the windows.

    As ``torch.nn.functional.fold``.
    """
    if input.ndim not in (2, 3) or 0 in input.shape[-2:]:
        raise RuntimeError(
            f"fold expects an input of shape (N, C * KH * KW, L) with channels, got {tuple(input.shape)}"
        )
    size = pair(output_size, "output_size", 1)
    geometry = _geometry("fold", size, kernel_size, dilation, padding, stride)
    (KH, KW), (OH, OW) = geometry.kernel_size, geometry.output_size
    if input.shape[-2] % (KH * KW) or input.shape[-1] != OH * OW:
        raise RuntimeError(
            f"fold expects an input of shape (N, C * {KH * KW}, {OH * OW}) for output_size={size} "
            f"and kernel_size={(KH, KW)}, got {tuple(input.shape)}"
        )
    if input.ndim == 3:
        return Fold.apply(input, geometry=geometry)
    out = Fold.apply(reshape(input, (1, *input.shape)), geometry=geometry)
    return reshape(out, out.shape[1:])


def _geometry(
    name: str,
    size: tuple[int, ...],
    kernel_size: int | tuple[int, int],
    dilation: int | tuple[int, int],
    padding: int | tuple[int, int],
    stride: int | tuple[int, int],
) -> Geometry:
    return window_geometry(
        name,
        (size[0], size[1]),
        pair(kernel_size, "kernel_size", 1),
        pair(stride, "stride", 1),
        pair(padding, "padding", 0),
        pair(dilation, "dilation", 1),
    )
