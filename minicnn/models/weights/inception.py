"""The published weights of Inception v3."""

from __future__ import annotations

from ._files import File, imagenet

__all__ = ["Inception_V3_Weights"]

Inception_V3_Weights = imagenet(
    "Inception_V3_Weights",
    V1=File(
        "inception_v3_google-0cc3c7bd.pth",
        27_161_264,
        (77.294, 93.45),
        5.713,
        103.903,
        "classification#inception-v3",
        min_size=75,
        resize=342,
        crop=299,
    ),
)
