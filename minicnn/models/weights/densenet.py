"""The published weights of DenseNet."""

from __future__ import annotations

from ._files import File, imagenet

__all__ = [
    "DenseNet121_Weights",
    "DenseNet161_Weights",
    "DenseNet169_Weights",
    "DenseNet201_Weights",
]

DenseNet121_Weights = imagenet(
    "DenseNet121_Weights",
    V1=File(
        "densenet121-a639ec97.pth",
        7_978_856,
        (74.434, 91.972),
        2.834,
        30.845,
        "pytorch/vision/pull/116",
        min_size=29,
    ),
)
DenseNet161_Weights = imagenet(
    "DenseNet161_Weights",
    V1=File(
        "densenet161-8d451a50.pth",
        28_681_000,
        (77.138, 93.56),
        7.728,
        110.369,
        "pytorch/vision/pull/116",
        min_size=29,
    ),
)
DenseNet169_Weights = imagenet(
    "DenseNet169_Weights",
    V1=File(
        "densenet169-b2777c0a.pth",
        14_149_480,
        (75.6, 92.806),
        3.36,
        54.708,
        "pytorch/vision/pull/116",
        min_size=29,
    ),
)
DenseNet201_Weights = imagenet(
    "DenseNet201_Weights",
    V1=File(
        "densenet201-c1103571.pth",
        20_013_928,
        (76.896, 93.37),
        4.291,
        77.373,
        "pytorch/vision/pull/116",
        min_size=29,
    ),
)
