"""Two versions of AlexNet: the paper's channels with 227-pixel images, and torchvision's.

The weights of one do not fit the other. Neither ends in a softmax layer: ``CrossEntropyLoss`` takes
logits and contains the softmax, and a second one would make the gradients very small.
"""

from __future__ import annotations

from typing import Any

from .. import nn
from ..nn import init as nn_init
from ..tensor import Tensor
from ..warn import warn
from ._api import register
from ._build import WeightsLike, build
from ._checks import made_for_images
from .weights import AlexNet_Weights

__all__ = ["AlexNet", "AlexNet227", "alexnet", "alexnet227"]


def _features(
    channels: tuple[int, int, int, int, int],
    first_padding: int,
    groups: int = 1,
    lrn: bool = False,
) -> nn.Sequential:
    """The five convolutions; without ``lrn`` the layers have torchvision's indices."""
    c1, c2, c3, c4, c5 = channels

    def norm() -> list[nn.Module]:
        # The paper does not divide its alpha of 1e-4 by the size; torch does.
        return [nn.LocalResponseNorm(size=5, alpha=5e-4, beta=0.75, k=2.0)] if lrn else []

    return nn.Sequential(
        nn.Conv2d(3, c1, kernel_size=11, stride=4, padding=first_padding),  # N x c1 x 55 x 55
        nn.ReLU(inplace=True),
        *norm(),
        nn.MaxPool2d(kernel_size=3, stride=2),  # N x c1 x 27 x 27
        nn.Conv2d(c1, c2, kernel_size=5, padding=2, groups=groups),
        nn.ReLU(inplace=True),
        *norm(),
        nn.MaxPool2d(kernel_size=3, stride=2),  # N x c2 x 13 x 13
        nn.Conv2d(c2, c3, kernel_size=3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(c3, c4, kernel_size=3, padding=1, groups=groups),
        nn.ReLU(inplace=True),
        nn.Conv2d(c4, c5, kernel_size=3, padding=1, groups=groups),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(kernel_size=3, stride=2),  # N x c5 x 6 x 6
    )


def _classifier(num_classes: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Dropout(p=dropout),
        nn.Linear(256 * 6 * 6, 4096),
        nn.ReLU(inplace=True),
        nn.Dropout(p=dropout),
        nn.Linear(4096, 4096),
        nn.ReLU(inplace=True),
        nn.Linear(4096, num_classes),
    )


class AlexNet227(nn.Module):
    """AlexNet with the paper's channels, 96-256-384-384-256, for images (N, 3, 227, 227).

    Args:
        num_classes: number of logits; 1,000 give 62,378,344 weights, 2 give 58,289,538.
        dropout: probability of both dropout layers.
        groups: groups of convolutions 2, 4 and 5. The paper has 2, one for each of its GPUs, which
            gives 60,965,224 weights.
        lrn: whether the paper's local response normalisation follows the first two convolutions;
            the five are then ``features.0``, ``4``, ``8``, ``10`` and ``12``.
        init: ``"kaiming"``: normal weights by fan-in and biases 0, which trains well. ``"paper"``:
            convolution weights N(0, 0.01²), biases 1 in convolutions 2, 4 and 5, and torch's
            default for the rest; this only trains on a dataset as large as ImageNet.

    Raises:
        ValueError: for another ``init``, and in ``forward`` for another input shape.

    Krizhevsky, Sutskever and Hinton, 2012, which is ``AlexNet227(groups=2, lrn=True)``. Later work
    found that neither helps.
    """

    head_layers = ("classifier.6",)

    def __init__(
        self,
        num_classes: int = 1000,
        dropout: float = 0.5,
        init: str = "kaiming",
        groups: int = 1,
        lrn: bool = False,
    ) -> None:
        super().__init__()
        initialisers = {"kaiming": _kaiming_init, "paper": _paper_init}
        if init not in initialisers:
            raise ValueError(f"init must be one of {list(initialisers)}, got {init!r}")
        with nn_init.no_init():
            self.features = _features((96, 256, 384, 384, 256), 0, groups, lrn)
            self.classifier = _classifier(num_classes, dropout)
        initialisers[init](self)

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim != 4 or input.shape[1:] != (3, 227, 227):
            raise ValueError(
                f"AlexNet227 expects images of shape (N, 3, 227, 227), got {tuple(input.shape)}"
            )
        x = self.features(input)  # N x 256 x 6 x 6
        return self.classifier(x.flatten(1))


def _kaiming_init(net: AlexNet227) -> None:
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn_init.kaiming_normal_(module.weight, nonlinearity="relu")
            nn_init.zeros_(module.bias)


def _paper_init(net: AlexNet227) -> None:
    warn(
        "init='paper' stays at a loss of ln(num_classes) (0.693 for two) on datasets of about "
        "ten thousand images; use init='kaiming' there"
    )
    convolutions = [m for m in net.features if isinstance(m, nn.Conv2d)]
    for number, conv in enumerate(convolutions, start=1):
        nn_init.normal_(conv.weight, 0.0, 0.01)
        nn_init.constant_(conv.bias, 1.0 if number in (2, 4, 5) else 0.0)
    for module in net.classifier:
        if isinstance(module, nn.Linear):
            module.reset_parameters()


class AlexNet(nn.Module):
    """torchvision's AlexNet: channels 64-192-384-256-256, padding 2 on the first convolution.

    It is the network of "One weird trick for parallelizing convolutional neural networks"
    (Krizhevsky, 2014), with dropout before the first two linear layers. 1,000 classes give
    61,100,840 weights. It is designed for images of 224 pixels and takes any size from 63 pixels.

    Raises:
        ValueError: in ``forward``, for another number of channels or a smaller image.
    """

    head_layers = ("classifier.6",)

    def __init__(self, num_classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        self.features = _features((64, 192, 384, 256, 256), first_padding=2)
        self.avgpool = nn.AdaptiveAvgPool2d((6, 6))
        self.classifier = _classifier(num_classes, dropout)

    def forward(self, input: Tensor) -> Tensor:
        with made_for_images("AlexNet", input, smallest=63):
            x = self.avgpool(self.features(input))  # N x 256 x 6 x 6
            return self.classifier(x.flatten(1))


@register(AlexNet_Weights)
def alexnet(*, weights: WeightsLike = None, progress: bool = True, **kwargs: Any) -> AlexNet:
    """torchvision's AlexNet; ``kwargs`` go to :class:`AlexNet`."""
    return build("alexnet", AlexNet, weights, progress, kwargs)


@register()
def alexnet227(*, weights: WeightsLike = None, progress: bool = True, **kwargs: Any) -> AlexNet227:
    """AlexNet with the paper's channels; ``weights`` is a file, ``kwargs`` go to its class."""
    return build("alexnet227", AlexNet227, weights, progress, kwargs)
