"""DeepLab v3: dilated convolutions of several rates side by side see objects of several sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ... import nn
from ...nn import functional as F
from ...ops.shape import cat
from ...tensor import Tensor
from .._api import register
from .._build import WeightsLike
from ..weights import (
    DeepLabV3_MobileNet_V3_Large_Weights,
    DeepLabV3_ResNet50_Weights,
    DeepLabV3_ResNet101_Weights,
    MobileNet_V3_Large_Weights,
    ResNet50_Weights,
    ResNet101_Weights,
)
from ._utils import Backbone, _SimpleSegmentationModel, build_on_backbone
from .fcn import FCNHead

__all__ = [
    "ASPP",
    "ASPPConv",
    "ASPPPooling",
    "DeepLabHead",
    "DeepLabV3",
    "deeplabv3_mobilenet_v3_large",
    "deeplabv3_resnet50",
    "deeplabv3_resnet101",
]


class ASPPConv(nn.Sequential):
    """A dilated 3x3 convolution that keeps the size, batch norm and ReLU."""

    def __init__(self, in_channels: int, out_channels: int, dilation: int) -> None:
        super().__init__(
            nn.Conv2d(
                in_channels, out_channels, 3, padding=dilation, dilation=dilation, bias=False
            ),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
        )


class ASPPPooling(nn.Sequential):
    """The mean over all pixels, a 1x1 convolution of it, and the result at every pixel."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(in_channels, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Any = super().forward(x)  # N x out_channels x 1 x 1
        return F.interpolate(out, x.shape[-2:], mode="bilinear", align_corners=False)


class ASPP(nn.Module):
    """Atrous spatial pyramid pooling: branches that look at neighbourhoods of several sizes.

    Args:
        in_channels: C of the features (N, C, h, w).
        atrous_rates: the dilations of the branches with 3x3 convolutions. Two more branches look at
            a single pixel and at the whole picture.
        out_channels: channels of each branch, and of the result (N, out_channels, h, w).
    """

    def __init__(
        self, in_channels: int, atrous_rates: Sequence[int], out_channels: int = 256
    ) -> None:
        super().__init__()
        pixel = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
        )
        dilated = [ASPPConv(in_channels, out_channels, rate) for rate in atrous_rates]
        picture = ASPPPooling(in_channels, out_channels)
        self.convs = nn.ModuleList([pixel, *dilated, picture])
        self.project = nn.Sequential(
            nn.Conv2d(len(self.convs) * out_channels, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
            nn.Dropout(0.5),
        )

    def forward(self, x: Tensor) -> Tensor:
        out = cat([conv(x) for conv in self.convs], 1)  # N x (branches * out_channels) x h x w
        return self.project(out)


class DeepLabHead(nn.Sequential):
    """Features (N, in_channels, h, w) to scores (N, num_classes, h, w)."""

    def __init__(
        self, in_channels: int, num_classes: int, atrous_rates: Sequence[int] = (12, 24, 36)
    ) -> None:
        super().__init__(
            ASPP(in_channels, atrous_rates),
            nn.Conv2d(256, 256, 3, padding=1, bias=False),
            nn.BatchNorm2d(256),
            nn.ReLU(),
            nn.Conv2d(256, num_classes, 1),
        )


class DeepLabV3(_SimpleSegmentationModel):
    """Class scores for every pixel; arguments as in :class:`~._utils._SimpleSegmentationModel`.

    Chen et al. 2017, Rethinking Atrous Convolution for Semantic Image Segmentation; as
    ``torchvision.models.segmentation.DeepLabV3``.
    """


def _deeplabv3(backbone: Backbone, num_classes: int, aux_loss: bool) -> DeepLabV3:
    features = backbone.with_outputs("out", "aux" if aux_loss else None)
    aux = FCNHead(backbone.early_channels, num_classes) if aux_loss else None
    return DeepLabV3(features, DeepLabHead(backbone.late_channels, num_classes), aux)


@register(DeepLabV3_ResNet50_Weights, ResNet50_Weights)
def deeplabv3_resnet50(
    *,
    weights: WeightsLike = None,
    progress: bool = True,
    num_classes: int | None = None,
    aux_loss: bool | None = None,
    weights_backbone: WeightsLike = None,
) -> DeepLabV3:
    """DeepLab v3 on ResNet-50; arguments as in :func:`~.fcn.fcn_resnet50`."""
    return build_on_backbone(
        "deeplabv3_resnet50", _deeplabv3, weights, progress, num_classes, aux_loss, weights_backbone
    )


@register(DeepLabV3_ResNet101_Weights, ResNet101_Weights)
def deeplabv3_resnet101(
    *,
    weights: WeightsLike = None,
    progress: bool = True,
    num_classes: int | None = None,
    aux_loss: bool | None = None,
    weights_backbone: WeightsLike = None,
) -> DeepLabV3:
    """DeepLab v3 on ResNet-101; arguments as in :func:`~.fcn.fcn_resnet50`."""
    return build_on_backbone(
        "deeplabv3_resnet101",
        _deeplabv3,
        weights,
        progress,
        num_classes,
        aux_loss,
        weights_backbone,
    )


@register(DeepLabV3_MobileNet_V3_Large_Weights, MobileNet_V3_Large_Weights)
def deeplabv3_mobilenet_v3_large(
    *,
    weights: WeightsLike = None,
    progress: bool = True,
    num_classes: int | None = None,
    aux_loss: bool | None = None,
    weights_backbone: WeightsLike = None,
) -> DeepLabV3:
    """DeepLab v3 on MobileNet v3 large; arguments as in :func:`~.fcn.fcn_resnet50`."""
    return build_on_backbone(
        "deeplabv3_mobilenet_v3_large",
        _deeplabv3,
        weights,
        progress,
        num_classes,
        aux_loss,
        weights_backbone,
    )
