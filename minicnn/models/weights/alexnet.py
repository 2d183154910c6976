"""The published weights of AlexNet."""

from __future__ import annotations

from ._files import File, imagenet

__all__ = ["AlexNet_Weights"]

AlexNet_Weights = imagenet(
    "AlexNet_Weights",
    V1=File(
        "alexnet-owt-7be5be79.pth",
        61_100_840,
        (56.522, 79.066),
        0.714,
        233.087,
        "classification#alexnet-and-vgg",
        min_size=63,
    ),
)
