"""Inception v3: modules of several branches, whose large kernels are made of small ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .. import nn
from ..nn import init as nn_init
from ..tensor import Tensor
from ._api import register
from ._build import WeightsLike, build
from ._checks import made_for_images
from ._inception_modules import (
    InceptionA,
    InceptionAux,
    InceptionB,
    InceptionC,
    InceptionD,
    InceptionE,
)
from .googlenet import BasicConv2d, Block, to_plus_minus_one
from .weights import Inception_V3_Weights

__all__ = [
    "BasicConv2d",
    "Inception3",
    "InceptionA",
    "InceptionAux",
    "InceptionB",
    "InceptionC",
    "InceptionD",
    "InceptionE",
    "InceptionOutputs",
    "inception_v3",
]


class InceptionOutputs(NamedTuple):
    """The outputs of :class:`Inception3` in training."""

    logits: Tensor
    aux_logits: Tensor | None


class Inception3(nn.Module):
    """The network of Szegedy et al. 2016, for images (N, 3, H, W) of 299 pixels.

    It takes images of 75 pixels or more, but with the auxiliary classifier only in evaluation.

    Args:
        num_classes: number of logits.
        aux_logits: whether to have the auxiliary classifier, which runs in training only.
        transform_input: whether to convert inputs, normalised by ImageNet's mean and standard
            deviation as for the other networks, to [-1, 1], on which the published weights were
            trained.
        inception_blocks: what makes convolutions, the modules A to E and the auxiliary classifier;
            by default :class:`BasicConv2d`, :class:`InceptionA` and so on.
        init_weights: whether to draw weights from N(0, 0.1²), truncated at ±2. None does so, too;
            torchvision then warns that this may change.
        dropout: probability of the dropout before the classifier.

    Returns:
        Logits (N, num_classes); in training with ``aux_logits``, :class:`InceptionOutputs`.

    Raises:
        ValueError: for another number of ``inception_blocks`` than seven; in ``forward``, for another
            number of channels or a smaller image.

    As ``torchvision.models.Inception3``.
    """

    head_layers = ("fc", "AuxLogits.fc")

    def __init__(
        self,
        num_classes: int = 1000,
        aux_logits: bool = True,
        transform_input: bool = False,
        inception_blocks: Sequence[Block] | None = None,
        init_weights: bool | None = None,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        blocks = inception_blocks or (
            BasicConv2d, InceptionA, InceptionB, InceptionC, InceptionD, InceptionE, InceptionAux,
        )  # fmt: skip
        if len(blocks) != 7:
            raise ValueError(f"inception_blocks expects seven blocks, got {len(blocks)}")
        conv, a, b, c, d, e, aux = blocks
        self.aux_logits = aux_logits
        self.transform_input = transform_input
        self.Conv2d_1a_3x3 = conv(3, 32, kernel_size=3, stride=2)
        self.Conv2d_2a_3x3 = conv(32, 32, kernel_size=3)
        self.Conv2d_2b_3x3 = conv(32, 64, kernel_size=3, padding=1)
        self.maxpool1 = nn.MaxPool2d(kernel_size=3, stride=2)
        self.Conv2d_3b_1x1 = conv(64, 80, kernel_size=1)
        self.Conv2d_4a_3x3 = conv(80, 192, kernel_size=3)
        self.maxpool2 = nn.MaxPool2d(kernel_size=3, stride=2)
        self.Mixed_5b = a(192, pool_features=32)
        self.Mixed_5c = a(256, pool_features=64)
        self.Mixed_5d = a(288, pool_features=64)
        self.Mixed_6a = b(288)
        self.Mixed_6b = c(768, channels_7x7=128)
        self.Mixed_6c = c(768, channels_7x7=160)
        self.Mixed_6d = c(768, channels_7x7=160)
        self.Mixed_6e = c(768, channels_7x7=192)
        self.AuxLogits = aux(768, num_classes) if aux_logits else None
        self.Mixed_7a = d(768)
        self.Mixed_7b = e(1280)
        self.Mixed_7c = e(2048)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(p=dropout)
        self.fc = nn.Linear(2048, num_classes)
        if init_weights is not False:
            for module in self.modules():
                if isinstance(module, (nn.Conv2d, nn.Linear)):
                    std = getattr(module, "stddev", 0.1)
                    nn_init.trunc_normal_(module.weight, 0.0, std, -2, 2)

    def forward(self, x: Tensor) -> Tensor | InceptionOutputs:
        has_aux = self.training and self.AuxLogits is not None
        with made_for_images("Inception3", x, smallest=299 if has_aux else 75):
            logits, aux = self._forward(self._transform_input(x))
        return InceptionOutputs(logits, aux) if self.training and self.aux_logits else logits

    def _transform_input(self, x: Tensor) -> Tensor:
        return to_plus_minus_one(x) if self.transform_input else x

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))  # N x 64 x 147 x 147
        x = self.maxpool1(x)  # N x 64 x 73 x 73
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x))  # N x 192 x 71 x 71
        x = self.maxpool2(x)  # N x 192 x 35 x 35
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(x)))  # N x 288 x 35 x 35
        x = self.Mixed_6a(x)  # N x 768 x 17 x 17
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(x))))
        aux = self.AuxLogits(x) if self.training and self.AuxLogits is not None else None
        x = self.Mixed_7a(x)  # N x 1280 x 8 x 8
        x = self.Mixed_7c(self.Mixed_7b(x))  # N x 2048 x 8 x 8
        x = self.dropout(self.avgpool(x))  # N x 2048 x 1 x 1
        return self.fc(x.flatten(1)), aux


@register(Inception_V3_Weights)
def inception_v3(
    *, weights: WeightsLike = None, progress: bool = True, **kwargs: Any
) -> Inception3:
    """Inception v3; ``kwargs`` go to :class:`Inception3`.

    With weights, ``transform_input`` is on by default, because the published weights, and networks
    fine-tuned from them, expect it. Pass ``transform_input=False`` with a file of a network that was
    trained without. A file without the auxiliary classifier gives a network without it.
    """
    if weights is None:
        return build("inception_v3", Inception3, None, progress, kwargs)
    aux_logits = kwargs.pop("aux_logits", None)
    kwargs.setdefault("transform_input", True)
    kwargs.setdefault("init_weights", False)

    def options_of(state: Mapping[str, Tensor]) -> dict[str, Any]:
        return {"aux_logits": aux_logits or "AuxLogits.fc.weight" in state}

    net = build("inception_v3", Inception3, weights, progress, kwargs, options_of)
    if aux_logits is False:
        net.aux_logits, net.AuxLogits = False, None
    return net
