"""The published weights of MobileNet v2."""

from __future__ import annotations

from ._files import File, imagenet

__all__ = ["MobileNet_V2_Weights"]

MobileNet_V2_Weights = imagenet(
    "MobileNet_V2_Weights",
    V1=File(
        "mobilenet_v2-b0353104.pth",
        3_504_872,
        (71.878, 90.286),
        0.301,
        13.555,
        "classification#mobilenetv2",
    ),
    V2=File(
        "mobilenet_v2-7ebf99e0.pth",
        3_504_872,
        (72.154, 90.822),
        0.301,
        13.598,
        "pytorch/vision/issues/3995#new-recipe-with-reg-tuning",
        resize=232,
    ),
)
