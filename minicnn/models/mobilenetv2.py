"""MobileNet v2: blocks that are wide inside and narrow between, with depthwise convolutions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import nn
from ..nn import init as nn_init
from ..tensor import Tensor
from ..vision.blocks import Conv2dNormActivation
from ._api import register
from ._build import WeightsLike, build
from ._checks import made_for_images
from ._utils import _make_divisible
from .weights import MobileNet_V2_Weights

__all__ = ["InvertedResidual", "MobileNetV2", "MobileNet_V2_Weights", "mobilenet_v2"]

Layer = Callable[..., nn.Module]

# Table 2 of the paper: expansion t, channels c, blocks n, and the stride s of the first of them.
_SETTING = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


class InvertedResidual(nn.Module):
    """A 1x1 convolution to more channels, a depthwise 3x3 one, and a 1x1 one to few channels.

    There is no activation after the last, where a ReLU would lose too much of so few channels. The
    result is added to the input where it has the same shape.

    Args:
        inp, oup: channels of the input and of the result.
        stride: stride of the depthwise convolution, 1 or 2.
        expand_ratio: channels inside per channel of the input; at 1 there is no first convolution.
        norm_layer: makes a normalisation of so many channels; ``BatchNorm2d`` by default.

    Raises:
        ValueError: for another stride.
    """

    def __init__(
        self,
        inp: int,
        oup: int,
        stride: int,
        expand_ratio: int,
        norm_layer: Layer | None = None,
    ) -> None:
        super().__init__()
        if stride not in (1, 2):
            raise ValueError(f"InvertedResidual expects a stride of 1 or 2, got {stride}")
        self.stride = stride
        self.use_res_connect = stride == 1 and inp == oup
        self.out_channels = oup
        norm = norm_layer or nn.BatchNorm2d
        hidden = round(inp * expand_ratio)
        options: dict[str, Any] = {"norm_layer": norm, "activation_layer": nn.ReLU6}
        layers: list[nn.Module] = []
        if expand_ratio != 1:
            layers.append(Conv2dNormActivation(inp, hidden, kernel_size=1, **options))
        layers += [
            Conv2dNormActivation(hidden, hidden, stride=stride, groups=hidden, **options),
            nn.Conv2d(hidden, oup, kernel_size=1, bias=False),
            norm(oup),
        ]
        self.conv = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.use_res_connect else self.conv(x)


class MobileNetV2(nn.Module):
    """The network of Sandler et al. 2018, for images (N, 3, H, W).

    Args:
        num_classes: number of logits.
        width_mult: scales the channels of all layers; of the last convolution only if above 1.
        inverted_residual_setting: for each stage (t, c, n, s): n blocks with c channels that expand
            by t, of which the first has stride s; by default those of the paper.
        round_nearest: all numbers of channels are multiples of this.
        block: makes the blocks; :class:`InvertedResidual` by default.
        norm_layer: makes a normalisation of so many channels; ``BatchNorm2d`` by default.
        dropout: probability of the dropout before the last layer.

    Raises:
        ValueError: for a setting without stages, or with other than four numbers in the first; in
            ``forward`` for an input of another shape.

    As ``torchvision.models.MobileNetV2``.
    """

    head_layers = ("classifier.1",)

    def __init__(
        self,
        num_classes: int = 1000,
        width_mult: float = 1.0,
        inverted_residual_setting: Sequence[Sequence[int]] | None = None,
        round_nearest: int = 8,
        block: Layer | None = None,
        norm_layer: Layer | None = None,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        setting = _SETTING if inverted_residual_setting is None else inverted_residual_setting
        if len(setting) == 0 or len(setting[0]) != 4:
            raise ValueError(
                "inverted_residual_setting expects stages of four numbers (t, c, n, s), "
                f"got {inverted_residual_setting}"
            )
        block, norm = block or InvertedResidual, norm_layer or nn.BatchNorm2d
        options: dict[str, Any] = {"norm_layer": norm, "activation_layer": nn.ReLU6}
        channels = _make_divisible(32 * width_mult, round_nearest)
        layers: list[nn.Module] = [Conv2dNormActivation(3, channels, stride=2, **options)]
        for expansion, c, n, stride in setting:
            width = _make_divisible(c * width_mult, round_nearest)
            for i in range(n):
                first = stride if i == 0 else 1
                layers.append(
                    block(channels, width, first, expand_ratio=expansion, norm_layer=norm)
                )
                channels = width
        self.last_channel = _make_divisible(1280 * max(1.0, width_mult), round_nearest)
        layers.append(Conv2dNormActivation(channels, self.last_channel, kernel_size=1, **options))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Dropout(p=dropout), nn.Linear(self.last_channel, num_classes)
        )
        init_mobilenet(self)

    def _forward_impl(self, x: Tensor) -> Tensor:
        x = self.features(x)  # N x last_channel x H/32 x W/32
        x = nn.functional.adaptive_avg_pool2d(x, (1, 1))  # N x last_channel x 1 x 1
        return self.classifier(x.flatten(1))

    def forward(self, x: Tensor) -> Tensor:
        with made_for_images("MobileNetV2", x, smallest=1):
            return self._forward_impl(x)


def init_mobilenet(net: nn.Module) -> None:
    """Draws a network's first weights: Kaiming-normal by fan-out, of linear layers N(0, 0.01²)."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn_init.kaiming_normal_(module.weight, mode="fan_out")
        elif isinstance(module, (nn.BatchNorm2d, nn.GroupNorm)):
            nn_init.ones_(module.get_parameter("weight"))
        elif isinstance(module, nn.Linear):
            nn_init.normal_(module.weight, 0.0, 0.01)
        else:
            continue
        if module.bias is not None:
            nn_init.zeros_(module.bias)


@register(MobileNet_V2_Weights)
def mobilenet_v2(
    *, weights: WeightsLike = None, progress: bool = True, **kwargs: Any
) -> MobileNetV2:
    """MobileNet v2; ``kwargs`` go to :class:`MobileNetV2`."""
    return build("mobilenet_v2", MobileNetV2, weights, progress, kwargs)
