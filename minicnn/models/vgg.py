"""VGG: stages of 3x3 convolutions; each stage ends in a pooling that halves the resolution."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from .. import nn
from ..nn import init as nn_init
from ..tensor import Tensor
from ._api import register
from ._build import WeightsLike, build
from ._checks import made_for_images
from .weights import (
    VGG11_BN_Weights,
    VGG11_Weights,
    VGG13_BN_Weights,
    VGG13_Weights,
    VGG16_BN_Weights,
    VGG16_Weights,
    VGG19_BN_Weights,
    VGG19_Weights,
)

__all__ = [
    "VGG",
    "cfgs",
    "make_layers",
    "vgg11",
    "vgg11_bn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
]

CHANNELS = (64, 128, 256, 512, 512)  # of the five stages


def configuration(
    convolutions: tuple[int, ...], channels: tuple[int, ...] = CHANNELS
) -> list[int | str]:
    """The layers of :func:`make_layers`: each stage's convolutions, then its pooling.

    Args:
        convolutions: how many there are in each stage.
        channels: of each stage.
    """
    cfg: list[int | str] = []
    for count, width in zip(convolutions, channels, strict=True):
        cfg += [*[width] * count, "M"]
    return cfg


# The paper's configurations, under its letters.
cfgs = {
    "A": configuration((1, 1, 2, 2, 2)),
    "B": configuration((2, 2, 2, 2, 2)),
    "D": configuration((2, 2, 3, 3, 3)),
    "E": configuration((2, 2, 4, 4, 4)),
}
_LETTERS = {"vgg11": "A", "vgg13": "B", "vgg16": "D", "vgg19": "E"}


class VGG(nn.Module):
    """The network of Simonyan & Zisserman 2015, for images (N, 3, H, W) of 32 pixels or more.

    Args:
        features: maps the images to (N, 512, H/32, W/32), see :func:`make_layers`.
        num_classes: number of logits.
        init_weights: whether to draw convolutions Kaiming-normal by fan-out and linear layers from
            N(0, 0.01²), with biases 0; otherwise the layers keep their default initialisation.
        dropout: probability of both dropout layers.

    As ``torchvision.models.VGG``.

    Raises:
        ValueError: in ``forward``, for another number of channels or a smaller image.
    """

    head_layers = ("classifier.6",)

    def __init__(
        self,
        features: nn.Module,
        num_classes: int = 1000,
        init_weights: bool = True,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.features = features
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        with nn_init.no_init() if init_weights else contextlib.nullcontext():
            self.classifier = nn.Sequential(
                nn.Linear(512 * 7 * 7, 4096),
                nn.ReLU(inplace=True),
                nn.Dropout(p=dropout),
                nn.Linear(4096, 4096),
                nn.ReLU(inplace=True),
                nn.Dropout(p=dropout),
                nn.Linear(4096, num_classes),
            )
        if init_weights:
            for module in self.modules():
                _init(module)

    def forward(self, x: Tensor) -> Tensor:
        with made_for_images("VGG", x, smallest=32):
            x = self.features(x)  # N x 512 x H/32 x W/32
            x = self.avgpool(x)  # N x 512 x 7 x 7
            return self.classifier(x.flatten(1))


def _init(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn_init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        nn_init.zeros_(module.bias)
    elif isinstance(module, nn.Linear):
        nn_init.normal_(module.weight, 0.0, 0.01)
        nn_init.zeros_(module.bias)


def make_layers(cfg: Sequence[int | str], batch_norm: bool = False) -> nn.Sequential:
    """3x3 convolutions, each followed by a ReLU, and poolings.

    Args:
        cfg: the channels of a convolution, or ``"M"`` for a max pooling, which halves H and W.
        batch_norm: whether a batch norm follows each convolution.
    """
    layers: list[nn.Module] = []
    in_channels = 3
    for item in cfg:
        if isinstance(item, str):
            layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
            continue
        layers.append(nn.Conv2d(in_channels, item, kernel_size=3, padding=1))
        if batch_norm:
            layers.append(nn.BatchNorm2d(item))
        layers.append(nn.ReLU(inplace=True))
        in_channels = item
    return nn.Sequential(*layers)


def _vgg(name: str, weights: WeightsLike, progress: bool, options: dict[str, Any]) -> VGG:
    cfg, batch_norm = cfgs[_LETTERS[name.removesuffix("_bn")]], name.endswith("_bn")

    def make(**options: Any) -> VGG:
        return VGG(make_layers(cfg, batch_norm), **options)

    if weights is not None:
        options.setdefault("init_weights", False)
    return build(name, make, weights, progress, options)


@register(VGG11_Weights)
def vgg11(*, weights: WeightsLike = None, progress: bool = True, **kwargs: Any) -> VGG:
    """VGG with 11 layers of weights (configuration A); ``kwargs`` go to :class:`VGG`."""
    return _vgg("vgg11", weights, progress, kwargs)


@register(VGG11_BN_Weights)
def vgg11_bn(*, weights: WeightsLike = None, progress: bool = True, **kwargs: Any) -> VGG:
    """:func:`vgg11` with batch norm."""
    return _vgg("vgg11_bn", weights, progress, kwargs)


@register(VGG13_Weights)
def vgg13(*, weights: WeightsLike = None, progress: bool = True, **kwargs: Any) -> VGG:
    """VGG with 13 layers of weights (configuration B); ``kwargs`` go to :class:`VGG`."""
    return _vgg("vgg13", weights, progress, kwargs)


@register(VGG13_BN_Weights)
def vgg13_bn(*, weights: WeightsLike = None, progress: bool = True, **kwargs: Any) -> VGG:
    """:func:`vgg13` with batch norm."""
    return _vgg("vgg13_bn", weights, progress, kwargs)


@register(VGG16_Weights)
def vgg16(*, weights: WeightsLike = None, progress: bool = True, **kwargs: Any) -> VGG:
    """VGG with 16 layers of weights (configuration D); ``kwargs`` go to :class:`VGG`."""
    return _vgg("vgg16", weights, progress, kwargs)


@register(VGG16_BN_Weights)
def vgg16_bn(*, weights: WeightsLike = None, progress: bool = True, **kwargs: Any) -> VGG:
    """:func:`vgg16` with batch norm."""
    return _vgg("vgg16_bn", weights, progress, kwargs)


@register(VGG19_Weights)
def vgg19(*, weights: WeightsLike = None, progress: bool = True, **kwargs: Any) -> VGG:
    """VGG with 19 layers of weights (configuration E); ``kwargs`` go to :class:`VGG`."""
    return _vgg("vgg19", weights, progress, kwargs)


@register(VGG19_BN_Weights)
def vgg19_bn(*, weights: WeightsLike = None, progress: bool = True, **kwargs: Any) -> VGG:
    """:func:`vgg19` with batch norm."""
    return _vgg("vgg19_bn", weights, progress, kwargs)
