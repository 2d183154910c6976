"""EfficientNet: a small network, scaled in depth, width and the size of its images together."""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from .. import nn
from ..nn import init as nn_init
from ..tensor import Tensor
from ..vision import Conv2dNormActivation
from ._api import WeightsEnum, register
from ._build import WeightsLike, build
from ._checks import made_for_images
from ._mbconv import FusedMBConv, FusedMBConvConfig, MBConv, MBConvConfig, Stage
from .weights import efficientnet as published

__all__ = [
    "EfficientNet", "FusedMBConv", "FusedMBConvConfig", "MBConv", "MBConvConfig",
    "efficientnet_b0", "efficientnet_b1", "efficientnet_b2", "efficientnet_b3", "efficientnet_b4",
    "efficientnet_b5", "efficientnet_b6", "efficientnet_b7",
    "efficientnet_v2_l", "efficientnet_v2_m", "efficientnet_v2_s",
]  # fmt: skip

Layer = Callable[..., nn.Module]
Stages = Sequence[MBConvConfig | FusedMBConvConfig]


class EfficientNet(nn.Module):
    """The networks of Tan & Le 2019 and 2021, for images (N, 3, H, W).

    Args:
        inverted_residual_setting: the stages.
        dropout: probability of the dropout before the classifier.
        stochastic_depth_prob: training drops block i of n, counted from 0, with i / n of this
            probability.
        num_classes: number of logits.
        norm_layer: makes a normalisation of so many channels; ``BatchNorm2d`` by default.
        last_channel: channels before the classifier; by default four times the last stage's.

    Raises:
        ValueError: without stages; in ``forward``, for another number of channels.
        TypeError: for stages of another type.

    As ``torchvision.models.EfficientNet``.
    """

    head_layers = ("classifier.1",)

    def __init__(
        self,
        inverted_residual_setting: Stages,
        dropout: float,
        stochastic_depth_prob: float = 0.2,
        num_classes: int = 1000,
        norm_layer: Layer | None = None,
        last_channel: int | None = None,
    ) -> None:
        super().__init__()
        stages = inverted_residual_setting
        if not stages:
            raise ValueError(f"EfficientNet expects at least one stage, got {stages!r}")
        if not isinstance(stages, Sequence) or not all(isinstance(s, Stage) for s in stages):
            raise TypeError(f"EfficientNet expects a sequence of MBConvConfig, got {stages!r}")
        norm = norm_layer or nn.BatchNorm2d
        conv = partial(Conv2dNormActivation, norm_layer=norm, activation_layer=nn.SiLU)
        channels = stages[-1].out_channels
        last = 4 * channels if last_channel is None else last_channel
        # of the blocks here all filters are drawn again below
        is_own = all(stage.block in (MBConv, FusedMBConv) for stage in stages)
        with nn_init.no_init() if is_own else contextlib.nullcontext():
            self.features = nn.Sequential(
                conv(3, stages[0].input_channels, stride=2),
                *_blocks(stages, stochastic_depth_prob, norm),
                conv(channels, last, kernel_size=1),
            )
            self.avgpool = nn.AdaptiveAvgPool2d(1)
            dropout_layer = nn.Dropout(p=dropout, inplace=True)
            self.classifier = nn.Sequential(dropout_layer, nn.Linear(last, num_classes))
        for module in self.modules():
            _init(module)

    def _forward_impl(self, x: Tensor) -> Tensor:
        x = self.features(x)  # N x last_channel x H/32 x W/32
        x = self.avgpool(x)  # N x last_channel x 1 x 1
        return self.classifier(x.flatten(1))

    def forward(self, x: Tensor) -> Tensor:
        with made_for_images("EfficientNet", x, smallest=1):
            return self._forward_impl(x)


def _blocks(stages: Stages, drop_prob: float, norm: Layer) -> list[nn.Sequential]:
    """The blocks of each stage."""
    total, before, made = sum(stage.num_layers for stage in stages), 0, []
    for stage in stages:
        blocks: list[nn.Module] = []
        for _ in range(stage.num_layers):
            cnf = copy.copy(stage)
            if blocks:
                cnf.input_channels, cnf.stride = cnf.out_channels, 1
            blocks.append(cnf.block(cnf, drop_prob * before / total, norm))
            before += 1
        made.append(nn.Sequential(*blocks))
    return made


def _init(module: nn.Module) -> None:
    """Convolutions are Kaiming-normal by fan-out, linear layers uniform by the number of outputs."""
    if isinstance(module, nn.Conv2d):
        nn_init.kaiming_normal_(module.weight, mode="fan_out")
    elif isinstance(module, (nn.BatchNorm2d, nn.GroupNorm)) and module.weight is not None:
        nn_init.ones_(module.weight)
    elif isinstance(module, nn.Linear):
        bound = 1.0 / math.sqrt(module.out_features)
        nn_init.uniform_(module.weight, -bound, bound)
    else:
        return
    if module.bias is not None:
        nn_init.zeros_(module.bias)


