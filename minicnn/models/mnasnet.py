"""MNASNet: blocks as in MobileNet v2, whose kernels and widths were found by a search."""

from __future__ import annotations

from functools import partial
from typing import Any

from .. import nn
from ..nn import init as nn_init
from ..tensor import Tensor
from ._api import register
from ._build import WeightsLike, build
from ._checks import made_for_images
from ._utils import _make_divisible
from .weights import (
    MNASNet0_5_Weights,
    MNASNet0_75_Weights,
    MNASNet1_0_Weights,
    MNASNet1_3_Weights,
)

__all__ = ["MNASNet", "mnasnet0_5", "mnasnet0_75", "mnasnet1_0", "mnasnet1_3"]

_MOMENTUM = 1 - 0.9997  # of batch norms; the paper gives the weight of the old mean, as TensorFlow

# Figure 7 of the paper, (b): channels, kernel size, stride of the first block, expansion, blocks.
_STACKS = (
    (24, 3, 2, 3, 3),
    (40, 5, 2, 3, 3),
    (80, 5, 2, 6, 3),
    (96, 3, 1, 6, 2),
    (192, 5, 2, 6, 4),
    (320, 3, 1, 6, 1),
)


class _InvertedResidual(nn.Module):
    """A 1x1 convolution to more channels, a depthwise one, and a 1x1 one without activation.

    The result is added to the input where it has the same shape.

    Args:
        in_channels, out_channels: channels of the input and of the result.
        kernel_size, stride: of the depthwise convolution.
        expansion: channels inside per channel of the input.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, stride: int, expansion: int
    ) -> None:
        super().__init__()
        self.apply_residual = in_channels == out_channels and stride == 1
        hidden = in_channels * expansion
        self.layers = nn.Sequential(
            *_convolution(in_channels, hidden, 1),
            nn.ReLU(inplace=True),
            *_convolution(hidden, hidden, kernel_size, stride, groups=hidden),
            nn.ReLU(inplace=True),
            *_convolution(hidden, out_channels, 1),
        )

    def forward(self, input: Tensor) -> Tensor:
        return self.layers(input) + input if self.apply_residual else self.layers(input)


class MNASNet(nn.Module):
    """The network MnasNet-B1 of Tan et al. 2019, for images (N, 3, H, W).

    Args:
        alpha: scales the channels of all layers but the last convolution.
        num_classes: number of logits.
        dropout: probability of the dropout before the last layer.

    Raises:
        ValueError: for an ``alpha`` of 0 or less; in ``forward`` for an input of another shape.

    As ``torchvision.models.MNASNet``, which also loads files of its first version, where ``alpha``
    did not scale the first layers.
    """

    _version = 2  # of the entries in a state_dict, which torchvision's network asks for
    head_layers = ("classifier.1",)

    def __init__(self, alpha: float, num_classes: int = 1000, dropout: float = 0.2) -> None:
        super().__init__()
        if alpha <= 0:
            raise ValueError(f"alpha must be above 0, got {alpha}")
        self.alpha = alpha
        self.num_classes = num_classes
        first, channels = (_make_divisible(c * alpha, 8) for c in (32, 16))
        layers: list[nn.Module] = [
            *_convolution(3, first, 3, stride=2),
            nn.ReLU(inplace=True),
            *_convolution(first, first, 3, groups=first),
            nn.ReLU(inplace=True),
            *_convolution(first, channels, 1),
        ]
        for c, kernel_size, stride, expansion, blocks in _STACKS:
            width = _make_divisible(c * alpha, 8)
            block = partial(_InvertedResidual, kernel_size=kernel_size, expansion=expansion)
            others = [block(width, width, stride=1) for _ in range(1, blocks)]
            layers.append(nn.Sequential(block(channels, width, stride=stride), *others))
            channels = width
        layers += [*_convolution(channels, 1280, 1), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Dropout(p=dropout, inplace=True), nn.Linear(1280, num_classes)
        )
        self._init_weights()

    def _init_weights(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn_init.kaiming_normal_(module.weight, mode="fan_out")
            elif isinstance(module, nn.Linear):
                nn_init.kaiming_uniform_(module.weight, mode="fan_out", nonlinearity="sigmoid")
                nn_init.zeros_(module.get_parameter("bias"))

    def forward(self, x: Tensor) -> Tensor:
        with made_for_images("MNASNet", x, smallest=1):
            x = self.layers(x)  # N x 1280 x H/32 x W/32
        return self.classifier(x.mean((2, 3)))


def _convolution(
    in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, groups: int = 1
) -> tuple[nn.Module, nn.Module]:
    """A convolution that keeps the size at stride 1, and a batch norm."""
    conv = nn.Conv2d(
        in_channels, out_channels, kernel_size, stride, kernel_size // 2, groups=groups, bias=False
    )
    return conv, nn.BatchNorm2d(out_channels, momentum=_MOMENTUM)


@register(MNASNet0_5_Weights)
def mnasnet0_5(*, weights: WeightsLike = None, progress: bool = True, **kwargs: Any) -> MNASNet:
    """MNASNet with half as many channels; ``kwargs`` go to :class:`MNASNet`."""
    return build("mnasnet0_5", partial(MNASNet, 0.5), weights, progress, kwargs)


@register(MNASNet0_75_Weights)
def mnasnet0_75(*, weights: WeightsLike = None, progress: bool = True, **kwargs: Any) -> MNASNet:
    """MNASNet with 0.75 times as many channels; ``kwargs`` go to :class:`MNASNet`."""
    return build("mnasnet0_75", partial(MNASNet, 0.75), weights, progress, kwargs)


@register(MNASNet1_0_Weights)
def mnasnet1_0(*, weights: WeightsLike = None, progress: bool = True, **kwargs: Any) -> MNASNet:
    """MNASNet; ``kwargs`` go to :class:`MNASNet`."""
    return build("mnasnet1_0", partial(MNASNet, 1.0), weights, progress, kwargs)


@register(MNASNet1_3_Weights)
def mnasnet1_3(*, weights: WeightsLike = None, progress: bool = True, **kwargs: Any) -> MNASNet:
    """MNASNet with 1.3 times as many channels; ``kwargs`` go to :class:`MNASNet`."""
    return build("mnasnet1_3", partial(MNASNet, 1.3), weights, progress, kwargs)
