"""The blocks of RegNet: bottlenecks whose 3x3 convolutions work in groups, and how wide they are."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

from .. import nn
from ..tensor import Tensor
from ..vision import Conv2dNormActivation, SqueezeExcitation
from ._utils import _make_divisible

__all__ = ["AnyStage", "BlockParams", "BottleneckTransform", "ResBottleneckBlock", "SimpleStemIN"]

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


@dataclass(eq=False)
class BlockParams:
    """The blocks of a RegNet; each list has one entry for each stage.

    Attributes:
        depths: numbers of blocks.
        widths: channels of the results.
        group_widths: channels in each group of the 3x3 convolutions.
        bottleneck_multipliers: channels of the 3x3 convolutions per channel of the result.
        strides: of the first blocks.
        se_ratio: channels inside the squeeze-and-excitation per channel of a block's input; None for
            blocks without.
    """

    depths: list[int]
    widths: list[int]
    group_widths: list[int]
    bottleneck_multipliers: list[float]
    strides: list[int]
    se_ratio: float | None = None

    @classmethod
    def from_init_params(
        cls,
        depth: int,
        w_0: int,
        w_a: float,
        w_m: float,
        group_width: int,
        bottleneck_multiplier: float = 1.0,
        se_ratio: float | None = None,
        **kwargs: Any,
    ) -> BlockParams:
        """The blocks that follow from a few numbers: equations 2 to 4 of the paper.

        The width of block j is ``w_0`` times the power of ``w_m`` that comes nearest to
        ``w_0 + w_a * j``, rounded to a multiple of 8. Blocks of one width are a stage.

        Args:
            depth: number of blocks.
            w_0: channels of the first block.
            w_a: channels by which the width grows from block to block.
            w_m: factor between the widths of two stages, at least.
            group_width: channels in each group of the 3x3 convolutions, at most.
            bottleneck_multiplier, se_ratio: of all blocks, see :class:`BlockParams`.
            kwargs: ignored, as in torchvision.

        Raises:
            ValueError: for widths that do not grow, or a ``w_0`` that is not a multiple of 8.
        """
        if w_a < 0 or w_0 <= 0 or w_m <= 1 or w_0 % 8 != 0:
            raise ValueError(
                "RegNet expects w_a >= 0, w_0 a multiple of 8 and w_m > 1, got "
                f"w_a={w_a}, w_0={w_0}, w_m={w_m}"
            )
        powers = [round(math.log(1 + w_a * j / w_0) / math.log(w_m)) for j in range(depth)]
        widths = [8 * round(w_0 * w_m**power / 8) for power in powers]
        stages = [(width, len(list(blocks))) for width, blocks in groupby(widths)]
        inner = [int(width * bottleneck_multiplier) for width, _ in stages]
        groups = [min(group_width, width) for width in inner]
        inner = [_make_divisible(*pair) for pair in zip(inner, groups, strict=True)]
        return cls(
            depths=[count for _, count in stages],
            widths=[int(width / bottleneck_multiplier) for width in inner],
            group_widths=groups,
            bottleneck_multipliers=[bottleneck_multiplier] * len(stages),
            strides=[2] * len(stages),
            se_ratio=se_ratio,
        )

    def _get_expanded_params(self) -> Iterator[tuple[int, int, int, int, float]]:
        lists = (self.widths, self.strides, self.depths, self.group_widths)
        return zip(*lists, self.bottleneck_multipliers, strict=False)
