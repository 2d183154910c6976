"""GoogLeNet: inception modules, which apply kernels of several sizes to the same input."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from .. import nn
from ..nn import branches
from ..nn import functional as F
from ..nn import init as nn_init
from ..ops.shape import cat
from ..tensor import Tensor
from ._api import register
from ._build import WeightsLike, build
from ._checks import made_for_images
from .presets import IMAGENET_MEAN, IMAGENET_STD
from .weights import GoogLeNet_Weights

__all__ = ["BasicConv2d", "GoogLeNet", "GoogLeNetOutputs", "Inception", "InceptionAux", "googlenet"]

# Channels from table 1 of the paper: in, 1x1, 3x3 reduced, 3x3, 5x5 reduced, 5x5, pooled.
_INCEPTION = {
    "inception3a": (192, 64, 96, 128, 16, 32, 32),
    "inception3b": (256, 128, 128, 192, 32, 96, 64),
    "inception4a": (480, 192, 96, 208, 16, 48, 64),
    "inception4b": (512, 160, 112, 224, 24, 64, 64),
    "inception4c": (512, 128, 128, 256, 24, 64, 64),
    "inception4d": (512, 112, 144, 288, 32, 64, 64),
    "inception4e": (528, 256, 160, 320, 32, 128, 128),
    "inception5a": (832, 256, 160, 320, 32, 128, 128),
    "inception5b": (832, 384, 192, 384, 48, 128, 128),
}


Block = Callable[..., nn.Module]


class GoogLeNetOutputs(NamedTuple):
    """The outputs of :class:`GoogLeNet` in training, in torchvision's order."""

    logits: Tensor
    aux_logits2: Tensor | None
    aux_logits1: Tensor | None


class BasicConv2d(nn.Sequential):
    """Convolution without bias, batch norm and ReLU."""

    def __init__(self, in_channels: int, out_channels: int, **options: Any) -> None:
        layers = {
            "conv": nn.Conv2d(in_channels, out_channels, bias=False, **options),
            "bn": nn.BatchNorm2d(out_channels, eps=0.001),
            "relu": nn.ReLU(),
        }
        super().__init__(OrderedDict(layers))


