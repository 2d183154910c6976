"""The published weights of ShuffleNet v2."""

from __future__ import annotations

from ._files import File, imagenet

__all__ = [
    "ShuffleNet_V2_X0_5_Weights",
    "ShuffleNet_V2_X1_0_Weights",
    "ShuffleNet_V2_X1_5_Weights",
    "ShuffleNet_V2_X2_0_Weights",
]

ShuffleNet_V2_X0_5_Weights = imagenet(
    "ShuffleNet_V2_X0_5_Weights",
    V1=File(
        "shufflenetv2_x0.5-f707e7126e.pth",
        1_366_792,
        (60.552, 81.746),
        0.04,
        5.282,
        "ericsun99/Shufflenet-v2-Pytorch",
    ),
)
ShuffleNet_V2_X1_0_Weights = imagenet(
    "ShuffleNet_V2_X1_0_Weights",
    V1=File(
        "shufflenetv2_x1-5666bf0f80.pth",
        2_278_604,
        (69.362, 88.316),
        0.145,
        8.791,
        "ericsun99/Shufflenet-v2-Pytorch",
    ),
)
ShuffleNet_V2_X1_5_Weights = imagenet(
    "ShuffleNet_V2_X1_5_Weights",
    V1=File(
        "shufflenetv2_x1_5-3c479a10.pth",
        3_503_624,
        (72.996, 91.086),
        0.296,
        13.557,
        "pytorch/vision/pull/5906",
        resize=232,
    ),
)
ShuffleNet_V2_X2_0_Weights = imagenet(
    "ShuffleNet_V2_X2_0_Weights",
    V1=File(
        "shufflenetv2_x2_0-8be3c8ee.pth",
        7_393_996,
        (76.23, 93.006),
        0.583,
        28.433,
        "pytorch/vision/pull/5906",
        resize=232,
    ),
)
