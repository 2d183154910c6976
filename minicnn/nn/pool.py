"""Pooling layers: maximum, mean and norm over windows, and to a given output size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..tensor import Tensor
from . import functional as F
from .module import Module

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AvgPool1d",
    "AvgPool2d",
    "LPPool1d",
    "LPPool2d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxUnpool1d",
    "MaxUnpool2d",
]

Size1 = int | tuple[int]
Size2 = int | tuple[int, int]
OutputSize1 = int | tuple[int | None]
OutputSize = int | tuple[int | None, int | None]


class _MaxPool(Module):
    """What the max-poolings of images and signals share."""

    def __init__(
        self,
        kernel_size: Any,
        stride: Any | None = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPool):
    """Maximum over windows: (N, C, L) to (N, C, OL).

    Arguments as for :class:`MaxPool2d`, with one number for each. As ``torch.nn.MaxPool1d``.
    """

    def forward(self, input: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        return F.max_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode,
            self.return_indices,
        )  # fmt: skip


class MaxPool2d(_MaxPool):
    """Maximum over windows: (N, C, H, W) to (N, C, OH, OW).

    Args:
        kernel_size: height and width of the window.
        stride: its step; ``kernel_size`` when None or ().
        padding: minus infinities added on every side, at most half the window.
        dilation: distance between the pixels under the window.
        return_indices: whether to return the positions h * W + w of the maxima (int64), too.
        ceil_mode: whether the last window may extend beyond the padded input.

    As ``torch.nn.MaxPool2d``.
    """

    def forward(self, input: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        return F.max_pool2d(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode,
            self.return_indices,
        )  # fmt: skip


class AvgPool1d(Module):
    """Mean over windows: (N, C, L) to (N, C, OL).

    Arguments as for :class:`AvgPool2d`, with one number for each. As ``torch.nn.AvgPool1d``.
    """

    def __init__(
        self,
        kernel_size: Size1,
        stride: Size1 | None = None,
        padding: Size1 = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = _single(kernel_size)
        self.stride = self.kernel_size if stride is None else _single(stride)
        self.padding = _single(padding)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
            self.count_include_pad,
        )  # fmt: skip

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(Module):
    """Mean over windows: (N, C, H, W) to (N, C, OH, OW).

    Args:
        kernel_size: height and width of the window.
        stride: its step; ``kernel_size`` when None or ().
        padding: zeros added on every side, at most half the window.
        ceil_mode: whether the last window may extend beyond the padded input.
        count_include_pad: whether the divisor counts the padding.
        divisor_override: the divisor to use instead of the window's size.

    As ``torch.nn.AvgPool2d``.
    """

    def __init__(
        self,
        kernel_size: Size2,
        stride: Size2 | None = None,
        padding: Size2 = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool2d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
            self.count_include_pad, self.divisor_override,
        )  # fmt: skip

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AdaptiveAvgPool1d(Module):
    """Mean over windows chosen so that the output has the length ``output_size``.

    As ``torch.nn.AdaptiveAvgPool1d``.
    """

    def __init__(self, output_size: OutputSize1) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool1d(input, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool2d(Module):
    """Mean over windows chosen so that the output has ``output_size``, whatever the input has.

    None in ``output_size`` keeps that side of the input. As ``torch.nn.AdaptiveAvgPool2d``.
    """

    def __init__(self, output_size: OutputSize) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(input, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveMaxPool1d(Module):
    """Maximum over windows chosen so that the output has the length ``output_size``.

    ``return_indices`` returns the positions of the maxima, too. As ``torch.nn.AdaptiveMaxPool1d``.
    """

    def __init__(self, output_size: OutputSize1, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size = output_size
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        return F.adaptive_max_pool1d(input, self.output_size, self.return_indices)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveMaxPool2d(Module):
    """Maximum over windows chosen so that the output has ``output_size``, whatever the input has.

    ``return_indices`` returns the positions h * W + w of the maxima, too.
    As ``torch.nn.AdaptiveMaxPool2d``.
    """

    def __init__(self, output_size: OutputSize, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size = output_size
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        return F.adaptive_max_pool2d(input, self.output_size, self.return_indices)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class _LPPool(Module):
    """What the power-average poolings of images and signals share."""

    def __init__(
        self,
        norm_type: float,
        kernel_size: Any,
        stride: Any | None = None,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def extra_repr(self) -> str:
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPool):
    """The p-norm of windows: (N, C, L) to (N, C, OL).

    Args:
        norm_type: p.
        kernel_size, stride, ceil_mode: as for :class:`AvgPool1d`.

    As ``torch.nn.LPPool1d``.
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.lp_pool1d(input, self.norm_type, self.kernel_size, self.stride, self.ceil_mode)


class LPPool2d(_LPPool):
    """The p-norm of windows: (N, C, H, W) to (N, C, OH, OW).

    Args:
        norm_type: p.
        kernel_size, stride, ceil_mode: as for :class:`AvgPool2d`.

    As ``torch.nn.LPPool2d``.
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.lp_pool2d(input, self.norm_type, self.kernel_size, self.stride, self.ceil_mode)


class _MaxUnpool(Module):
    """What the unpoolings of images and signals share."""

    kernel_size: Any
    stride: Any
    padding: Any

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpool):
    """Maxima put back where a :class:`MaxPool1d` found them, among zeros.

    Args:
        kernel_size, stride, padding: those of the pooling.

    As ``torch.nn.MaxUnpool1d``.
    """

    def __init__(self, kernel_size: Size1, stride: Size1 | None = None, padding: Size1 = 0) -> None:
        super().__init__()
        self.kernel_size = _single(kernel_size)
        self.stride = self.kernel_size if stride is None else _single(stride)
        self.padding = _single(padding)

    def forward(
        self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None
    ) -> Tensor:
        return F.max_unpool1d(
            input, indices, self.kernel_size, self.stride, self.padding, output_size
        )


class MaxUnpool2d(_MaxUnpool):
    """Maxima put back where a :class:`MaxPool2d` found them, among zeros.

    Args:
        kernel_size, stride, padding: those of the pooling.

    As ``torch.nn.MaxUnpool2d``.
    """

    def __init__(self, kernel_size: Size2, stride: Size2 | None = None, padding: Size2 = 0) -> None:
        super().__init__()
        self.kernel_size = _pair(kernel_size)
        self.stride = self.kernel_size if stride is None else _pair(stride)
        self.padding = _pair(padding)

    def forward(
        self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None
    ) -> Tensor:
        return F.max_unpool2d(
            input, indices, self.kernel_size, self.stride, self.padding, output_size
        )


def _single(value: Size1) -> tuple[int]:
    return (value,) if isinstance(value, int) else value


def _pair(value: Size2) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else value