class Inception(nn.Module):
    """Four branches on one input; their outputs are concatenated along the channels.

    Args:
        in_channels: C.
        ch1x1: channels of the 1x1 branch.
        ch3x3red, ch3x3: in the 3x3 branch, channels of the 1x1 and of the 3x3 convolution.
        ch5x5red, ch5x5: the same for the 5x5 branch.
        pool_proj: channels of the 1x1 convolution after the pooling.
        conv_block: makes the convolutions; :class:`BasicConv2d` by default.
        kernel_size5: kernel size of the 5x5 branch: 3 in the published weights, 5 in the paper.
    """

    def __init__(
        self,
        in_channels: int,
        ch1x1: int,
        ch3x3red: int,
        ch3x3: int,
        ch5x5red: int,
        ch5x5: int,
        pool_proj: int,
        conv_block: Block | None = None,
        kernel_size5: int = 3,
    ) -> None:
        super().__init__()
        conv = conv_block or BasicConv2d
        self.branch1 = conv(in_channels, ch1x1, kernel_size=1)
        self.branch2 = nn.Sequential(
            conv(in_channels, ch3x3red, kernel_size=1),
            conv(ch3x3red, ch3x3, kernel_size=3, padding=1),
        )
        self.branch3 = nn.Sequential(
            conv(in_channels, ch5x5red, kernel_size=1),
            conv(ch5x5red, ch5x5, kernel_size=kernel_size5, padding=kernel_size5 // 2),
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(kernel_size=3, stride=1, padding=1, ceil_mode=True),
            conv(in_channels, pool_proj, kernel_size=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return cat(branches.run(x, (self.branch1, self.branch2, self.branch3, self.branch4)), 1)


class InceptionAux(nn.Module):
    """An auxiliary classifier inside the network; its loss helps to train the layers before it."""

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        conv_block: Block | None = None,
        dropout: float = 0.7,
    ) -> None:
        super().__init__()
        self.conv = (conv_block or BasicConv2d)(in_channels, 128, kernel_size=1)
        self.fc1 = nn.Linear(128 * 4 * 4, 1024)
        self.fc2 = nn.Linear(1024, num_classes)
        self.dropout = nn.Dropout(p=dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(F.adaptive_avg_pool2d(x, (4, 4)))  # N x 128 x 4 x 4
        return self.fc2(self.dropout(F.relu(self.fc1(x.flatten(1)))))


class GoogLeNet(nn.Module):
    """The network of Szegedy et al. 2015 with batch norm, for images (N, 3, H, W) of 15 pixels or more.

    Args:
        num_classes: number of logits.
        aux_logits: whether to have the two auxiliary classifiers, which run in training only.
        transform_input: whether to convert inputs, normalised by ImageNet's mean and standard
            deviation as for the other networks, to [-1, 1], on which the published weights were
            trained.
        init_weights: whether to draw weights from N(0, 0.01²), truncated at ±2. None does so, too;
            torchvision then warns that this may change.
        blocks: what makes convolutions, inception modules and auxiliary classifiers; by default
            :class:`BasicConv2d`, :class:`Inception` and :class:`InceptionAux`.
        dropout: probability of the dropout before the classifier.
        dropout_aux: probability of the dropout in the auxiliary classifiers.
        paper_5x5: whether the 5x5 branches have 5x5 kernels, as in the paper. torchvision has 3x3
            kernels there, by an old mistake, and so do the published weights.

    Returns:
        Logits (N, num_classes); in training with ``aux_logits``, :class:`GoogLeNetOutputs`.

    Raises:
        ValueError: in ``forward``, for another number of channels or a smaller image.

    As ``torchvision.models.GoogLeNet``.
    """

    head_layers = ("fc", "aux1.fc2", "aux2.fc2")

    def __init__(
        self,
        num_classes: int = 1000,
        aux_logits: bool = True,
        transform_input: bool = False,
        init_weights: bool | None = None,
        blocks: Sequence[Block] | None = None,
        dropout: float = 0.2,
        dropout_aux: float = 0.7,
        paper_5x5: bool = False,
    ) -> None:
        super().__init__()
        self.aux_logits = aux_logits
        self.transform_input = transform_input

        conv, inception_block, aux_block = blocks or (BasicConv2d, Inception, InceptionAux)

        def inception(name: str) -> nn.Module:
            options: dict[str, Any] = {"kernel_size5": 5} if paper_5x5 else {}
            return inception_block(*_INCEPTION[name], **options)

        self.conv1 = conv(3, 64, kernel_size=7, stride=2, padding=3)
        self.maxpool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.conv2 = conv(64, 64, kernel_size=1)
        self.conv3 = conv(64, 192, kernel_size=3, padding=1)
        self.maxpool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception3a = inception("inception3a")
        self.inception3b = inception("inception3b")
        self.maxpool3 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception4a = inception("inception4a")
        self.inception4b = inception("inception4b")
        self.inception4c = inception("inception4c")
        self.inception4d = inception("inception4d")
        self.inception4e = inception("inception4e")
        self.maxpool4 = nn.MaxPool2d(2, stride=2, ceil_mode=True)
        self.inception5a = inception("inception5a")
        self.inception5b = inception("inception5b")
        self.aux1 = aux_block(512, num_classes, dropout=dropout_aux) if aux_logits else None
        self.aux2 = aux_block(528, num_classes, dropout=dropout_aux) if aux_logits else None
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(p=dropout)
        self.fc = nn.Linear(1024, num_classes)
        if init_weights is not False:
            for module in self.modules():
                if isinstance(module, (nn.Conv2d, nn.Linear)):
                    nn_init.trunc_normal_(module.weight, 0.0, 0.01, -2, 2)

    def forward(self, x: Tensor) -> Tensor | GoogLeNetOutputs:
        with made_for_images("GoogLeNet", x, smallest=15):
            return self._forward(x)

    def _forward(self, x: Tensor) -> Tensor | GoogLeNetOutputs:
        if self.transform_input:
            x = to_plus_minus_one(x)
        x = self.maxpool1(self.conv1(x))  # N x 64 x H/4 x W/4
        x = self.maxpool2(self.conv3(self.conv2(x)))  # N x 192 x H/8 x W/8
        x = self.maxpool3(self.inception3b(self.inception3a(x)))  # N x 480 x H/16 x W/16
        x = self.inception4a(x)  # N x 512 x H/16 x W/16
        aux1 = self._auxiliary(self.aux1, x)
        x = self.inception4d(self.inception4c(self.inception4b(x)))  # N x 528 x H/16 x W/16
        aux2 = self._auxiliary(self.aux2, x)
        x = self.maxpool4(self.inception4e(x))  # N x 832 x H/32 x W/32
        x = self.avgpool(self.inception5b(self.inception5a(x)))  # N x 1024 x 1 x 1
        logits = self.fc(self.dropout(x.flatten(1)))
        if self.training and self.aux_logits:
            return GoogLeNetOutputs(logits, aux2, aux1)
        return logits

    def _auxiliary(self, classifier: nn.Module | None, x: Tensor) -> Tensor | None:
        return classifier(x) if classifier is not None and self.training else None


def to_plus_minus_one(x: Tensor) -> Tensor:
    """From (pixel - mean) / std per channel to (pixel - 0.5) / 0.5."""
    channels = [
        x[:, c : c + 1] * (std / 0.5) + (mean - 0.5) / 0.5
        for c, (mean, std) in enumerate(zip(IMAGENET_MEAN, IMAGENET_STD, strict=True))
    ]
    return cat(channels, 1)


@register(GoogLeNet_Weights)
def googlenet(*, weights: WeightsLike = None, progress: bool = True, **kwargs: Any) -> GoogLeNet:
    """GoogLeNet; ``kwargs`` go to :class:`GoogLeNet`.

    With weights, ``transform_input`` is on by default, because the published weights, and networks
    fine-tuned from them, expect it. Pass ``transform_input=False`` with a file of a network that was
    trained without. ``aux_logits`` is off by default: the auxiliary classifiers in the published file
    were never trained.
    """
    if weights is None:
        return build("googlenet", GoogLeNet, None, progress, kwargs)
    keeps_aux = kwargs.pop("aux_logits", False)
    kwargs.setdefault("transform_input", True)
    kwargs.setdefault("init_weights", False)

    def options_of(state: Mapping[str, Tensor]) -> dict[str, Any]:
        return {"aux_logits": keeps_aux or "aux1.fc2.weight" in state}

    net = build("googlenet", GoogLeNet, weights, progress, kwargs, options_of)
    if not keeps_aux:
        net.aux_logits, net.aux1, net.aux2 = False, None, None
    return net
