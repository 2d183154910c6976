"""What networks that classify pixels share: a classifier of features, and dilated backbones."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeVar

from ... import nn
from ...nn import functional as F
from ...tensor import Tensor
from .._build import WeightsLike, build
from .._checks import made_for_images
from .._utils import IntermediateLayerGetter
from ..mobilenetv3 import mobilenet_v3_large
from ..resnet import ResNet, resnet50, resnet101

__all__ = ["Backbone", "_SimpleSegmentationModel", "build_on_backbone"]

Net = TypeVar("Net", bound=nn.Module)


class _SimpleSegmentationModel(nn.Module):
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
        with made_for_images(type(self).__name__, x, smallest=1):
            features = self.backbone(x)  # each N x C x h x w, with h = H/8 or H/16
        scores = OrderedDict(out=self.classifier(features["out"]))
        if self.aux_classifier is not None:
            scores["aux"] = self.aux_classifier(features["aux"])
        for name, score in scores.items():  # N x num_classes x h x w
            scores[name] = F.interpolate(score, size, mode="bilinear", align_corners=False)
        return scores


class Backbone(NamedTuple):
    """A network without its classifier, and two of its children: a late one and an early one."""

    network: nn.Module
    late: str
    late_channels: int
    early: str
    early_channels: int

    def with_outputs(self, late: str, early: str | None) -> IntermediateLayerGetter:
        """The network, which returns the children's results under these names; None for no result."""
        names = {self.late: late} | ({} if early is None else {self.early: early})
        return IntermediateLayerGetter(self.network, names)


def _resnet(make: Callable[..., ResNet], weights: WeightsLike, progress: bool) -> Backbone:
    """Stages 3 and 4 dilate instead of striding: N x 1024 x H/8 x W/8 and N x 2048 x H/8 x W/8."""
    dilate = (False, True, True)
    net = make(weights=weights, progress=progress, replace_stride_with_dilation=dilate)
    return Backbone(net, "layer4", 2048, "layer3", 1024)


def _mobilenet(weights: WeightsLike, progress: bool) -> Backbone:
    """The last blocks dilate: N x 960 x H/16 x W/16; the early result is N x 40 x H/8 x W/8."""
    features = mobilenet_v3_large(weights=weights, progress=progress, dilated=True).features
    blocks: list[Any] = list(features)
    early = [i for i, block in enumerate(blocks) if getattr(block, "_is_cn", False)][-3]
    late = len(blocks) - 1
    channels = [blocks[i].out_channels for i in (late, early)]
    return Backbone(features, str(late), channels[0], str(early), channels[1])


_BACKBONES: dict[str, Callable[[WeightsLike, bool], Backbone]] = {
    "resnet50": partial(_resnet, resnet50),
    "resnet101": partial(_resnet, resnet101),
    "mobilenet_v3_large": _mobilenet,
}


def build_on_backbone(
    name: str,
    make: Callable[[Backbone, int, bool], Net],
    weights: WeightsLike,
    progress: bool,
    num_classes: int | None,
    aux_loss: bool | None,
    weights_backbone: WeightsLike,
) -> Net:
    """A network on a backbone.

    Args:
        name: the network's, which ends in its backbone's, such as ``"fcn_resnet50"``.
        make: makes it of its backbone, for so many classes, with or without an auxiliary classifier.
        weights, progress, num_classes, aux_loss, weights_backbone: see :func:`~.fcn.fcn_resnet50`.
    """

    def make_all(num_classes: int = 21, aux_loss: bool = bool(aux_loss)) -> Net:
        backbone = _BACKBONES[name.partition("_")[2]](weights_backbone, progress)
        return make(backbone, num_classes, aux_loss)

    def options_of(state: Mapping[str, Tensor]) -> dict[str, Any]:
        return {"aux_loss": aux_loss or "aux_classifier.4.weight" in state}

    if weights is not None:
        weights_backbone = None  # the weights of the whole network include its backbone's
    options = {} if num_classes is None else {"num_classes": num_classes}
    net = build(name, make_all, weights, progress, options, options_of)
    if aux_loss is False:
        net.aux_classifier = None
    return net
