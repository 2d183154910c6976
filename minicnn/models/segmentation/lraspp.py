"""LR-ASPP: a small classifier of pixels, for phones."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from ... import nn
from ...nn import functional as F
from ...tensor import Tensor
from .._api import register
from .._build import WeightsLike
from .._checks import made_for_images
from ..weights import LRASPP_MobileNet_V3_Large_Weights, MobileNet_V3_Large_Weights
from ._utils import Backbone, build_on_backbone

__all__ = ["LRASPP", "LRASPPHead", "lraspp_mobilenet_v3_large"]


class LRASPPHead(nn.Module):
    """Scores of coarse features, weighted by their mean over the picture, plus scores of finer ones.

    Args:
        low_channels: channels of the finer features ``"low"`` (N, low_channels, h, w).
        high_channels: channels of the coarse ones, ``"high"``, mostly half as high and wide.
        num_classes: number of scores (N, num_classes, h, w).
        inter_channels: channels between.
    """

    def __init__(
        self, low_channels: int, high_channels: int, num_classes: int, inter_channels: int
    ) -> None:
        super().__init__()
        self.cbr = nn.Sequential(
            nn.Conv2d(high_channels, inter_channels, 1, bias=False),
            nn.BatchNorm2d(inter_channels),
            nn.ReLU(inplace=True),
        )
        self.scale = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(high_channels, inter_channels, 1, bias=False),
            nn.Sigmoid(),
        )
        self.low_classifier = nn.Conv2d(low_channels, num_classes, 1)
        self.high_classifier = nn.Conv2d(inter_channels, num_classes, 1)

    def forward(self, input: Mapping[str, Tensor]) -> Tensor:
        low, high = input["low"], input["high"]
        x = self.cbr(high) * self.scale(high)  # N x inter_channels x h/2 x w/2
        x = F.interpolate(x, low.shape[-2:], mode="bilinear", align_corners=False)
        return self.low_classifier(low) + self.high_classifier(x)  # N x num_classes x h x w


class LRASPP(nn.Module):
    """Class scores for every pixel of images (N, 3, H, W).

    Args:
        backbone: computes a dict of features ``"low"`` and ``"high"``.
        low_channels, high_channels, num_classes, inter_channels: see :class:`LRASPPHead`.

    Returns:
        An OrderedDict with ``"out"``: scores (N, num_classes, H, W), upsampled bilinearly.

    Raises:
        ValueError: in ``forward``, for images that the backbone does not take.

    Howard et al. 2019, Searching for MobileNetV3; as ``torchvision.models.segmentation.LRASPP``.
    """

    head_layers = ("classifier.low_classifier", "classifier.high_classifier")

    def __init__(
        self,
        backbone: nn.Module,
        low_channels: int,
        high_channels: int,
        num_classes: int,
        inter_channels: int = 128,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.classifier = LRASPPHead(low_channels, high_channels, num_classes, inter_channels)

    def forward(self, input: Tensor) -> OrderedDict[str, Tensor]:
        with made_for_images("LRASPP", input, smallest=1):
            features = self.backbone(input)  # low: N x 40 x H/8 x W/8, high: N x 960 x H/16 x W/16
        out = self.classifier(features)  # N x num_classes x H/8 x W/8
        size = input.shape[-2:]
        return OrderedDict(out=F.interpolate(out, size, mode="bilinear", align_corners=False))


def _lraspp(backbone: Backbone, num_classes: int, aux_loss: bool) -> LRASPP:
    features = backbone.with_outputs("high", "low")
    return LRASPP(features, backbone.early_channels, backbone.late_channels, num_classes)


@register(LRASPP_MobileNet_V3_Large_Weights, MobileNet_V3_Large_Weights)
def lraspp_mobilenet_v3_large(
    *,
    weights: WeightsLike = None,
    progress: bool = True,
    num_classes: int | None = None,
    weights_backbone: WeightsLike = None,
    aux_loss: bool = False,
) -> LRASPP:
    """LR-ASPP on MobileNet v3 large; arguments as in :func:`~.fcn.fcn_resnet50`.

    Raises:
        NotImplementedError: for an auxiliary loss, which this network does not have.
    """
    if aux_loss:
        raise NotImplementedError(f"LRASPP has no auxiliary loss, got aux_loss={aux_loss}")
    name = "lraspp_mobilenet_v3_large"
    return build_on_backbone(name, _lraspp, weights, progress, num_classes, None, weights_backbone)
