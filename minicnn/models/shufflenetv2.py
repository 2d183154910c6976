"""ShuffleNet v2: blocks that work on one half of the channels, then mix both halves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from .. import nn
from ..nn import branches
from ..ops.pixel_shuffle import channel_shuffle
from ..ops.shape import cat
from ..tensor import Tensor
from ._api import register
from ._build import WeightsLike, build
from ._checks import made_for_images
from .weights import (
    ShuffleNet_V2_X0_5_Weights,
    ShuffleNet_V2_X1_0_Weights,
    ShuffleNet_V2_X1_5_Weights,
    ShuffleNet_V2_X2_0_Weights,
)

__all__ = [
    "InvertedResidual",
    "ShuffleNetV2",
    "channel_shuffle",
    "shufflenet_v2_x0_5",
    "shufflenet_v2_x1_0",
    "shufflenet_v2_x1_5",
    "shufflenet_v2_x2_0",
]


class InvertedResidual(nn.Module):
    """Two branches, whose channels alternate in the result.

    With stride 1 the first branch is one half of the channels as they are, and the second a 1x1, a
    depthwise 3x3 and a 1x1 convolution of the other half. With a larger stride both take all
    channels, and the first is a depthwise 3x3 and a 1x1 convolution.

    Args:
        inp: C.
        oup: channels of the result, an even number.
        stride: of the 3x3 convolutions, 1 to 3.

    Raises:
        ValueError: for another stride, or for ``inp`` and ``oup`` that differ with stride 1.
    """

    def __init__(self, inp: int, oup: int, stride: int) -> None:
        super().__init__()
        if not 1 <= stride <= 3:
            raise ValueError(f"InvertedResidual expects a stride of 1 to 3, got {stride}")
        half = oup // 2
        if stride == 1 and inp != 2 * half:
            raise ValueError(
                f"InvertedResidual with stride 1 expects as many channels before as after, an even "
                f"number, got {inp} and {oup}"
            )
        self.stride = stride
        self.branch1 = nn.Sequential()
        if stride > 1:
            self.branch1 = nn.Sequential(
                self.depthwise_conv(inp, inp, 3, stride, padding=1),
                nn.BatchNorm2d(inp),
                nn.Conv2d(inp, half, kernel_size=1, bias=False),
                nn.BatchNorm2d(half),
                nn.ReLU(inplace=True),
            )
        self.branch2 = nn.Sequential(
            nn.Conv2d(inp if stride > 1 else half, half, kernel_size=1, bias=False),
            nn.BatchNorm2d(half),
            nn.ReLU(inplace=True),
            self.depthwise_conv(half, half, 3, stride, padding=1),
            nn.BatchNorm2d(half),
            nn.Conv2d(half, half, kernel_size=1, bias=False),
            nn.BatchNorm2d(half),
            nn.ReLU(inplace=True),
        )

    @staticmethod
    def depthwise_conv(
        i: int, o: int, kernel_size: int, stride: int = 1, padding: int = 0, bias: bool = False
    ) -> nn.Conv2d:
        """A convolution from ``i`` to ``o`` channels with a group for each channel."""
        return nn.Conv2d(i, o, kernel_size, stride, padding, groups=i, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        if self.stride == 1:
            kept, changed = x.chunk(2, 1)  # N x oup/2 x H x W each
            halves = [kept, self.branch2(changed)]
        else:
            halves = branches.run(x, (self.branch1, self.branch2))
        return channel_shuffle(cat(halves, 1), 2)  # N x oup x H/stride x W/stride


class ShuffleNetV2(nn.Module):
    """The network of Ma et al. 2018, for images (N, 3, H, W).

    Args:
        stages_repeats: the number of blocks in each of the three stages.
        stages_out_channels: channels of the first convolution, of the stages and of the last
            convolution.
        num_classes: number of logits.
        inverted_residual: makes the blocks; :class:`InvertedResidual` by default.

    As ``torchvision.models.ShuffleNetV2``.

    Raises:
        ValueError: for another number of stages or channels; in ``forward`` for an input of another
            shape.
    """

    head_layers = ("fc",)

    def __init__(
        self,
        stages_repeats: Sequence[int],
        stages_out_channels: Sequence[int],
        num_classes: int = 1000,
        inverted_residual: Callable[..., nn.Module] = InvertedResidual,
    ) -> None:
        super().__init__()
        if len(stages_repeats) != 3:
            raise ValueError(f"stages_repeats expects three numbers, got {stages_repeats}")
        if len(stages_out_channels) != 5:
            raise ValueError(f"stages_out_channels expects five numbers, got {stages_out_channels}")

        def stage(inp: int, oup: int, repeats: int) -> nn.Sequential:
            blocks = [inverted_residual(inp, oup, 2)]
            blocks += [inverted_residual(oup, oup, 1) for _ in range(repeats - 1)]
            return nn.Sequential(*blocks)

        c1, c2, c3, c4, c5 = stages_out_channels
        self.conv1 = _conv_bn_relu(3, c1, kernel_size=3, stride=2, padding=1)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.stage2 = stage(c1, c2, stages_repeats[0])
        self.stage3 = stage(c2, c3, stages_repeats[1])
        self.stage4 = stage(c3, c4, stages_repeats[2])
        self.conv5 = _conv_bn_relu(c4, c5, kernel_size=1)
        self.fc = nn.Linear(c5, num_classes)

    def _forward_impl(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.conv1(x))  # N x c1 x H/4 x W/4
        x = self.stage2(x)  # N x c2 x H/8 x W/8
        x = self.stage3(x)  # N x c3 x H/16 x W/16
        x = self.stage4(x)  # N x c4 x H/32 x W/32
        x = self.conv5(x).mean((2, 3))  # N x c5
        return self.fc(x)

    def forward(self, x: Tensor) -> Tensor:
        with made_for_images("ShuffleNetV2", x, smallest=1):
            return self._forward_impl(x)


def _conv_bn_relu(in_channels: int, out_channels: int, **options: Any) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, bias=False, **options),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


@register(ShuffleNet_V2_X0_5_Weights)
def shufflenet_v2_x0_5(
    *, weights: WeightsLike = None, progress: bool = True, **kwargs: Any
) -> ShuffleNetV2:
    """ShuffleNet v2 with half as many channels; ``kwargs`` go to :class:`ShuffleNetV2`."""
    make = partial(ShuffleNetV2, (4, 8, 4), (24, 48, 96, 192, 1024))
    return build("shufflenet_v2_x0_5", make, weights, progress, kwargs)


@register(ShuffleNet_V2_X1_0_Weights)
def shufflenet_v2_x1_0(
    *, weights: WeightsLike = None, progress: bool = True, **kwargs: Any
) -> ShuffleNetV2:
    """ShuffleNet v2; ``kwargs`` go to :class:`ShuffleNetV2`."""
    make = partial(ShuffleNetV2, (4, 8, 4), (24, 116, 232, 464, 1024))
    return build("shufflenet_v2_x1_0", make, weights, progress, kwargs)


@register(ShuffleNet_V2_X1_5_Weights)
def shufflenet_v2_x1_5(
    *, weights: WeightsLike = None, progress: bool = True, **kwargs: Any
) -> ShuffleNetV2:
    """ShuffleNet v2 with 1.5 times the channels; ``kwargs`` go to :class:`ShuffleNetV2`."""
    make = partial(ShuffleNetV2, (4, 8, 4), (24, 176, 352, 704, 1024))
    return build("shufflenet_v2_x1_5", make, weights, progress, kwargs)


@register(ShuffleNet_V2_X2_0_Weights)
def shufflenet_v2_x2_0(
    *, weights: WeightsLike = None, progress: bool = True, **kwargs: Any
) -> ShuffleNetV2:
    """ShuffleNet v2 with twice the channels; ``kwargs`` go to :class:`ShuffleNetV2`."""
    make = partial(ShuffleNetV2, (4, 8, 4), (24, 244, 488, 976, 2048))
    return build("shufflenet_v2_x2_0", make, weights, progress, kwargs)
