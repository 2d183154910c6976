"""Pooling layers: maximum and mean over windows, and to a given output size."""

from __future__ import annotations

from ..tensor import Tensor
from . import functional as F
from .module import Module

__all__ = ["AdaptiveAvgPool2d", "AdaptiveMaxPool2d", "AvgPool2d", "MaxPool2d"]

Size2 = int | tuple[int, int]
OutputSize = int | tuple[int | None, int | None]


class MaxPool2d(Module):
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

    def __init__(
        self,
        kernel_size: Size2,
        stride: Size2 | None = None,
        padding: Size2 = 0,
        dilation: Size2 = 1,
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

    def forward(self, input: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        return F.max_pool2d(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode,
            self.return_indices,
        )  # fmt: skip

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


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
