"""ConvNeXt: a residual network of depthwise convolutions, designed like a vision transformer."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from .. import nn
from ..creation import ones
from ..nn import init as nn_init
from ..tensor import Tensor
from ..vision import Conv2dNormActivation, Permute, StochasticDepth
from ._api import WeightsEnum, register
from ._build import WeightsLike, build
from ._checks import made_for_images
from .weights import convnext as published

__all__ = [
    "CNBlock", "CNBlockConfig", "ConvNeXt", "LayerNorm2d",
    "convnext_base", "convnext_large", "convnext_small", "convnext_tiny",
]  # fmt: skip

Layer = Callable[..., nn.Module]


class LayerNorm2d(nn.LayerNorm):
    """Normalises each pixel of images (N, C, H, W) over its channels."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class CNBlock(nn.Module):
    """A 7x7 depthwise convolution and, at each pixel, an MLP, whose result is added to the input.

    Args:
        dim: C.
        layer_scale: first factor of the result; each channel learns its own.
        stochastic_depth_prob: probability in training that an image passes the block unchanged.
        norm_layer: makes the normalisation of the last dimension; ``LayerNorm`` by default.
    """

    def __init__(
        self,
        dim: int,
        layer_scale: float,
        stochastic_depth_prob: float,
        norm_layer: Layer | None = None,
    ) -> None:
        super().__init__()
        norm = norm_layer or partial(nn.LayerNorm, eps=1e-6)
        self.block = nn.Sequential(
            nn.Conv2d(dim, dim, kernel_size=7, padding=3, groups=dim),
            Permute([0, 2, 3, 1]),  # N x H x W x C
            norm(dim),
            nn.Linear(dim, 4 * dim),  # N x H x W x 4C
            nn.GELU(),
            nn.Linear(4 * dim, dim),
            Permute([0, 3, 1, 2]),  # N x C x H x W
        )
        self.layer_scale = nn.Parameter(ones(dim, 1, 1) * layer_scale)
        self.stochastic_depth = StochasticDepth(stochastic_depth_prob, "row")

    def forward(self, input: Tensor) -> Tensor:
        return self.stochastic_depth(self.layer_scale * self.block(input)) + input


@dataclass
class CNBlockConfig:
    """A stage of ``num_layers`` blocks, and a 2x2 convolution after it unless it is the last.

    Attributes:
        input_channels: channels of the blocks.
        out_channels: channels after the convolution; None for no convolution.
        num_layers: number of blocks.
    """

    input_channels: int
    out_channels: int | None
    num_layers: int


class ConvNeXt(nn.Module):
    """The network of Liu et al. 2022, for images (N, 3, H, W) of 32 pixels or more.

    Args:
        block_setting: the stages.
        stochastic_depth_prob: training drops block i of n, counted from 0, with i / (n - 1) of this
            probability.
        layer_scale: first factor of each block's result.
        num_classes: number of logits.
        block: makes a block; :class:`CNBlock` by default.
        norm_layer: makes a normalisation of so many channels; :class:`LayerNorm2d` by default.
        kwargs: ignored, as torchvision does.

    Raises:
        ValueError: without stages; in ``forward``, for another number of channels or a smaller image.
        TypeError: for stages of another type.

    As ``torchvision.models.ConvNeXt``.
    """

    head_layers = ("classifier.2",)

    def __init__(
        self,
        block_setting: Sequence[CNBlockConfig],
        stochastic_depth_prob: float = 0.0,
        layer_scale: float = 1e-6,
        num_classes: int = 1000,
        block: Layer | None = None,
        norm_layer: Layer | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        if not block_setting:
            raise ValueError(f"ConvNeXt expects at least one stage, got {block_setting!r}")
        is_sequence = isinstance(block_setting, Sequence)
        if not is_sequence or not all(isinstance(s, CNBlockConfig) for s in block_setting):
            raise TypeError(f"ConvNeXt expects a sequence of CNBlockConfig, got {block_setting!r}")
        norm = norm_layer or partial(LayerNorm2d, eps=1e-6)
        first, last = block_setting[0], block_setting[-1]
        channels = last.input_channels if last.out_channels is None else last.out_channels
        # of the blocks here all filters are drawn again below
        with nn_init.no_init() if block is None else contextlib.nullcontext():
            self.features = nn.Sequential(
                Conv2dNormActivation(
                    3, first.input_channels, kernel_size=4, stride=4, padding=0,
                    norm_layer=norm, activation_layer=None, bias=True,
                ),
                *_stages(block_setting, stochastic_depth_prob, layer_scale, block or CNBlock, norm),
            )  # fmt: skip
            self.avgpool = nn.AdaptiveAvgPool2d(1)
            self.classifier = nn.Sequential(
                norm(channels), nn.Flatten(1), nn.Linear(channels, num_classes)
            )
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn_init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn_init.zeros_(module.bias)

    def _forward_impl(self, x: Tensor) -> Tensor:
        x = self.features(x)  # N x C x H/32 x W/32: a quarter after the first layer, then halves
        x = self.avgpool(x)  # N x C x 1 x 1
        return self.classifier(x)

    def forward(self, x: Tensor) -> Tensor:
        with made_for_images("ConvNeXt", x, smallest=32):
            return self._forward_impl(x)


def _stages(
    settings: Sequence[CNBlockConfig],
    drop_prob: float,
    layer_scale: float,
    block: Layer,
    norm: Layer,
) -> Iterator[nn.Sequential]:
    """The blocks of each stage, and after them what halves H and W for the next."""
    last, before = max(sum(stage.num_layers for stage in settings) - 1, 1), 0
    for stage in settings:
        channels, numbers = stage.input_channels, range(before, before + stage.num_layers)
        yield nn.Sequential(*(block(channels, layer_scale, drop_prob * n / last) for n in numbers))
        before += stage.num_layers
        if stage.out_channels is not None:
            halve = nn.Conv2d(channels, stage.out_channels, kernel_size=2, stride=2)
            yield nn.Sequential(norm(channels), halve)


def _builder(
    size: str, enum: type[WeightsEnum], channels: int, layers: int, drop_prob: float
) -> Callable[..., ConvNeXt]:
    """The function that builds the network of one size, with ``layers`` blocks in the third stage."""
    stages = [
        CNBlockConfig(channels, 2 * channels, 3),
        CNBlockConfig(2 * channels, 4 * channels, 3),
        CNBlockConfig(4 * channels, 8 * channels, layers),
        CNBlockConfig(8 * channels, None, 3),
    ]

    def builder(*, weights: WeightsLike = None, progress: bool = True, **kwargs: Any) -> ConvNeXt:
        options = {"stochastic_depth_prob": drop_prob, **kwargs}
        return build(builder.__name__, partial(ConvNeXt, stages), weights, progress, options)

    builder.__name__ = builder.__qualname__ = f"convnext_{size}"
    builder.__doc__ = f"ConvNeXt of the size {size}; ``kwargs`` go to :class:`ConvNeXt`."
    return register(enum)(builder)


convnext_tiny = _builder("tiny", published.ConvNeXt_Tiny_Weights, 96, 9, 0.1)
convnext_small = _builder("small", published.ConvNeXt_Small_Weights, 96, 27, 0.4)
convnext_base = _builder("base", published.ConvNeXt_Base_Weights, 128, 27, 0.5)
convnext_large = _builder("large", published.ConvNeXt_Large_Weights, 192, 27, 0.5)
