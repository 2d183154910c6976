"""Networks that classify every pixel."""

from __future__ import annotations

from ..weights import FCN_ResNet50_Weights, FCN_ResNet101_Weights
from .fcn import FCN, FCNHead, fcn_resnet50, fcn_resnet101
from .fcn_vgg import FCNVGG, fcn8s, fcn16s, fcn32s

__all__ = [
    "FCN",
    "FCNVGG",
    "FCNHead",
    "FCN_ResNet50_Weights",
    "FCN_ResNet101_Weights",
    "fcn8s",
    "fcn16s",
    "fcn32s",
    "fcn_resnet50",
    "fcn_resnet101",
]