def _builder(
    size: str,
    enum: type[WeightsEnum],
    stages: Stages,
    dropout: float,
    last_channel: int | None = None,
    **norm: Any,
) -> Callable[..., EfficientNet]:
    """The function that builds the network of one size; ``norm`` are options of its batch norms."""
    fixed: dict[str, Any] = {"norm_layer": partial(nn.BatchNorm2d, **norm)} if norm else {}

    def make(dropout: float = dropout, **options: Any) -> EfficientNet:
        return EfficientNet(stages, dropout, last_channel=last_channel, **fixed, **options)

    def builder(
        *, weights: WeightsLike = None, progress: bool = True, **kwargs: Any
    ) -> EfficientNet:
        return build(builder.__name__, make, weights, progress, kwargs)

    builder.__name__ = builder.__qualname__ = f"efficientnet_{size}"
    builder.__doc__ = f"EfficientNet {size}; ``kwargs`` go to :class:`EfficientNet`."
    return register(enum)(builder)


def _scaled(width_mult: float, depth_mult: float) -> Stages:
    """B0 with more channels and more blocks. Table 1 of the first paper."""
    stages = (
        (1, 3, 1, 32, 16, 1), (6, 3, 2, 16, 24, 2), (6, 5, 2, 24, 40, 2), (6, 3, 2, 40, 80, 3),
        (6, 5, 1, 80, 112, 3), (6, 5, 2, 112, 192, 4), (6, 3, 1, 192, 320, 1),
    )  # fmt: skip
    return [MBConvConfig(*stage, width_mult, depth_mult) for stage in stages]


def _version2(*stages: tuple[int, int, int, int, int, int]) -> Stages:
    """Three stages of fused blocks, then others. Table 4 of the second paper."""
    fused: list[Any] = [FusedMBConvConfig(*stage) for stage in stages[:3]]
    return fused + [MBConvConfig(*stage) for stage in stages[3:]]


_V2_S = _version2(
    (1, 3, 1, 24, 24, 2), (4, 3, 2, 24, 48, 4), (4, 3, 2, 48, 64, 4),
    (4, 3, 2, 64, 128, 6), (6, 3, 1, 128, 160, 9), (6, 3, 2, 160, 256, 15),
)  # fmt: skip
_V2_M = _version2(
    (1, 3, 1, 24, 24, 3), (4, 3, 2, 24, 48, 5), (4, 3, 2, 48, 80, 5), (4, 3, 2, 80, 160, 7),
    (6, 3, 1, 160, 176, 14), (6, 3, 2, 176, 304, 18), (6, 3, 1, 304, 512, 5),
)  # fmt: skip
_V2_L = _version2(
    (1, 3, 1, 32, 32, 4), (4, 3, 2, 32, 64, 7), (4, 3, 2, 64, 96, 7), (4, 3, 2, 96, 192, 10),
    (6, 3, 1, 192, 224, 19), (6, 3, 2, 224, 384, 25), (6, 3, 1, 384, 640, 7),
)  # fmt: skip
_TF: dict[str, Any] = {"eps": 0.001, "momentum": 0.01}  # they were trained in TensorFlow
efficientnet_b0 = _builder("b0", published.EfficientNet_B0_Weights, _scaled(1.0, 1.0), 0.2)
efficientnet_b1 = _builder("b1", published.EfficientNet_B1_Weights, _scaled(1.0, 1.1), 0.2)
efficientnet_b2 = _builder("b2", published.EfficientNet_B2_Weights, _scaled(1.1, 1.2), 0.3)
efficientnet_b3 = _builder("b3", published.EfficientNet_B3_Weights, _scaled(1.2, 1.4), 0.3)
efficientnet_b4 = _builder("b4", published.EfficientNet_B4_Weights, _scaled(1.4, 1.8), 0.4)
efficientnet_b5 = _builder("b5", published.EfficientNet_B5_Weights, _scaled(1.6, 2.2), 0.4, **_TF)
efficientnet_b6 = _builder("b6", published.EfficientNet_B6_Weights, _scaled(1.8, 2.6), 0.5, **_TF)
efficientnet_b7 = _builder("b7", published.EfficientNet_B7_Weights, _scaled(2.0, 3.1), 0.5, **_TF)
efficientnet_v2_s = _builder(
    "v2_s", published.EfficientNet_V2_S_Weights, _V2_S, 0.2, 1280, eps=0.001
)
efficientnet_v2_m = _builder(
    "v2_m", published.EfficientNet_V2_M_Weights, _V2_M, 0.3, 1280, eps=0.001
)
efficientnet_v2_l = _builder(
    "v2_l", published.EfficientNet_V2_L_Weights, _V2_L, 0.4, 1280, eps=0.001
)
