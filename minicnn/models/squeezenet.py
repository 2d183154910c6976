"""SqueezeNet: fire modules, which squeeze the channels before the 3x3 convolutions."""

from __future__ import annotations

from functools import partial
from typing import Any

from .. import nn
from ..nn import fusion
from ..nn import init as nn_init
from ..ops.shape import cat
from ..tensor import Tensor
from ._api import register
from ._build import WeightsLike, build
from ._checks import made_for_images
from .weights import SqueezeNet1_0_Weights, SqueezeNet1_1_Weights

__all__ = ["Fire", "SqueezeNet", "squeezenet1_0", "squeezenet1_1"]


class Fire(nn.Module):
    """A 1x1 convolution to few channels, then a 1x1 and a 3x3 convolution of those, side by side.

    Args:
        inplanes: C.
        squeeze_planes: channels of the first convolution.
        expand1x1_planes, expand3x3_planes: channels of the other two, which are concatenated.
    """

    def __init__(
        self, inplanes: int, squeeze_planes: int, expand1x1_planes: int, expand3x3_planes: int
    ) -> None:
        super().__init__()
        self.inplanes = inplanes
        self.squeeze = nn.Conv2d(inplanes, squeeze_planes, kernel_size=1)
        self.squeeze_activation = nn.ReLU(inplace=True)
        self.expand1x1 = nn.Conv2d(squeeze_planes, expand1x1_planes, kernel_size=1)
        self.expand1x1_activation = nn.ReLU(inplace=True)
        self.expand3x3 = nn.Conv2d(squeeze_planes, expand3x3_planes, kernel_size=3, padding=1)
        self.expand3x3_activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x = fusion.run(x, (self.squeeze, self.squeeze_activation))
        left = fusion.run(x, (self.expand1x1, self.expand1x1_activation))
        right = fusion.run(x, (self.expand3x3, self.expand3x3_activation))
        return cat([left, right], 1)  # N x (expand1x1_planes + expand3x3_planes) x H x W


def _pool() -> nn.MaxPool2d:
    return nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)


def _features_1_0() -> list[nn.Module]:
    """The paper's layers."""
    return [
        nn.Conv2d(3, 96, kernel_size=7, stride=2),
        nn.ReLU(inplace=True),
        _pool(),  # N x 96 x H/4 x W/4
        Fire(96, 16, 64, 64),
        Fire(128, 16, 64, 64),
        Fire(128, 32, 128, 128),
        _pool(),  # N x 256 x H/8 x W/8
        Fire(256, 32, 128, 128),
        Fire(256, 48, 192, 192),
        Fire(384, 48, 192, 192),
        Fire(384, 64, 256, 256),
        _pool(),  # N x 512 x H/16 x W/16
        Fire(512, 64, 256, 256),
    ]


def _features_1_1() -> list[nn.Module]:
    """A smaller first convolution and earlier poolings."""
    return [
        nn.Conv2d(3, 64, kernel_size=3, stride=2),
        nn.ReLU(inplace=True),
        _pool(),  # N x 64 x H/4 x W/4
        Fire(64, 16, 64, 64),
        Fire(128, 16, 64, 64),
        _pool(),  # N x 128 x H/8 x W/8
        Fire(128, 32, 128, 128),
        Fire(256, 32, 128, 128),
        _pool(),  # N x 256 x H/16 x W/16
        Fire(256, 48, 192, 192),
        Fire(384, 48, 192, 192),
        Fire(384, 64, 256, 256),
        Fire(512, 64, 256, 256),
    ]


# For each version its layers, and the smallest H and W.
_VERSIONS = {"1_0": (_features_1_0, 21), "1_1": (_features_1_1, 17)}


class SqueezeNet(nn.Module):
    """The network of Iandola et al. 2016, for images (N, 3, H, W) of 21 pixels or more.

    Args:
        version: ``"1_0"``: as in the paper. ``"1_1"``: the authors' later version, which needs 2.4
            times less work and takes images of 17 pixels or more.
        num_classes: number of logits.
        dropout: probability of the dropout before the last convolution.

    Convolutions start Kaiming-uniform by fan-in, the last one from N(0, 0.01²), with biases 0.
    As ``torchvision.models.SqueezeNet``; its logits, too, end in a ReLU.

    Raises:
        ValueError: for another version; in ``forward``, for another number of channels or a smaller
            image.
    """

    head_layers = ("classifier.1",)

    def __init__(self, version: str = "1_0", num_classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        if version not in _VERSIONS:
            raise ValueError(f"version must be one of {', '.join(_VERSIONS)}, got {version}")
        self.num_classes = num_classes
        make_features, self._smallest = _VERSIONS[version]
        with nn_init.no_init():
            self.features = nn.Sequential(*make_features())
            last = nn.Conv2d(512, num_classes, kernel_size=1)
        self.classifier = nn.Sequential(
            nn.Dropout(p=dropout), last, nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d((1, 1))
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                if module is last:
                    nn_init.normal_(module.weight, 0.0, 0.01)
                else:
                    nn_init.kaiming_uniform_(module.weight)
                nn_init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        with made_for_images("SqueezeNet", x, self._smallest):
            x = self.features(x)  # N x 512 x H/16 x W/16
            return self.classifier(x).flatten(1)  # N x num_classes


@register(SqueezeNet1_0_Weights)
def squeezenet1_0(
    *, weights: WeightsLike = None, progress: bool = True, **kwargs: Any
) -> SqueezeNet:
    """SqueezeNet as in its paper; ``kwargs`` go to :class:`SqueezeNet`."""
    return _squeezenet("1_0", weights, progress, kwargs)


@register(SqueezeNet1_1_Weights)
def squeezenet1_1(
    *, weights: WeightsLike = None, progress: bool = True, **kwargs: Any
) -> SqueezeNet:
    """The authors' faster version; ``kwargs`` go to :class:`SqueezeNet`."""
    return _squeezenet("1_1", weights, progress, kwargs)


def _squeezenet(
    version: str, weights: WeightsLike, progress: bool, kwargs: dict[str, Any]
) -> SqueezeNet:
    name = f"squeezenet{version}"
    return build(name, partial(SqueezeNet, version), weights, progress, kwargs)
