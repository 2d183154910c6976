"""The published weights of DeepLabv3."""

from __future__ import annotations

from ._files import VOC_CLASSES, File, voc

__all__ = [
    "DeepLabV3_MobileNet_V3_Large_Weights",
    "DeepLabV3_ResNet50_Weights",
    "DeepLabV3_ResNet101_Weights",
]

DeepLabV3_MobileNet_V3_Large_Weights = voc(
    "DeepLabV3_MobileNet_V3_Large_Weights",
    File(
        "deeplabv3_mobilenet_v3_large-fc3c493d.pth",
        11_029_328,
        (60.3, 91.2),
        10.452,
        42.301,
        "segmentation#deeplabv3_mobilenet_v3_large",
        categories=VOC_CLASSES,
    ),
)
DeepLabV3_ResNet50_Weights = voc(
    "DeepLabV3_ResNet50_Weights",
    File(
        "deeplabv3_resnet50_coco-cd0a2569.pth",
        42_004_074,
        (66.4, 92.4),
        178.722,
        160.515,
        "segmentation#deeplabv3_resnet50",
        categories=VOC_CLASSES,
    ),
)
DeepLabV3_ResNet101_Weights = voc(
    "DeepLabV3_ResNet101_Weights",
    File(
        "deeplabv3_resnet101_coco-586e9e4e.pth",
        60_996_202,
        (67.4, 92.4),
        258.743,
        233.217,
        "segmentation#fcn_resnet101",
        categories=VOC_CLASSES,
    ),
)
