"""DenseNet: each layer takes the results of all layers before it in its block."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from .. import nn
from ..nn import functional as F
from ..nn import fusion
from ..nn import init as nn_init
from ..ops.shape import cat
from ..tensor import Tensor
from ..utils.checkpoint import checkpoint
from ._api import register
from ._build import WeightsLike, build
from ._checks import made_for_images
from .weights import (
    DenseNet121_Weights,
    DenseNet161_Weights,
    DenseNet169_Weights,
    DenseNet201_Weights,
)

__all__ = ["DenseNet", "densenet121", "densenet161", "densenet169", "densenet201"]

_OLD_NAME = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)")  # now norm1, conv2


class _DenseLayer(nn.Module):
    """A 1x1 and a 3x3 convolution, each after its batch norm and ReLU.

    The first has ``bn_size * growth_rate`` channels, the second ``growth_rate``. If
    ``memory_efficient``, backward computes the first one's part again (Pleiss et al. 2017).
    """

    def __init__(
        self,
        num_input_features: int,
        growth_rate: int,
        bn_size: int,
        drop_rate: float,
        memory_efficient: bool = False,
    ) -> None:
        super().__init__()
        width = bn_size * growth_rate
        self.norm1 = nn.BatchNorm2d(num_input_features)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(num_input_features, width, kernel_size=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, growth_rate, kernel_size=3, padding=1, bias=False)
        self.drop_rate = float(drop_rate)
        self.memory_efficient = memory_efficient

    def forward(self, input: Tensor | Sequence[Tensor]) -> Tensor:
        inputs = [input] if isinstance(input, Tensor) else input
        first = (self.norm1, self.relu1, self.conv1)
        second = (self.norm2, self.relu2, self.conv2)
        if self.memory_efficient and any(x.requires_grad for x in inputs):
            reduced: Any = checkpoint(lambda *x: fusion.run(cat(x, 1), first), *inputs)
            out = fusion.run(reduced, second)
        else:
            out = fusion.run(cat(inputs, 1), (*first, *second))
        return F.dropout(out, self.drop_rate, self.training) if self.drop_rate > 0 else out


class _DenseBlock(nn.ModuleDict):
    """Layers that add ``growth_rate`` channels each; the images keep their size."""

    def __init__(
        self,
        num_layers: int,
        num_input_features: int,
        bn_size: int,
        growth_rate: int,
        drop_rate: float,
        memory_efficient: bool = False,
    ) -> None:
        super().__init__()
        for i in range(num_layers):
            channels = num_input_features + i * growth_rate
            layer = _DenseLayer(channels, growth_rate, bn_size, drop_rate, memory_efficient)
            self[f"denselayer{i + 1}"] = layer

    def forward(self, init_features: Tensor) -> Tensor:
        features = [init_features]
        for layer in self.values():
            features.append(layer(features))
        return cat(features, 1)  # N x (num_input_features + num_layers * growth_rate) x H x W


class _Transition(nn.Sequential):
    """Between two blocks: a 1x1 convolution for fewer channels and a pooling, which halves H and W."""

    def __init__(self, num_input_features: int, num_output_features: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(num_input_features)
        self.relu = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(num_input_features, num_output_features, kernel_size=1, bias=False)
        self.pool = nn.AvgPool2d(kernel_size=2, stride=2)


def _rename_old(net: DenseNet, state: dict[str, Any], *_: Any) -> None:
    """Replaces the names in the published files, which are of 2017, by those of today."""
    for key in list(state):
        state[_OLD_NAME.sub(r"\1\2", key)] = state.pop(key)


class DenseNet(nn.Module):
    """The network of Huang et al. 2017 (DenseNet-BC), for images (N, 3, H, W) of 29 pixels or more.

    Args:
        growth_rate: channels that each layer adds, k in the paper.
        block_config: the number of layers in each block.
        num_init_features: channels of the first convolution.
        bn_size: channels of the layers' 1x1 convolutions, in growth rates.
        drop_rate: probability of the dropout after each layer.
        num_classes: number of logits.
        memory_efficient: whether backward computes some results again instead of keeping them.

    Convolutions start Kaiming-normal by fan-in. ``load_state_dict`` also takes the names in the
    published files, such as ``denselayer1.norm.1.weight``. As ``torchvision.models.DenseNet``.

    Raises:
        ValueError: in ``forward``, for another number of channels or a smaller image.
    """

    head_layers = ("classifier",)
    _load_state_dict_pre_hooks: Mapping[int, Any] = {-1: _rename_old}

    def __init__(
        self,
        growth_rate: int = 32,
        block_config: Sequence[int] = (6, 12, 24, 16),
        num_init_features: int = 64,
        bn_size: int = 4,
        drop_rate: float = 0,
        num_classes: int = 1000,
        memory_efficient: bool = False,
    ) -> None:
        super().__init__()
        channels, options = num_init_features, (bn_size, growth_rate, drop_rate, memory_efficient)
        with nn_init.no_init():  # all filters are drawn below
            layers: dict[str, nn.Module] = {
                "conv0": nn.Conv2d(3, channels, kernel_size=7, stride=2, padding=3, bias=False),
                "norm0": nn.BatchNorm2d(channels),
                "relu0": nn.ReLU(inplace=True),
                "pool0": nn.MaxPool2d(kernel_size=3, stride=2, padding=1),  # N x 64 x H/4 x W/4
            }
            for i, count in enumerate(block_config, start=1):
                layers[f"denseblock{i}"] = _DenseBlock(count, channels, *options)
                channels += count * growth_rate  # densenet121: 256, 512, 1024, 1024
                if i < len(block_config):
                    layers[f"transition{i}"] = _Transition(channels, channels // 2)
                    channels //= 2  # 128, 256, 512; each with half of H and W
            layers["norm5"] = nn.BatchNorm2d(channels)
            self.features = nn.Sequential(OrderedDict(layers))
        self.classifier = nn.Linear(channels, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn_init.kaiming_normal_(module.weight)
        nn_init.zeros_(self.classifier.bias)

    def forward(self, x: Tensor) -> Tensor:
        with made_for_images("DenseNet", x, smallest=29):
            x = F.relu(self.features(x), inplace=True)  # N x 1024 x H/32 x W/32
            return self.classifier(F.adaptive_avg_pool2d(x, (1, 1)).flatten(1))


@register(DenseNet121_Weights)
def densenet121(*, weights: WeightsLike = None, progress: bool = True, **kwargs: Any) -> DenseNet:
    """DenseNet with 121 layers of weights; ``kwargs`` go to :class:`DenseNet`."""
    make = partial(DenseNet, 32, (6, 12, 24, 16), 64)
    return build("densenet121", make, weights, progress, kwargs)


@register(DenseNet161_Weights)
def densenet161(*, weights: WeightsLike = None, progress: bool = True, **kwargs: Any) -> DenseNet:
    """DenseNet with 161 layers, which add 48 channels each; ``kwargs`` go to :class:`DenseNet`."""
    make = partial(DenseNet, 48, (6, 12, 36, 24), 96)
    return build("densenet161", make, weights, progress, kwargs)


@register(DenseNet169_Weights)
def densenet169(*, weights: WeightsLike = None, progress: bool = True, **kwargs: Any) -> DenseNet:
    """DenseNet with 169 layers; ``kwargs`` go to :class:`DenseNet`."""
    make = partial(DenseNet, 32, (6, 12, 32, 32), 64)
    return build("densenet169", make, weights, progress, kwargs)


@register(DenseNet201_Weights)
def densenet201(*, weights: WeightsLike = None, progress: bool = True, **kwargs: Any) -> DenseNet:
    """DenseNet with 201 layers; ``kwargs`` go to :class:`DenseNet`."""
    make = partial(DenseNet, 32, (6, 12, 48, 32), 64)
    return build("densenet201", make, weights, progress, kwargs)
