"""FCN-32s, -16s and -8s: the paper's fully convolutional VGG-16 with learned de-convolutions.

FCN-32s scores features at 1/32 of the resolution and enlarges the scores 32 times in one step.
FCN-16s first enlarges them twice and adds the scores of the features after pool4; FCN-8s does so
once more with pool3. Each enlargement is a transposed convolution that starts as bilinear
interpolation and is trained from there.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from .. import nn
from ..nn import init as nn_init
from ..tensor import Tensor
from ._checks import check_images
from .vgg import CHANNELS, make_features
from .weights import build, load_state

__all__ = ["FCNVGG", "fcn8s", "fcn16s", "fcn32s"]

_VGG16 = (2, 2, 3, 3, 3)  # convolutions in each stage
_SCALES = (8, 16, 32)


class FCNVGG(nn.Module):
    """Class scores for every pixel of images (N, 3, H, W) of 32 pixels or more.

    Args:
        scale: factor of the last enlargement: 32, 16 or 8; the smaller, the finer.
        num_classes: number of scores per pixel.
        dropout: probability behind both hidden layers.
        channels: of VGG's five stages; fewer make a small network for small pictures.
        hidden: channels of the two layers that were VGG's large linear ones.
        batch_norm: whether a batch norm follows each of VGG's convolutions. The paper starts from
            trained weights; fifteen layers without them hardly train from scratch.

    Returns:
        An OrderedDict with ``"out"``: scores (N, num_classes, H, W), as :class:`~.fcn.FCN`.

    Long, Shelhamer & Darrell 2015, "Fully Convolutional Networks for Semantic Segmentation". Where
    the paper pads the image by 100 pixels and crops the scores, the 7x7 convolution is padded by 3
    here, so that the scores lie on the pixels by themselves.

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
            self.features = make_features(_VGG16, batch_norm, channels)
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
            self.upscore_pool5 = _enlarge(num_classes, 2) if scale <= 16 else None
            self.upscore_pool4 = _enlarge(num_classes, 2) if scale <= 8 else None
            self.upscore = _enlarge(num_classes, scale)
        self._init_weights()
        pools = [i for i, layer in enumerate(self.features) if isinstance(layer, nn.MaxPool2d)]
        self._ends = [i + 1 for i in pools]  # of the stages in the features

    def _init_weights(self) -> None:
        for module in (*self.features, *self.classifier):
            if isinstance(module, nn.Conv2d):
                nn_init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn_init.zeros_(module.bias)
        for score in (self.score, self.score_pool4, self.score_pool3):
            if score is not None:  # zero: a new skip changes nothing at first
                nn_init.zeros_(score.weight)
                nn_init.zeros_(score.bias)
        for enlarge in (self.upscore_pool5, self.upscore_pool4, self.upscore):
            if enlarge is not None:
                nn_init.bilinear_(enlarge.weight)

    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        check_images("FCNVGG", x, smallest=32)
        end3, end4 = self._ends[2:4]
        pool3 = self.features[:end3](x)  # N x 256 x H/8 x W/8
        pool4 = self.features[end3:end4](pool3)  # N x 512 x H/16 x W/16
        pool5 = self.features[end4:](pool4)  # N x 512 x H/32 x W/32
        score = self.score(self.classifier(pool5))
        # output_size settles the odd row or column that a pooling dropped
        if self.score_pool4 is not None and self.upscore_pool5 is not None:
            score = self.upscore_pool5(score, pool4.shape[2:]) + self.score_pool4(pool4)
        if self.score_pool3 is not None and self.upscore_pool4 is not None:
            score = self.upscore_pool4(score, pool3.shape[2:]) + self.score_pool3(pool3)
        return OrderedDict(out=self.upscore(score, x.shape[2:]))

    def load_vgg16(self, state: Mapping[str, Any]) -> None:
        """Takes the weights of a VGG-16; its two large linear layers become convolutions.

        Args:
            state: the state_dict of :func:`minicnn.models.vgg16`; of ``vgg16_bn`` for a network with
                batch norms.

        Raises:
            RuntimeError: if it does not fit, with all names and sizes that do not.
        """
        own = self.state_dict()
        parts = ("features.", "classifier.")
        new_state = {name: value for name, value in own.items() if not name.startswith(parts)}
        for name, value in state.items():
            if name.startswith("classifier.6."):  # scores of VGG's own classes
                continue
            if value.ndim == 2 and name in own and value.numel() == own[name].numel():
                value = value.reshape(own[name].shape)  # (O, C * KH * KW) to (O, C, KH, KW)
            new_state[name] = value
        self.load_state_dict(new_state)


def _enlarge(channels: int, scale: int) -> nn.ConvTranspose2d:
    """A transposed convolution that enlarges ``scale`` times."""
    return nn.ConvTranspose2d(
        channels, channels, kernel_size=2 * scale, stride=scale, padding=scale // 2, bias=False
    )


def _fcn(
    scale: int, weights: Any, progress: bool, weights_backbone: Any, options: dict[str, Any]
) -> FCNVGG:
    def make(**options: Any) -> FCNVGG:
        net = FCNVGG(scale, **options)
        if weights is None and weights_backbone is not None:
            net.load_vgg16(load_state("vgg16", weights_backbone, progress))
        return net

    return build(f"fcn{scale}s", make, weights, progress, options)


def fcn32s(
    *, weights: Any = None, progress: bool = True, weights_backbone: Any = None, **kwargs: Any
) -> FCNVGG:
    """FCN-32s.

    Args:
        weights: a file with weights of this network; none are published in a form that fits.
        progress: whether to show a bar while downloading.
        weights_backbone: weights of VGG-16 to start from, by name or as a file; without effect
            next to ``weights``, which hold them.
        kwargs: go to :class:`FCNVGG`.
    """
    return _fcn(32, weights, progress, weights_backbone, kwargs)


def fcn16s(
    *, weights: Any = None, progress: bool = True, weights_backbone: Any = None, **kwargs: Any
) -> FCNVGG:
    """FCN-16s; arguments as :func:`fcn32s`."""
    return _fcn(16, weights, progress, weights_backbone, kwargs)


def fcn8s(
    *, weights: Any = None, progress: bool = True, weights_backbone: Any = None, **kwargs: Any
) -> FCNVGG:
    """FCN-8s; arguments as :func:`fcn32s`."""
    return _fcn(8, weights, progress, weights_backbone, kwargs)
