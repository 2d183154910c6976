"""Pooling of signals: computed as images with one row, by the same kernels."""

from __future__ import annotations

from typing import Literal, overload

from ..tensor import Tensor
from .adaptive_pool import adaptive_avg_pool2d, adaptive_max_pool2d
from .edge import batched_signals, in_a_row
from .pool import avg_pool2d, max_pool2d
from .shape import squeeze, unsqueeze

Size1 = int | tuple[int]
AdaptiveSize1 = int | tuple[int | None] | None


@overload
def max_pool1d(
    input: Tensor, kernel_size: Size1, stride: Size1 | None = None, padding: Size1 = 0,
    dilation: Size1 = 1, ceil_mode: bool = False, return_indices: Literal[False] = False,
) -> Tensor: ...  # fmt: skip
@overload
def max_pool1d(
    input: Tensor, kernel_size: Size1, stride: Size1 | None = None, padding: Size1 = 0,
    dilation: Size1 = 1, ceil_mode: bool = False, return_indices: bool = False,
) -> Tensor | tuple[Tensor, Tensor]: ...  # fmt: skip
@batched_signals
def max_pool1d(
    input: Tensor,
    kernel_size: Size1,
    stride: Size1 | None = None,
    padding: Size1 = 0,
    dilation: Size1 = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """The maximum of each window of a signal; padding never wins.

    Args:
        input: (N, C, L), or one signal (C, L).
        kernel_size, stride, padding, dilation, ceil_mode: as for
            :func:`~minicnn.ops.pool.max_pool2d`, with one number.
        return_indices: also return the int64 position of each maximum.

    Returns:
        (N, C, OL), or a pair of them; without N for one signal.

    Raises:
        RuntimeError: for wrong shapes or options.

    As ``torch.nn.functional.max_pool1d``.
    """
    result = max_pool2d(
        unsqueeze(input, 2),
        in_a_row(kernel_size, "kernel_size", 1),
        _stride(stride),
        in_a_row(padding, "padding", 0),
        in_a_row(dilation, "dilation", 1),
        ceil_mode,
        return_indices,
    )
    return _signals(result)


def _stride(stride: Size1 | None) -> tuple[int, int] | None:
    return None if stride in (None, (), []) else in_a_row(stride, "stride", 1)  # type: ignore[arg-type]


def _signals(images: Tensor | tuple[Tensor, Tensor]) -> Tensor | tuple[Tensor, Tensor]:
    if isinstance(images, tuple):
        return squeeze(images[0], 2), squeeze(images[1], 2)
    return squeeze(images, 2)


@batched_signals
def avg_pool1d(
    input: Tensor,
    kernel_size: Size1,
    stride: Size1 | None = None,
    padding: Size1 = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean of each window of a signal.

    Args:
        input: (N, C, L), or one signal (C, L).
        kernel_size, stride, padding, ceil_mode, count_include_pad: as for
            :func:`~minicnn.ops.pool.avg_pool2d`, with one number.

    Returns:
        (N, C, OL), without N for one signal.

    Raises:
        RuntimeError: for wrong shapes or options.

    As ``torch.nn.functional.avg_pool1d``.
    """
    out = avg_pool2d(
        unsqueeze(input, 2),
        in_a_row(kernel_size, "kernel_size", 1),
        _stride(stride),
        in_a_row(padding, "padding", 0),
        ceil_mode,
        count_include_pad,
    )
    return squeeze(out, 2)


@batched_signals
def adaptive_avg_pool1d(input: Tensor, output_size: AdaptiveSize1) -> Tensor:
    """The mean of each window, with windows that give ``output_size`` of them.

    Args:
        input: (N, C, L), or one signal (C, L).
        output_size: OL. Window i covers the positions [floor(i L / OL), ceil((i + 1) L / OL)).

    Returns:
        (N, C, OL), without N for one signal.

    Raises:
        RuntimeError: for wrong shapes.

    As ``torch.nn.functional.adaptive_avg_pool1d``.
    """
    size = in_a_row(output_size, "output_size", 1)  # type: ignore[arg-type]
    return squeeze(adaptive_avg_pool2d(unsqueeze(input, 2), size), 2)


@overload
def adaptive_max_pool1d(
    input: Tensor, output_size: AdaptiveSize1, return_indices: Literal[False] = False
) -> Tensor: ...
@overload
def adaptive_max_pool1d(
    input: Tensor, output_size: AdaptiveSize1, return_indices: bool = False
) -> Tensor | tuple[Tensor, Tensor]: ...
@batched_signals
def adaptive_max_pool1d(
    input: Tensor, output_size: AdaptiveSize1, return_indices: bool = False
) -> Tensor | tuple[Tensor, Tensor]:
    """The maximum of each window, with windows that give ``output_size`` of them.

    Args:
        input, output_size: as for :func:`adaptive_avg_pool1d`.
        return_indices: also return the int64 position of each maximum.

    Returns:
        (N, C, OL), or a pair of them; without N for one signal.

    Raises:
        RuntimeError: for wrong shapes.

    As ``torch.nn.functional.adaptive_max_pool1d``.
    """
    size = in_a_row(output_size, "output_size", 1)  # type: ignore[arg-type]
    result = adaptive_max_pool2d(unsqueeze(input, 2), size, return_indices)
    return _signals(result)
