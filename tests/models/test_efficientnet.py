"""EfficientNet and its blocks compute what torchvision's do, in evaluation and in training."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from with_torchvision import torchvision

pytestmark = pytest.mark.not_emulated

THEIRS = torchvision.models.efficientnet
SHAPES = {
    "wide": (4, 3, 1, 8, 8, 2),
    "strided": (6, 5, 2, 8, 16, 2),
    "narrow": (1, 3, 1, 16, 16, 1),
}


def small(module: Any, nn: Any, norm: bool = False) -> Any:
    """A network of fused and of other blocks, some with and some without their first convolution."""
    kinds = module.FusedMBConvConfig, module.MBConvConfig
    stages = [kind(*shape) for kind in kinds for shape in SHAPES.values() if shape[3] == 8][:2]
    stages += [
        module.MBConvConfig(1, 3, 1, 16, 24, 2),
        module.FusedMBConvConfig(1, 3, 2, 24, 24, 1),
    ]
    stages.append(module.MBConvConfig(4, 3, 2, 24, 24, 1, width_mult=1.0, depth_mult=1.5))
    options = {"norm_layer": functools.partial(nn.BatchNorm2d, eps=1e-3, momentum=0.01)}
    return module.EfficientNet(
        stages,
        0.3,
        stochastic_depth_prob=0.5,
        num_classes=5,
        last_channel=40,
        **(options if norm else {}),
    )
