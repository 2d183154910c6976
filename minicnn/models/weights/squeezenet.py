"""The published weights of SqueezeNet."""

from __future__ import annotations

from ._files import File, imagenet

__all__ = ["SqueezeNet1_0_Weights", "SqueezeNet1_1_Weights"]

SqueezeNet1_0_Weights = imagenet(
    "SqueezeNet1_0_Weights",
    V1=File(
        "squeezenet1_0-b66bff10.pth",
        1_248_424,
        (58.092, 80.42),
        0.819,
        4.778,
        "pytorch/vision/pull/49#issuecomment-277560717",
        min_size=21,
    ),
)
SqueezeNet1_1_Weights = imagenet(
    "SqueezeNet1_1_Weights",
    V1=File(
        "squeezenet1_1-b8a52dc0.pth",
        1_235_496,
        (58.178, 80.624),
        0.349,
        4.729,
        "pytorch/vision/pull/49#issuecomment-277560717",
        min_size=17,
    ),
)
