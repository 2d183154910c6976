"""The published weights of ResNet, ResNeXt and wide ResNet."""

from __future__ import annotations

from ._files import File, imagenet

__all__ = [
    "ResNeXt50_32X4D_Weights",
    "ResNeXt101_32X8D_Weights",
    "ResNeXt101_64X4D_Weights",
    "ResNet18_Weights",
    "ResNet34_Weights",
    "ResNet50_Weights",
    "ResNet101_Weights",
    "ResNet152_Weights",
    "Wide_ResNet50_2_Weights",
    "Wide_ResNet101_2_Weights",
]

ResNet18_Weights = imagenet(
    "ResNet18_Weights",
    V1=File(
        "resnet18-f37072fd.pth",
        11_689_512,
        (69.758, 89.078),
        1.814,
        44.661,
        "classification#resnet",
    ),
)
ResNet34_Weights = imagenet(
    "ResNet34_Weights",
    V1=File(
        "resnet34-b627a593.pth", 21_797_672, (73.314, 91.42), 3.664, 83.275, "classification#resnet"
    ),
)
ResNet50_Weights = imagenet(
    "ResNet50_Weights",
    V1=File(
        "resnet50-0676ba61.pth", 25_557_032, (76.13, 92.862), 4.089, 97.781, "classification#resnet"
    ),
    V2=File(
        "resnet50-11ad3fa6.pth",
        25_557_032,
        (80.858, 95.434),
        4.089,
        97.79,
        "pytorch/vision/issues/3995#issuecomment-1013906621",
        resize=232,
    ),
)
ResNet101_Weights = imagenet(
    "ResNet101_Weights",
    V1=File(
        "resnet101-63fe2227.pth",
        44_549_160,
        (77.374, 93.546),
        7.801,
        170.511,
        "classification#resnet",
    ),
    V2=File(
        "resnet101-cd907fc2.pth",
        44_549_160,
        (81.886, 95.78),
        7.801,
        170.53,
        "pytorch/vision/issues/3995#new-recipe",
        resize=232,
    ),
)
ResNet152_Weights = imagenet(
    "ResNet152_Weights",
    V1=File(
        "resnet152-394f9c45.pth",
        60_192_808,
        (78.312, 94.046),
        11.514,
        230.434,
        "classification#resnet",
    ),
    V2=File(
        "resnet152-f82ba261.pth",
        60_192_808,
        (82.284, 96.002),
        11.514,
        230.474,
        "pytorch/vision/issues/3995#new-recipe",
        resize=232,
    ),
)
ResNeXt50_32X4D_Weights = imagenet(
    "ResNeXt50_32X4D_Weights",
    V1=File(
        "resnext50_32x4d-7cdf4587.pth",
        25_028_904,
        (77.618, 93.698),
        4.23,
        95.789,
        "classification#resnext",
    ),
    V2=File(
        "resnext50_32x4d-1a0047aa.pth",
        25_028_904,
        (81.198, 95.34),
        4.23,
        95.833,
        "pytorch/vision/issues/3995#new-recipe",
        resize=232,
    ),
)
ResNeXt101_32X8D_Weights = imagenet(
    "ResNeXt101_32X8D_Weights",
    V1=File(
        "resnext101_32x8d-8ba56ff5.pth",
        88_791_336,
        (79.312, 94.526),
        16.414,
        339.586,
        "classification#resnext",
    ),
    V2=File(
        "resnext101_32x8d-110c445d.pth",
        88_791_336,
        (82.834, 96.228),
        16.414,
        339.673,
        "pytorch/vision/issues/3995#new-recipe-with-fixres",
        resize=232,
    ),
)
ResNeXt101_64X4D_Weights = imagenet(
    "ResNeXt101_64X4D_Weights",
    V1=File(
        "resnext101_64x4d-173b62eb.pth",
        83_455_272,
        (83.246, 96.454),
        15.46,
        319.318,
        "pytorch/vision/pull/5935",
        resize=232,
    ),
)
Wide_ResNet50_2_Weights = imagenet(
    "Wide_ResNet50_2_Weights",
    V1=File(
        "wide_resnet50_2-95faca4d.pth",
        68_883_240,
        (78.468, 94.086),
        11.398,
        131.82,
        "pytorch/vision/pull/912#issue-445437439",
    ),
    V2=File(
        "wide_resnet50_2-9ba9bcbe.pth",
        68_883_240,
        (81.602, 95.758),
        11.398,
        263.124,
        "pytorch/vision/issues/3995#new-recipe-with-fixres",
        resize=232,
    ),
)
Wide_ResNet101_2_Weights = imagenet(
    "Wide_ResNet101_2_Weights",
    V1=File(
        "wide_resnet101_2-32ee1156.pth",
        126_886_696,
        (78.848, 94.284),
        22.753,
        242.896,
        "pytorch/vision/pull/912#issue-445437439",
    ),
    V2=File(
        "wide_resnet101_2-d733dc28.pth",
        126_886_696,
        (82.51, 96.02),
        22.753,
        484.747,
        "pytorch/vision/issues/3995#new-recipe",
        resize=232,
    ),
)
