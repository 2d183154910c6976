"""The blocks of EfficientNet: inverted residuals, which are wide inside and narrow between them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import InitVar, dataclass
from functools import partial
from typing import Any

from .. import nn
from ..tensor import Tensor
from ..vision import Conv2dNormActivation, SqueezeExcitation, StochasticDepth
from ._utils import _make_divisible

__all__ = ["FusedMBConv", "FusedMBConvConfig", "MBConv", "MBConvConfig", "Stage"]

Layer = Callable[..., nn.Module]


@dataclass
class Stage:
    """Blocks of one kind, one after the other.

    Attributes:
        expand_ratio: channels inside a block, per channel of its input.
        kernel: size of the kernels that are not 1x1.
        stride: of the first block, 1 or 2; the others have 1.
        input_channels, out_channels: before the first block, and after it and each other one.
        num_layers: number of blocks.
    """

    expand_ratio: float
    kernel: int
    stride: int
    input_channels: int
    out_channels: int
    num_layers: int

    @staticmethod
    def adjust_channels(channels: int, width_mult: float, min_value: int | None = None) -> int:
        """``width_mult`` times as many channels, rounded to a multiple of 8."""
        return _make_divisible(channels * width_mult, 8, min_value)

    @property
    def expanded_channels(self) -> int:
        """Channels inside the first block."""
        return self.adjust_channels(self.input_channels, self.expand_ratio)


@dataclass
class MBConvConfig(Stage):
    """A stage of :class:`MBConv`, or what else ``block`` makes, scaled in width and depth.

    Args:
        width_mult: times as many channels, rounded to multiples of 8.
        depth_mult: times as many blocks, rounded up.
    """

    width_mult: InitVar[float] = 1.0
    depth_mult: InitVar[float] = 1.0
    block: Any = None

    def __post_init__(self, width_mult: float, depth_mult: float) -> None:
        self.input_channels = self.adjust_channels(self.input_channels, width_mult)
        self.out_channels = self.adjust_channels(self.out_channels, width_mult)
        self.num_layers = self.adjust_depth(self.num_layers, depth_mult)
        self.block = self.block or MBConv

    @staticmethod
    def adjust_depth(num_layers: int, depth_mult: float) -> int:
        """``depth_mult`` times as many blocks, rounded up."""
        return math.ceil(num_layers * depth_mult)


@dataclass
class FusedMBConvConfig(Stage):
    """A stage of :class:`FusedMBConv`, or what else ``block`` makes."""

    block: Any = None

    def __post_init__(self) -> None:
        self.block = self.block or FusedMBConv


class _InvertedResidual(nn.Module):
    """Layers whose result is added to their input, where both have the same shape."""

    def __init__(self, layers: list[nn.Module], cnf: Stage, stochastic_depth_prob: float) -> None:
        super().__init__()
        self.use_res_connect = cnf.stride == 1 and cnf.input_channels == cnf.out_channels
        self.block = nn.Sequential(*layers)
        self.stochastic_depth = StochasticDepth(stochastic_depth_prob, "row")
        self.out_channels = cnf.out_channels

    def forward(self, input: Tensor) -> Tensor:
        out = self.block(input)
        return self.stochastic_depth(out) + input if self.use_res_connect else out


class MBConv(_InvertedResidual):
    """A 1x1 convolution to more channels, a depthwise one, squeeze-and-excitation, a 1x1 to fewer.

    Args:
        cnf: the channels, the kernel and the stride.
        stochastic_depth_prob: probability in training that an image passes the block unchanged.
        norm_layer: makes the normalisations.
        se_layer: makes the squeeze-and-excitation.

    Raises:
        ValueError: for a stride that is not 1 or 2.

    Source: Tan & Le 2019; as ``torchvision.models.efficientnet.MBConv``.
    """

    def __init__(
        self,
        cnf: MBConvConfig,
        stochastic_depth_prob: float,
        norm_layer: Layer,
        se_layer: Layer = SqueezeExcitation,
    ) -> None:
        conv = _convolution(cnf, norm_layer)
        channels, wide = cnf.input_channels, cnf.expanded_channels
        layers: list[nn.Module] = [] if wide == channels else [conv(channels, wide, kernel_size=1)]
        layers += [
            conv(wide, wide, cnf.kernel, cnf.stride, groups=wide),  # N x wide x H/stride x W/stride
            se_layer(wide, max(1, channels // 4), activation=partial(nn.SiLU, inplace=True)),
            conv(wide, cnf.out_channels, kernel_size=1, activation_layer=None),
        ]
        super().__init__(layers, cnf, stochastic_depth_prob)


class FusedMBConv(_InvertedResidual):
    """:class:`MBConv` with one full convolution instead of the first two, and without excitation.

    Source: Tan & Le 2021; as ``torchvision.models.efficientnet.FusedMBConv``.
    """

    def __init__(
        self, cnf: FusedMBConvConfig, stochastic_depth_prob: float, norm_layer: Layer
    ) -> None:
        conv = _convolution(cnf, norm_layer)
        channels, wide, out = cnf.input_channels, cnf.expanded_channels, cnf.out_channels
        if wide == channels:
            layers = [conv(channels, out, cnf.kernel, cnf.stride)]  # N x out x H/stride x W/stride
        else:
            layers = [
                conv(channels, wide, cnf.kernel, cnf.stride),  # N x wide x H/stride x W/stride
                conv(wide, out, kernel_size=1, activation_layer=None),
            ]
        super().__init__(layers, cnf, stochastic_depth_prob)


def _convolution(cnf: Stage, norm_layer: Layer) -> Layer:
    """Makes a convolution with its normalisation and SiLU."""
    if cnf.stride not in (1, 2):
        raise ValueError(f"the stride of a block is 1 or 2, got {cnf.stride}")
    return partial(Conv2dNormActivation, norm_layer=norm_layer, activation_layer=nn.SiLU)
