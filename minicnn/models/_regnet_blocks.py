"""The blocks of RegNet: bottlenecks whose 3x3 convolutions work in groups of one width."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any

from .. import nn
from ..tensor import Tensor
from ..vision import Conv2dNormActivation, SqueezeExcitation

__all__ = ["AnyStage", "BottleneckTransform", "ResBottleneckBlock", "SimpleStemIN"]

Layer = Callable[..., nn.Module]


class SimpleStemIN(Conv2dNormActivation):
    """A 3x3 convolution that halves H and W, with normalisation and activation."""

    def __init__(
        self, width_in: int, width_out: int, norm_layer: Layer, activation_layer: Layer
    ) -> None:
        layers: dict[str, Any] = {"norm_layer": norm_layer, "activation_layer": activation_layer}
        super().__init__(width_in, width_out, kernel_size=3, stride=2, **layers)


class BottleneckTransform(nn.Sequential):
    """Convolutions 1x1, 3x3 in groups, perhaps squeeze-and-excitation, and 1x1.

    Args:
        width_in, width_out: channels before and after.
        stride: of the 3x3 convolution.
        norm_layer, activation_layer: make the layers after each convolution.
        group_width: channels in each group of the 3x3 convolution.
        bottleneck_multiplier: channels of the 3x3 convolution per channel of the result.
        se_ratio: channels inside the squeeze-and-excitation per channel of the input; None for none.
    """

    def __init__(
        self,
        width_in: int,
        width_out: int,
        stride: int,
        norm_layer: Layer,
        activation_layer: Layer,
        group_width: int,
        bottleneck_multiplier: float,
        se_ratio: float | None,
    ) -> None:
        conv = partial(
            Conv2dNormActivation, norm_layer=norm_layer, activation_layer=activation_layer
        )
        width = round(width_out * bottleneck_multiplier)
        layers = OrderedDict[str, nn.Module]()
        layers["a"] = conv(width_in, width, 1)
        layers["b"] = conv(width, width, 3, stride, groups=width // group_width)
        if se_ratio:
            layers["se"] = SqueezeExcitation(width, round(se_ratio * width_in), activation_layer)
        layers["c"] = conv(width, width_out, 1, activation_layer=None)
        super().__init__(layers)


class ResBottleneckBlock(nn.Module):
    """:class:`BottleneckTransform` and its input, if need be by a 1x1 convolution, added."""

    def __init__(
        self,
        width_in: int,
        width_out: int,
        stride: int,
        norm_layer: Layer,
        activation_layer: Layer,
        group_width: int = 1,
        bottleneck_multiplier: float = 1.0,
        se_ratio: float | None = None,
    ) -> None:
        super().__init__()
        self.proj: nn.Module | None = None
        if width_in != width_out or stride != 1:
            self.proj = Conv2dNormActivation(
                width_in, width_out, 1, stride, norm_layer=norm_layer, activation_layer=None
            )
        shape = (width_in, width_out, stride, norm_layer, activation_layer)
        self.f = BottleneckTransform(*shape, group_width, bottleneck_multiplier, se_ratio)
        self.activation = activation_layer(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.activation((x if self.proj is None else self.proj(x)) + self.f(x))


class AnyStage(nn.Sequential):
    """``depth`` blocks, of which the first changes the width and has the stride.

    Args:
        block_constructor: makes a block from :class:`ResBottleneckBlock`'s arguments.
        stage_index: of the blocks' names, such as ``block2-0``.
    """

    def __init__(
        self,
        width_in: int,
        width_out: int,
        stride: int,
        depth: int,
        block_constructor: Layer,
        norm_layer: Layer,
        activation_layer: Layer,
        group_width: int,
        bottleneck_multiplier: float,
        se_ratio: float | None = None,
        stage_index: int = 0,
    ) -> None:
        options = (norm_layer, activation_layer, group_width, bottleneck_multiplier, se_ratio)
        blocks = OrderedDict[str, nn.Module]()
        for i in range(depth):
            shape = (width_out, width_out, 1) if i else (width_in, width_out, stride)
            blocks[f"block{stage_index}-{i}"] = block_constructor(*shape, *options)
        super().__init__(blocks)
