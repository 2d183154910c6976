"""The published weights of FCN."""

from __future__ import annotations

from ._files import VOC_CLASSES, File, voc

__all__ = ["FCN_ResNet50_Weights", "FCN_ResNet101_Weights"]

FCN_ResNet50_Weights = voc(
    "FCN_ResNet50_Weights",
    File(
        "fcn_resnet50_coco-1167a1af.pth",
        35_322_218,
        (60.5, 91.4),
        152.717,
        135.009,
        "segmentation#fcn_resnet50",
        categories=VOC_CLASSES,
    ),
)
FCN_ResNet101_Weights = voc(
    "FCN_ResNet101_Weights",
    File(
        "fcn_resnet101_coco-7ecb50ca.pth",
        54_314_346,
        (63.7, 91.9),
        232.738,
        207.711,
        "segmentation#deeplabv3_resnet101",
        categories=VOC_CLASSES,
    ),
)
