"""The published weights of ConvNeXt."""

from __future__ import annotations

from ._files import File, imagenet

__all__ = [
    "ConvNeXt_Base_Weights",
    "ConvNeXt_Large_Weights",
    "ConvNeXt_Small_Weights",
    "ConvNeXt_Tiny_Weights",
]

ConvNeXt_Base_Weights = imagenet(
    "ConvNeXt_Base_Weights",
    V1=File(
        "convnext_base-6075fbad.pth",
        88_591_464,
        (84.062, 96.87),
        15.355,
        338.064,
        "classification#convnext",
        min_size=32,
        resize=232,
    ),
)
ConvNeXt_Large_Weights = imagenet(
    "ConvNeXt_Large_Weights",
    V1=File(
        "convnext_large-ea097f82.pth",
        197_767_336,
        (84.414, 96.976),
        34.361,
        754.537,
        "classification#convnext",
        min_size=32,
        resize=232,
    ),
)
ConvNeXt_Small_Weights = imagenet(
    "ConvNeXt_Small_Weights",
    V1=File(
        "convnext_small-0c510722.pth",
        50_223_688,
        (83.616, 96.65),
        8.684,
        191.703,
        "classification#convnext",
        min_size=32,
        resize=230,
    ),
)
ConvNeXt_Tiny_Weights = imagenet(
    "ConvNeXt_Tiny_Weights",
    V1=File(
        "convnext_tiny-983f1562.pth",
        28_589_128,
        (82.52, 96.146),
        4.456,
        109.119,
        "classification#convnext",
        min_size=32,
        resize=236,
    ),
)
