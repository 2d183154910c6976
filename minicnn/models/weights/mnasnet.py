"""The published weights of MNASNet."""

from __future__ import annotations

from ._files import File, imagenet

__all__ = [
    "MNASNet0_5_Weights",
    "MNASNet0_75_Weights",
    "MNASNet1_0_Weights",
    "MNASNet1_3_Weights",
]

MNASNet0_5_Weights = imagenet(
    "MNASNet0_5_Weights",
    V1=File(
        "mnasnet0.5_top1_67.823-3ffadce67e.pth",
        2_218_512,
        (67.734, 87.49),
        0.104,
        8.591,
        "1e100/mnasnet_trainer",
    ),
)
MNASNet0_75_Weights = imagenet(
    "MNASNet0_75_Weights",
    V1=File(
        "mnasnet0_75-7090bc5f.pth",
        3_170_208,
        (71.18, 90.496),
        0.215,
        12.303,
        "pytorch/vision/pull/6019",
        resize=232,
    ),
)
MNASNet1_0_Weights = imagenet(
    "MNASNet1_0_Weights",
    V1=File(
        "mnasnet1.0_top1_73.512-f206786ef8.pth",
        4_383_312,
        (73.456, 91.51),
        0.314,
        16.915,
        "1e100/mnasnet_trainer",
    ),
)
MNASNet1_3_Weights = imagenet(
    "MNASNet1_3_Weights",
    V1=File(
        "mnasnet1_3-a4c69d6f.pth",
        6_282_256,
        (76.506, 93.522),
        0.526,
        24.246,
        "pytorch/vision/pull/6019",
        resize=232,
    ),
)
