"""The published weights of LR-ASPP."""

from __future__ import annotations

from ._files import VOC_CLASSES, File, voc

__all__ = ["LRASPP_MobileNet_V3_Large_Weights"]

LRASPP_MobileNet_V3_Large_Weights = voc(
    "LRASPP_MobileNet_V3_Large_Weights",
    File(
        "lraspp_mobilenet_v3_large-d234d4ea.pth",
        3_221_538,
        (57.9, 91.2),
        2.086,
        12.49,
        "segmentation#lraspp_mobilenet_v3_large",
        categories=VOC_CLASSES,
    ),
)
