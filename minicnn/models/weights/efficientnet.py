"""The published weights of EfficientNet."""

from __future__ import annotations

from ._files import BICUBIC, File, imagenet

__all__ = [
    "EfficientNet_B0_Weights",
    "EfficientNet_B1_Weights",
    "EfficientNet_B2_Weights",
    "EfficientNet_B3_Weights",
    "EfficientNet_B4_Weights",
    "EfficientNet_B5_Weights",
    "EfficientNet_B6_Weights",
    "EfficientNet_B7_Weights",
    "EfficientNet_V2_L_Weights",
    "EfficientNet_V2_M_Weights",
    "EfficientNet_V2_S_Weights",
]

EfficientNet_B0_Weights = imagenet(
    "EfficientNet_B0_Weights",
    V1=File(
        "efficientnet_b0_rwightman-7f5810bc.pth",
        5_288_548,
        (77.692, 93.532),
        0.386,
        20.451,
        "classification#efficientnet-v1",
        interpolation=BICUBIC,
    ),
)
EfficientNet_B1_Weights = imagenet(
    "EfficientNet_B1_Weights",
    V1=File(
        "efficientnet_b1_rwightman-bac287d4.pth",
        7_794_184,
        (78.642, 94.186),
        0.687,
        30.134,
        "classification#efficientnet-v1",
        crop=240,
        interpolation=BICUBIC,
    ),
    V2=File(
        "efficientnet_b1-c27df63c.pth",
        7_794_184,
        (79.838, 94.934),
        0.687,
        30.136,
        "pytorch/vision/issues/3995#new-recipe-with-lr-wd-crop-tuning",
        resize=255,
        crop=240,
    ),
)
EfficientNet_B2_Weights = imagenet(
    "EfficientNet_B2_Weights",
    V1=File(
        "efficientnet_b2_rwightman-c35c1473.pth",
        9_109_994,
        (80.608, 95.31),
        1.088,
        35.174,
        "classification#efficientnet-v1",
        resize=288,
        crop=288,
        interpolation=BICUBIC,
    ),
)
EfficientNet_B3_Weights = imagenet(
    "EfficientNet_B3_Weights",
    V1=File(
        "efficientnet_b3_rwightman-b3899882.pth",
        12_233_232,
        (82.008, 96.054),
        1.827,
        47.184,
        "classification#efficientnet-v1",
        resize=320,
        crop=300,
        interpolation=BICUBIC,
    ),
)
EfficientNet_B4_Weights = imagenet(
    "EfficientNet_B4_Weights",
    V1=File(
        "efficientnet_b4_rwightman-23ab8bcd.pth",
        19_341_616,
        (83.384, 96.594),
        4.394,
        74.489,
        "classification#efficientnet-v1",
        resize=384,
        crop=380,
        interpolation=BICUBIC,
    ),
)
EfficientNet_B5_Weights = imagenet(
    "EfficientNet_B5_Weights",
    V1=File(
        "efficientnet_b5_lukemelas-1a07897c.pth",
        30_389_784,
        (83.444, 96.628),
        10.266,
        116.864,
        "classification#efficientnet-v1",
        resize=456,
        crop=456,
        interpolation=BICUBIC,
    ),
)
EfficientNet_B6_Weights = imagenet(
    "EfficientNet_B6_Weights",
    V1=File(
        "efficientnet_b6_lukemelas-24a108a5.pth",
        43_040_704,
        (84.008, 96.916),
        19.068,
        165.362,
        "classification#efficientnet-v1",
        resize=528,
        crop=528,
        interpolation=BICUBIC,
    ),
)
EfficientNet_B7_Weights = imagenet(
    "EfficientNet_B7_Weights",
    V1=File(
        "efficientnet_b7_lukemelas-c5b4e57e.pth",
        66_347_960,
        (84.122, 96.908),
        37.746,
        254.675,
        "classification#efficientnet-v1",
        resize=600,
        crop=600,
        interpolation=BICUBIC,
    ),
)
EfficientNet_V2_L_Weights = imagenet(
    "EfficientNet_V2_L_Weights",
    V1=File(
        "efficientnet_v2_l-59c71312.pth",
        118_515_272,
        (85.808, 97.788),
        56.08,
        454.573,
        "classification#efficientnet-v2",
        min_size=33,
        resize=480,
        crop=480,
        interpolation=BICUBIC,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
    ),
)
EfficientNet_V2_M_Weights = imagenet(
    "EfficientNet_V2_M_Weights",
    V1=File(
        "efficientnet_v2_m-dc08266a.pth",
        54_139_356,
        (85.112, 97.156),
        24.582,
        208.01,
        "classification#efficientnet-v2",
        min_size=33,
        resize=480,
        crop=480,
    ),
)
EfficientNet_V2_S_Weights = imagenet(
    "EfficientNet_V2_S_Weights",
    V1=File(
        "efficientnet_v2_s-dd5fe13b.pth",
        21_458_488,
        (84.228, 96.878),
        8.366,
        82.704,
        "classification#efficientnet-v2",
        min_size=33,
        resize=384,
        crop=384,
    ),
)
