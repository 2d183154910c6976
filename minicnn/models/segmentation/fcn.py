"""FCN on a dilated ResNet, as in torchvision: semantic segmentation with one bilinear upsampling."""

from __future__ import annotations

from ... import nn
from .._api import register
from .._build import WeightsLike
from ..weights import (
    FCN_ResNet50_Weights,
    FCN_ResNet101_Weights,
    ResNet50_Weights,
    ResNet101_Weights,
)
from ._utils import Backbone, _SimpleSegmentationModel, build_on_backbone

__all__ = ["FCN", "FCNHead", "fcn_resnet50", "fcn_resnet101"]


class FCNHead(nn.Sequential):
    """Features (N, in_channels, h, w) to scores (N, channels, h, w)."""

    def __init__(self, in_channels: int, channels: int) -> None:
        hidden = in_channels // 4
        super().__init__(
            nn.Conv2d(in_channels, hidden, 3, padding=1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU(),
            nn.Dropout(0.1),
            nn.Conv2d(hidden, channels, 1),
        )


class FCN(_SimpleSegmentationModel):
    """Class scores for every pixel; arguments as in :class:`~._utils._SimpleSegmentationModel`.

    Long, Shelhamer & Darrell 2015, as ``torchvision.models.segmentation.FCN`` implements it. The
    paper upsamples by transposed convolutions: see :mod:`.fcn_vgg`.
    """


def _fcn(backbone: Backbone, num_classes: int, aux_loss: bool) -> FCN:
    features = backbone.with_outputs("out", "aux" if aux_loss else None)
    aux = FCNHead(backbone.early_channels, num_classes) if aux_loss else None
    return FCN(features, FCNHead(backbone.late_channels, num_classes), aux)


@register(FCN_ResNet50_Weights, ResNet50_Weights)
def fcn_resnet50(
    *,
    weights: WeightsLike = None,
    progress: bool = True,
    num_classes: int | None = None,
    aux_loss: bool | None = None,
    weights_backbone: WeightsLike = None,
) -> FCN:
    """FCN on ResNet-50.

    Args:
        weights: published weights by name, or a file; the published ones have 21 classes.
        progress: whether to show a bar while downloading.
        num_classes: number of scores per pixel; by default 21.
        aux_loss: whether to have an auxiliary classifier; by default if the weights have one.
        weights_backbone: weights of the ResNet, by name or as a file. The default is None, where
            torchvision downloads published ones. Ignored if ``weights`` are given.
    """
    return build_on_backbone(
        "fcn_resnet50", _fcn, weights, progress, num_classes, aux_loss, weights_backbone
    )


@register(FCN_ResNet101_Weights, ResNet101_Weights)
def fcn_resnet101(
    *,
    weights: WeightsLike = None,
    progress: bool = True,
    num_classes: int | None = None,
    aux_loss: bool | None = None,
    weights_backbone: WeightsLike = None,
) -> FCN:
    """FCN on ResNet-101; arguments as in :func:`fcn_resnet50`."""
    return build_on_backbone(
        "fcn_resnet101", _fcn, weights, progress, num_classes, aux_loss, weights_backbone
    )
