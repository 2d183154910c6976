"""FCN on a dilated ResNet, as in torchvision: semantic segmentation with one bilinear upsampling."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from ... import nn
from ...nn import functional as F
from ...tensor import Tensor
from .._api import register
from .._build import WeightsLike, build
from .._checks import made_for_images
from .._utils import IntermediateLayerGetter
from ..resnet import ResNet, resnet50, resnet101
from ..weights import (
    FCN_ResNet50_Weights,
    FCN_ResNet101_Weights,
    ResNet50_Weights,
    ResNet101_Weights,
)

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


class FCN(nn.Module):
    """Class scores for every pixel of images (N, 3, H, W).

    Args:
        backbone: computes a dict of features ``"out"`` and ``"aux"``, each (N, C, h, w).
        classifier: computes scores from the features ``"out"``.
        aux_classifier: computes scores from the features ``"aux"``, for an auxiliary loss that
            helps training; or None.

    Returns:
        An OrderedDict with ``"out"``, and ``"aux"`` if there is an auxiliary classifier: scores
        (N, num_classes, H, W), upsampled bilinearly.

    Raises:
        ValueError: in ``forward``, for images that the backbone does not take.

    Long, Shelhamer & Darrell 2015, as ``torchvision.models.segmentation.FCN`` implements it. The
    paper upsamples by transposed convolutions: see :mod:`.fcn_vgg`.
    """

    head_layers = ("classifier.4", "aux_classifier.4")

    def __init__(
        self,
        backbone: nn.Module,
        classifier: nn.Module,
        aux_classifier: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.classifier = classifier
        self.aux_classifier = aux_classifier

    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        size = x.shape[-2:]
        with made_for_images("FCN", x, smallest=1):
            features = self.backbone(x)  # out: N x 2048 x H/8 x W/8, aux: N x 1024 x H/8 x W/8
        scores = OrderedDict(out=self.classifier(features["out"]))
        if self.aux_classifier is not None:
            scores["aux"] = self.aux_classifier(features["aux"])
        for name, score in scores.items():  # N x num_classes x H/8 x W/8
            scores[name] = F.interpolate(score, size, mode="bilinear", align_corners=False)
        return scores


def _backbone(resnet: ResNet, aux: bool | None) -> IntermediateLayerGetter:
    """Stage 4 of a ResNet as ``"out"``, and stage 3 as ``"aux"`` if it is wanted."""
    return IntermediateLayerGetter(resnet, {"layer4": "out"} | ({"layer3": "aux"} if aux else {}))


def _fcn(
    name: str,
    weights: WeightsLike,
    progress: bool,
    weights_backbone: WeightsLike,
    num_classes: int | None,
    aux_loss: bool | None,
) -> FCN:
    resnet = {"fcn_resnet50": resnet50, "fcn_resnet101": resnet101}[name]

    def make(num_classes: int = 21, aux_loss: bool | None = aux_loss) -> FCN:
        backbone = resnet(
            weights=weights_backbone,
            progress=progress,
            replace_stride_with_dilation=(False, True, True),
        )
        aux = FCNHead(1024, num_classes) if aux_loss else None
        return FCN(_backbone(backbone, aux_loss), FCNHead(2048, num_classes), aux)

    def options_of(state: Mapping[str, Tensor]) -> dict[str, Any]:
        return {"aux_loss": aux_loss or "aux_classifier.4.weight" in state}

    if weights is not None:
        weights_backbone = None  # the weights of the whole network include its backbone's
    options = {} if num_classes is None else {"num_classes": num_classes}
    net = build(name, make, weights, progress, options, options_of)
    if aux_loss is False:
        net.aux_classifier = None
    return net


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
    return _fcn("fcn_resnet50", weights, progress, weights_backbone, num_classes, aux_loss)


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
    return _fcn("fcn_resnet101", weights, progress, weights_backbone, num_classes, aux_loss)
