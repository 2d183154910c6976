"""The published weights of GoogLeNet."""

from __future__ import annotations

from ._files import File, imagenet

__all__ = ["GoogLeNet_Weights"]

GoogLeNet_Weights = imagenet(
    "GoogLeNet_Weights",
    V1=File(
        "googlenet-1378be20.pth",
        6_624_904,
        (69.778, 89.53),
        1.498,
        49.731,
        "classification#googlenet",
        min_size=15,
    ),
)
