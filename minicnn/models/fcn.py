"""FCN on a dilated ResNet, as in torchvision: semantic segmentation with one bilinear upsampling."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from .. import nn
from ..nn import functional as F
from ..tensor import Tensor
from ._checks import check_images
from .resnet import ResNet, resnet50, resnet101
from .weights import WeightsLike, build

__all__ = ["FCN", "FCNHead", "fcn_resnet50", "fcn_resnet101"]

# The parts of a ResNet that segmentation uses: everything but the classifier.
_STEM = ("conv1", "bn1", "relu", "maxpool")
_STAGES = ("layer1", "layer2", "layer3", "layer4")


class FCNHead(nn.Sequential):
    """Features (N, in_channels, h, w) to scores (N, num_classes, h, w)."""

    def __init__(self, in_channels: int, num_classes: int) -> None:
        channels = in_channels // 4
        super().__init__(
            nn.Conv2d(in_channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Dropout(0.1),
            nn.Conv2d(channels, num_classes, 1),
        )


class FCN(nn.Module):
    """Class scores for every pixel of images (N, 3, H, W).

    Args:
        backbone: a ResNet whose stages 3 and 4 are dilated, so that features are H/8 x W/8.
        classifier: computes scores from the features of stage 4.
        aux_classifier: computes scores from the features of stage 3, for an auxiliary loss that
            helps training; or None.

    Returns:
        An OrderedDict with ``"out"``, and ``"aux"`` if there is an auxiliary classifier: scores
        (N, num_classes, H, W), upsampled bilinearly.

    Raises:
        ValueError: in ``forward``, for another number of channels.

    Long, Shelhamer & Darrell 2015, as ``torchvision.models.segmentation.FCN`` implements it. The
    paper upsamples by transposed convolutions: see :mod:`minicnn.models.fcn_vgg`.
    """

    head_layers = ("classifier.4", "aux_classifier.4")

    def __init__(
        self,
        backbone: ResNet,
        classifier: nn.Module,
        aux_classifier: nn.Module | None = None,
    ) -> None:
        super().__init__()
        parts = {name: getattr(backbone, name) for name in _STEM + _STAGES}
        self.backbone = nn.ModuleDict(parts)
        self.classifier = classifier
        self.aux_classifier = aux_classifier

    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        check_images("FCN", x, smallest=1)
        H, W = x.shape[2:]
        features = {}
        for name in _STEM + _STAGES:
            x = features[name] = self.backbone[name](x)
        # layer3: N x 1024 x H/8 x W/8, layer4: N x 2048 x H/8 x W/8
        scores = OrderedDict(out=self.classifier(features["layer4"]))
        if self.aux_classifier is not None:
            scores["aux"] = self.aux_classifier(features["layer3"])
        for name, score in scores.items():  # N x num_classes x H/8 x W/8
            scores[name] = F.interpolate(score, (H, W), mode="bilinear", align_corners=False)
        return scores


def _fcn(
    name: str,
    weights: WeightsLike,
    progress: bool,
    weights_backbone: WeightsLike,
    options: dict[str, Any],
) -> FCN:
    resnet = {"fcn_resnet50": resnet50, "fcn_resnet101": resnet101}[name]

    def make(num_classes: int = 21, aux_loss: bool | None = None) -> FCN:
        backbone = resnet(
            weights=weights_backbone,
            progress=progress,
            replace_stride_with_dilation=(False, True, True),
        )
        aux = FCNHead(1024, num_classes) if aux_loss else None
        return FCN(backbone, FCNHead(2048, num_classes), aux)

    if weights is None:
        return build(name, make, None, progress, options)
    asked = options.pop("aux_loss", None)
    weights_backbone = None  # the weights of the whole network include its backbone's

    def options_of(state: Mapping[str, Tensor]) -> dict[str, Any]:
        return {"aux_loss": asked or "aux_classifier.4.weight" in state}

    net = build(name, make, weights, progress, options, options_of=options_of)
    if asked is False:
        net.aux_classifier = None
    return net


def fcn_resnet50(
    *,
    weights: WeightsLike = None,
    progress: bool = True,
    weights_backbone: WeightsLike = None,
    **kwargs: Any,
) -> FCN:
    """FCN on ResNet-50.

    Args:
        weights: published weights by name, or a file; the published ones have 21 classes.
        progress: whether to show a bar while downloading.
        weights_backbone: weights of the ResNet, by name or as a file. The default is None, where
            torchvision downloads published ones. Ignored if ``weights`` are given.
        kwargs: ``num_classes`` (default 21) and ``aux_loss``: whether to have an auxiliary
            classifier; by default if the weights have one.
    """
    return _fcn("fcn_resnet50", weights, progress, weights_backbone, kwargs)


def fcn_resnet101(
    *,
    weights: WeightsLike = None,
    progress: bool = True,
    weights_backbone: WeightsLike = None,
    **kwargs: Any,
) -> FCN:
    """FCN on ResNet-101; arguments as in :func:`fcn_resnet50`."""
    return _fcn("fcn_resnet101", weights, progress, weights_backbone, kwargs)
