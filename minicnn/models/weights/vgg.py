"""The published weights of VGG."""

from __future__ import annotations

from ._files import File, imagenet

__all__ = [
    "VGG11_BN_Weights",
    "VGG11_Weights",
    "VGG13_BN_Weights",
    "VGG13_Weights",
    "VGG16_BN_Weights",
    "VGG16_Weights",
    "VGG19_BN_Weights",
    "VGG19_Weights",
]

VGG11_Weights = imagenet(
    "VGG11_Weights",
    V1=File(
        "vgg11-8a719046.pth",
        132_863_336,
        (69.02, 88.628),
        7.609,
        506.84,
        "classification#alexnet-and-vgg",
        min_size=32,
    ),
)
VGG11_BN_Weights = imagenet(
    "VGG11_BN_Weights",
    V1=File(
        "vgg11_bn-6002323d.pth",
        132_868_840,
        (70.37, 89.81),
        7.609,
        506.881,
        "classification#alexnet-and-vgg",
        min_size=32,
    ),
)
VGG13_Weights = imagenet(
    "VGG13_Weights",
    V1=File(
        "vgg13-19584684.pth",
        133_047_848,
        (69.928, 89.246),
        11.308,
        507.545,
        "classification#alexnet-and-vgg",
        min_size=32,
    ),
)
VGG13_BN_Weights = imagenet(
    "VGG13_BN_Weights",
    V1=File(
        "vgg13_bn-abd245e5.pth",
        133_053_736,
        (71.586, 90.374),
        11.308,
        507.59,
        "classification#alexnet-and-vgg",
        min_size=32,
    ),
)
VGG16_Weights = imagenet(
    "VGG16_Weights",
    V1=File(
        "vgg16-397923af.pth",
        138_357_544,
        (71.592, 90.382),
        15.47,
        527.796,
        "classification#alexnet-and-vgg",
        min_size=32,
    ),
    FEATURES=File(
        "vgg16_features-amdegroot-88682ab5.pth",
        138_357_544,
        (float("nan"), float("nan")),
        15.47,
        527.802,
        "amdegroot/ssd.pytorch#training-ssd",
        min_size=32,
        mean=(0.48235, 0.45882, 0.40784),
        std=(1 / 255, 1 / 255, 1 / 255),
        categories=None,
    ),
)
VGG16_BN_Weights = imagenet(
    "VGG16_BN_Weights",
    V1=File(
        "vgg16_bn-6c64b313.pth",
        138_365_992,
        (73.36, 91.516),
        15.47,
        527.866,
        "classification#alexnet-and-vgg",
        min_size=32,
    ),
)
VGG19_Weights = imagenet(
    "VGG19_Weights",
    V1=File(
        "vgg19-dcbb9e9d.pth",
        143_667_240,
        (72.376, 90.876),
        19.632,
        548.051,
        "classification#alexnet-and-vgg",
        min_size=32,
    ),
)
VGG19_BN_Weights = imagenet(
    "VGG19_BN_Weights",
    V1=File(
        "vgg19_bn-c79401a0.pth",
        143_678_248,
        (74.218, 91.842),
        19.632,
        548.143,
        "classification#alexnet-and-vgg",
        min_size=32,
    ),
)
