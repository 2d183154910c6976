"""RegNet: residual networks whose widths grow by a simple rule, found in a space of designs."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any

from .. import nn
from ..nn import init as nn_init
from ..tensor import Tensor
from ._api import WeightsEnum, register
from ._build import WeightsLike, build
from ._checks import made_for_images
from ._regnet_blocks import (
    AnyStage,
    BlockParams,
    BottleneckTransform,
    ResBottleneckBlock,
    SimpleStemIN,
)
from .weights import regnet as published

__all__ = [
    "AnyStage", "BlockParams", "BottleneckTransform", "RegNet", "ResBottleneckBlock", "SimpleStemIN",
    "regnet_x_1_6gf", "regnet_x_3_2gf", "regnet_x_8gf", "regnet_x_16gf", "regnet_x_32gf",
    "regnet_x_400mf", "regnet_x_800mf",
    "regnet_y_1_6gf", "regnet_y_3_2gf", "regnet_y_8gf", "regnet_y_16gf", "regnet_y_32gf",
    "regnet_y_128gf", "regnet_y_400mf", "regnet_y_800mf",
]  # fmt: skip

Layer = Callable[..., nn.Module]


class RegNet(nn.Module):
    """The network of Radosavovic et al. 2020, for images (N, 3, H, W).

    Args:
        block_params: the blocks of each stage.
        num_classes: number of logits.
        stem_width: channels of the first convolution.
        stem_type, block_type: make the first layers and a block; :class:`SimpleStemIN` and
            :class:`ResBottleneckBlock` by default.
        norm_layer, activation: make the other layers; ``BatchNorm2d`` and ``ReLU`` by default.

    Raises:
        ValueError: in ``forward``, for another number of channels.

    As ``torchvision.models.RegNet``.
    """

    head_layers = ("fc",)

    def __init__(
        self,
        block_params: BlockParams,
        num_classes: int = 1000,
        stem_width: int = 32,
        stem_type: Layer | None = None,
        block_type: Layer | None = None,
        norm_layer: Layer | None = None,
        activation: Layer | None = None,
    ) -> None:
        super().__init__()
        block, norm = block_type or ResBottleneckBlock, norm_layer or nn.BatchNorm2d
        relu = activation or nn.ReLU
        self.stem = (stem_type or SimpleStemIN)(3, stem_width, norm, relu)
        stages, width = OrderedDict[str, nn.Module](), stem_width
        for i, entry in enumerate(block_params._get_expanded_params(), 1):
            width_out, stride, depth, group_width, multiplier = entry
            stages[f"block{i}"] = AnyStage(
                width, width_out, stride, depth, block, norm, relu, group_width, multiplier,
                block_params.se_ratio, i,
            )  # fmt: skip
            width = width_out
        self.trunk_output = nn.Sequential(stages)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(width, num_classes)
        for module in self.modules():
            _init(module)

    def forward(self, x: Tensor) -> Tensor:
        with made_for_images("RegNet", x, smallest=1):
            x = self.stem(x)  # N x 32 x H/2 x W/2
            x = self.trunk_output(x)  # N x C x H/32 x W/32, each of the four stages halves H and W
            x = self.avgpool(x)  # N x C x 1 x 1
            return self.fc(x.flatten(1))


def _init(module: nn.Module) -> None:
    """Convolutions are Kaiming-normal by fan-out, as if they had one group."""
    if isinstance(module, nn.Conv2d):
        fan_out = math.prod(module.kernel_size) * module.out_channels
        nn_init.normal_(module.weight, std=math.sqrt(2.0 / fan_out))
    elif isinstance(module, nn.Linear):
        nn_init.normal_(module.weight, std=0.01)
        nn_init.zeros_(module.bias)


def _builder(
    size: str,
    enum: type[WeightsEnum],
    depth: int,
    w_0: int,
    w_a: float,
    w_m: float,
    group_width: int,
) -> Callable[..., RegNet]:
    """The function that builds the network of one size; those named y have squeeze-and-excitation."""
    se_ratio = 0.25 if size.startswith("y") else None
    params = BlockParams.from_init_params(depth, w_0, w_a, w_m, group_width, se_ratio=se_ratio)
    make = partial(RegNet, params)

    def builder(*, weights: WeightsLike = None, progress: bool = True, **kwargs: Any) -> RegNet:
        return build(builder.__name__, make, weights, progress, kwargs)

    builder.__name__ = builder.__qualname__ = f"regnet_{size}"
    builder.__doc__ = f"RegNet of the size {size}; ``kwargs`` go to :class:`RegNet`."
    return register(enum)(builder)


# Depth, w_0, w_a, w_m and group width.
regnet_y_400mf = _builder("y_400mf", published.RegNet_Y_400MF_Weights, 16, 48, 27.89, 2.09, 8)
regnet_y_800mf = _builder("y_800mf", published.RegNet_Y_800MF_Weights, 14, 56, 38.84, 2.4, 16)
regnet_y_1_6gf = _builder("y_1_6gf", published.RegNet_Y_1_6GF_Weights, 27, 48, 20.71, 2.65, 24)
regnet_y_3_2gf = _builder("y_3_2gf", published.RegNet_Y_3_2GF_Weights, 21, 80, 42.63, 2.66, 24)
regnet_y_8gf = _builder("y_8gf", published.RegNet_Y_8GF_Weights, 17, 192, 76.82, 2.19, 56)
regnet_y_16gf = _builder("y_16gf", published.RegNet_Y_16GF_Weights, 18, 200, 106.23, 2.48, 112)
regnet_y_32gf = _builder("y_32gf", published.RegNet_Y_32GF_Weights, 20, 232, 115.89, 2.53, 232)
regnet_y_128gf = _builder("y_128gf", published.RegNet_Y_128GF_Weights, 27, 456, 160.83, 2.52, 264)
regnet_x_400mf = _builder("x_400mf", published.RegNet_X_400MF_Weights, 22, 24, 24.48, 2.54, 16)
regnet_x_800mf = _builder("x_800mf", published.RegNet_X_800MF_Weights, 16, 56, 35.73, 2.28, 16)
regnet_x_1_6gf = _builder("x_1_6gf", published.RegNet_X_1_6GF_Weights, 18, 80, 34.01, 2.25, 24)
regnet_x_3_2gf = _builder("x_3_2gf", published.RegNet_X_3_2GF_Weights, 25, 88, 26.31, 2.25, 48)
regnet_x_8gf = _builder("x_8gf", published.RegNet_X_8GF_Weights, 23, 80, 49.56, 2.88, 120)
regnet_x_16gf = _builder("x_16gf", published.RegNet_X_16GF_Weights, 22, 216, 55.59, 2.1, 128)
regnet_x_32gf = _builder("x_32gf", published.RegNet_X_32GF_Weights, 23, 320, 69.86, 2.0, 168)
