"""The published weights of MobileNet v3."""

from __future__ import annotations

from ._files import File, imagenet

__all__ = ["MobileNet_V3_Large_Weights", "MobileNet_V3_Small_Weights"]

MobileNet_V3_Large_Weights = imagenet(
    "MobileNet_V3_Large_Weights",
    V1=File(
        "mobilenet_v3_large-8738ca79.pth",
        5_483_032,
        (74.042, 91.34),
        0.217,
        21.114,
        "classification#mobilenetv3-large--small",
    ),
    V2=File(
        "mobilenet_v3_large-5c1a4163.pth",
        5_483_032,
        (75.274, 92.566),
        0.217,
        21.107,
        "pytorch/vision/issues/3995#new-recipe-with-reg-tuning",
        resize=232,
    ),
)
MobileNet_V3_Small_Weights = imagenet(
    "MobileNet_V3_Small_Weights",
    V1=File(
        "mobilenet_v3_small-047dcff4.pth",
        2_542_856,
        (67.668, 87.402),
        0.057,
        9.829,
        "classification#mobilenetv3-large--small",
    ),
)
