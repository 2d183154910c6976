"""The partial inverse of max-pooling: maxima put back where they came from."""

from __future__ import annotations

from collections.abc import Sequence

from ..autograd import Function
from ..devices import xp_of
from ..dtypes import int64
from ..kernels.geometry import Pair
from ..no_tensor import takes_tensors
from ..tensor import Tensor
from ..typing import Array
from .adaptive_pool import PlaneGather
from .edge import in_a_row, pair
from .shape import squeeze, unsqueeze


class MaxUnpool2d(Function):
    """x and plane indices (N, C, OH, OW) -> (N, C, H, W), 0 where no index points."""

    def forward(self, x: Array, indices: Array, *, output_size: Pair) -> Array:
        self.indices = indices
        xp, (N, C) = xp_of(x), x.shape[:2]
        out = xp.zeros((N * C, output_size[0] * output_size[1]), x.dtype)
        planes = xp.arange(N * C)[:, None]
        out[planes, indices.reshape(N * C, -1)] = x.reshape(N * C, -1)
        return out.reshape(N, C, *output_size)

    def backward(self, grad: Tensor) -> tuple[Tensor, None]:
        return PlaneGather.apply(grad, indices=self.indices), None


@takes_tensors
def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: int | tuple[int],
    stride: int | tuple[int] | None = None,
    padding: int | tuple[int] = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Puts the maxima of :func:`~minicnn.ops.pool1d.max_pool1d` back, among zeros.

    Args:
        input: (N, C, OL) or (C, OL), the maxima.
        indices: their positions, which ``return_indices`` gives.
        kernel_size, stride, padding: those of the pooling.
        output_size: (L,) or the whole shape, where several lengths have these maxima.

    Returns:
        (N, C, L), without N for one signal.

    Raises:
        ValueError: for an impossible ``output_size``.
        RuntimeError: for indices of another dtype or shape, or outside the output.

    As ``torch.nn.functional.max_unpool1d``.
    """
    if input.ndim not in (2, 3):
        raise RuntimeError(f"max_unpool1d expects (N, C, L) or (C, L), got {tuple(input.shape)}")
    kernel, row = in_a_row(kernel_size, "kernel_size", 1), in_a_row(padding, "padding", 0)
    step = kernel if stride in (None, (), []) else in_a_row(stride, "stride", 1)  # type: ignore[arg-type]
    length = None if output_size is None else output_size[-1:]
    if output_size is not None and len(output_size) not in (1, 3):
        raise ValueError(f"output_size must have 1 or 3 numbers, got {tuple(output_size)}")
    size = None if length is None else (1, *length)
    out = max_unpool2d(unsqueeze(input, -2), unsqueeze(indices, -2), kernel, step, row, size)
    return squeeze(out, -2)


@takes_tensors
def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Puts the maxima of :func:`~minicnn.ops.pool.max_pool2d` back, among zeros.

    Args:
        input: (N, C, OH, OW) or (C, OH, OW), the maxima.
        indices: their plane indices h * W + w, which ``return_indices`` gives.
        kernel_size, stride, padding: those of the pooling.
        output_size: (H, W) or the whole shape, where several sizes have these maxima.

    Returns:
        (N, C, H, W), without N for one image.

    Raises:
        ValueError: for an impossible ``output_size``.
        RuntimeError: for indices of another dtype or shape, or outside the output.

    As ``torch.nn.functional.max_unpool2d``.
    """
    kernel, paddings = pair(kernel_size, "kernel_size", 1), pair(padding, "padding", 0)
    strides = kernel if stride in (None, (), []) else pair(stride, "stride", 1)  # type: ignore[arg-type]
    size = _unpooled_size(input, kernel, strides, paddings, output_size)
    _check_indices(input, indices, size)
    if input.ndim == 4:
        return MaxUnpool2d.apply(input, indices, output_size=size)
    out = MaxUnpool2d.apply(unsqueeze(input, 0), unsqueeze(indices, 0), output_size=size)
    return squeeze(out, 0)


def _unpooled_size(
    x: Tensor, kernel: Pair, stride: Pair, padding: Pair, wanted: Sequence[int] | None
) -> Pair:
    usual = [(n - 1) * s + k - 2 * p for n, k, s, p in zip(x.shape[-2:], kernel, stride, padding)]
    if wanted is None:
        return usual[0], usual[1]
    if len(wanted) not in (2, 4):
        raise ValueError(f"output_size must have 2 or 4 numbers, got {tuple(wanted)}")
    sizes = wanted[-2], wanted[-1]
    if any(abs(size - n) >= s for size, n, s in zip(sizes, usual, stride)):
        raise ValueError(
            f"output_size must be less than the stride {stride} away from {tuple(usual)}, "
            f"got {sizes}"
        )
    return sizes


def _check_indices(x: Tensor, indices: Tensor, size: Pair) -> None:
    if x.ndim not in (3, 4) or 0 in x.shape[-3:]:
        raise RuntimeError(
            f"max_unpool2d expects images (N, C, H, W) or (C, H, W), got {tuple(x.shape)}"
        )
    if indices.dtype != int64 or indices.shape != x.shape:
        raise RuntimeError(
            f"max_unpool2d expects int64 indices of shape {tuple(x.shape)}, "
            f"got {indices.array.dtype} of shape {tuple(indices.shape)}"
        )
    if indices.device.type == "cpu" and indices.array.size:
        low, high = int(indices.array.min()), int(indices.array.max())
        if low < 0 or high >= size[0] * size[1]:
            raise RuntimeError(
                f"max_unpool2d expects indices in [0, {size[0] * size[1] - 1}], got {low} to {high}"
            )
