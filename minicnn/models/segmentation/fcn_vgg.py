"""FCN-32s, -16s and -8s: the paper's fully convolutional VGG-16 with transposed convolutions.

FCN-32s computes scores at 1/32 of the resolution and upsamples them by 32 in one step. FCN-16s
first upsamples them by 2 and adds the scores of the features after pool4; FCN-8s does the same once
more with pool3. Each upsampling is a transposed convolution, which starts as bilinear interpolation
and is trained from there.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from ... import nn
from ...nn import init as nn_init
from ...tensor import Tensor
from .._api import register
from .._build import WeightsLike, build, load_state
from .._checks import made_for_images
from ..vgg import CHANNELS, configuration, make_layers
from ..weights import VGG16_Weights

__all__ = ["FCNVGG", "fcn8s", "fcn16s", "fcn32s"]

_VGG16 = (2, 2, 3, 3, 3)  # convolutions in each stage
_SCALES = (8, 16, 32)


class FCNVGG(nn.Module):
    """Class scores for every pixel of images (N, 3, H, W) of 32 pixels or more.

    Args:
        scale: factor of the last upsampling: 32, 16 or 8; a smaller factor gives finer results.
        num_classes: number of scores per pixel.
        dropout: probability of the dropout after each hidden layer.
        channels: channels of VGG's five stages; fewer make a small network for small images.
        hidden: channels of the two layers that replace VGG's large linear layers.
        batch_norm: whether a batch norm follows each of VGG's convolutions. The paper starts from
            trained weights; from scratch, fifteen layers without batch norm hardly train.

    Returns:
        An OrderedDict with ``"out"``: scores (N, num_classes, H, W), as :class:`~.fcn.FCN`.

    Long, Shelhamer & Darrell 2015, "Fully Convolutional Networks for Semantic Segmentation". The
    paper pads the image by 100 pixels and crops the scores. Here the 7x7 convolution is padded by 3
    instead, so that the scores align with the pixels without cropping.

    Raises:
        ValueError: for another ``scale``; in ``forward`` for another number of channels or a
            smaller image.
    """

    head_layers = (
        "score", "score_pool4", "score_pool3", "upscore_pool5", "upscore_pool4", "upscore",
    )  # fmt: skip

    def __init__(
        self,
        scale: int = 8,
        num_classes: int = 21,
        dropout: float = 0.5,
        channels: tuple[int, ...] = CHANNELS,
        hidden: int = 4096,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        if scale not in _SCALES:
            raise ValueError(f"scale must be one of {_SCALES}, got {scale}")
        self.scale = scale
        with nn_init.no_init():
            self.features = make_layers(configuration(_VGG16, channels), batch_norm)
            self.classifier = nn.Sequential(  # VGG's two large linear layers as convolutions
                nn.Conv2d(channels[4], hidden, kernel_size=7, padding=3),
                nn.ReLU(inplace=True),
                nn.Dropout(p=dropout),
                nn.Conv2d(hidden, hidden, kernel_size=1),
                nn.ReLU(inplace=True),
                nn.Dropout(p=dropout),
            )
            self.score = nn.Conv2d(hidden, num_classes, kernel_size=1)
            self.score_pool4 = nn.Conv2d(channels[3], num_classes, 1) if scale <= 16 else None
            self.score_pool3 = nn.Conv2d(channels[2], num_classes, 1) if scale <= 8 else None
            self.upscore_pool5 = _upsampling(num_classes, 2) if scale <= 16 else None
            self.upscore_pool4 = _upsampling(num_classes, 2) if scale <= 8 else None
            self.upscore = _upsampling(num_classes, scale)
        self._init_weights()
        pools = [i for i, layer in enumerate(self.features) if isinstance(layer, nn.MaxPool2d)]
        self._ends = [i + 1 for i in pools]  # of the stages in the features

    def _init_weights(self) -> None:
        for module in (*self.features, *self.classifier):
            if isinstance(module, nn.Conv2d):
                nn_init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn_init.zeros_(module.bias)
        for score in (self.score, self.score_pool4, self.score_pool3):
            if score is not None:  # zero, so that a new skip connection changes nothing at first
                nn_init.zeros_(score.weight)
                nn_init.zeros_(score.bias)
        for upscore in (self.upscore_pool5, self.upscore_pool4, self.upscore):
            if upscore is not None:
                nn_init.bilinear_(upscore.weight)

    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        with made_for_images("FCNVGG", x, smallest=32):
            return self._forward(x)

    def _forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        end3, end4 = self._ends[2:4]
        pool3 = self.features[:end3](x)  # N x 256 x H/8 x W/8
        pool4 = self.features[end3:end4](pool3)  # N x 512 x H/16 x W/16
        pool5 = self.features[end4:](pool4)  # N x 512 x H/32 x W/32
        score = self.score(self.classifier(pool5))  # N x num_classes x H/32 x W/32
        # The size to upsample to is given because a pooling drops an odd row or column.
        if self.score_pool4 is not None and self.upscore_pool5 is not None:
            score = self.upscore_pool5(score, pool4.shape[2:]) + self.score_pool4(pool4)
        if self.score_pool3 is not None and self.upscore_pool4 is not None:
            score = self.upscore_pool4(score, pool3.shape[2:]) + self.score_pool3(pool3)
        return OrderedDict(out=self.upscore(score, x.shape[2:]))

    def load_vgg16(self, state: Mapping[str, Tensor]) -> None:
        """Loads the weights of a VGG-16; its two large linear layers become convolutions.

        Args:
            state: the state_dict of :func:`minicnn.models.vgg16`, or of ``vgg16_bn`` for a network
                with batch norms.

        Raises:
            RuntimeError: listing all names and sizes that do not fit.
        """
        own = self.state_dict()
        parts = ("features.", "classifier.")
        new_state = {name: value for name, value in own.items() if not name.startswith(parts)}
        for name, value in state.items():
            if name.startswith("classifier.6."):  # the scores of VGG's own classes
                continue
            if value.ndim == 2 and name in own and value.numel() == own[name].numel():
                value = value.reshape(own[name].shape)  # (O, C * KH * KW) to (O, C, KH, KW)
            new_state[name] = value
        self.load_state_dict(new_state)


def _upsampling(channels: int, scale: int) -> nn.ConvTranspose2d:
    """A transposed convolution that upsamples by ``scale``."""
    return nn.ConvTranspose2d(
        channels, channels, kernel_size=2 * scale, stride=scale, padding=scale // 2, bias=False
    )


def _fcn(
    scale: int,
    weights: WeightsLike,
    progress: bool,
    weights_backbone: WeightsLike,
    options: dict[str, Any],
) -> FCNVGG:
    def make(**options: Any) -> FCNVGG:
        net = FCNVGG(scale, **options)
        if weights is None and weights_backbone is not None:
            net.load_vgg16(load_state("vgg16", weights_backbone, progress))
        return net

    return build(f"fcn{scale}s", make, weights, progress, options)


@register(None, VGG16_Weights)
def fcn32s(
    *,
    weights: WeightsLike = None,
    progress: bool = True,
    weights_backbone: WeightsLike = None,
    **kwargs: Any,
) -> FCNVGG:
    """FCN-32s.

    Args:
        weights: a file with weights of this network; no published ones fit.
        progress: whether to show a bar while downloading.
        weights_backbone: weights of VGG-16 to start from, by name or as a file; ignored if
            ``weights`` are given, which include them.
        kwargs: go to :class:`FCNVGG`.
    """
    return _fcn(32, weights, progress, weights_backbone, kwargs)


@register(None, VGG16_Weights)
def fcn16s(
    *,
    weights: WeightsLike = None,
    progress: bool = True,
    weights_backbone: WeightsLike = None,
    **kwargs: Any,
) -> FCNVGG:
    """FCN-16s; arguments as in :func:`fcn32s`."""
    return _fcn(16, weights, progress, weights_backbone, kwargs)


@register(None, VGG16_Weights)
def fcn8s(
    *,
    weights: WeightsLike = None,
    progress: bool = True,
    weights_backbone: WeightsLike = None,
    **kwargs: Any,
) -> FCNVGG:
    """FCN-8s; arguments as in :func:`fcn32s`."""
    return _fcn(8, weights, progress, weights_backbone, kwargs)
