"""The published weights of vision transformers."""

from __future__ import annotations

from ._files import BICUBIC, File, imagenet

__all__ = [
    "ViT_B_16_Weights",
    "ViT_B_32_Weights",
    "ViT_H_14_Weights",
    "ViT_L_16_Weights",
    "ViT_L_32_Weights",
]

ViT_B_16_Weights = imagenet(
    "ViT_B_16_Weights",
    V1=File(
        "vit_b_16-c867db91.pth",
        86_567_656,
        (81.072, 95.318),
        17.564,
        330.285,
        "classification#vit_b_16",
        min_size=224,
    ),
    SWAG_E2E_V1=File(
        "vit_b_16_swag-9ac1b537.pth",
        86_859_496,
        (85.304, 97.65),
        55.484,
        331.398,
        "facebookresearch/SWAG",
        min_size=384,
        resize=384,
        crop=384,
        interpolation=BICUBIC,
        license="facebookresearch/SWAG/blob/main/LICENSE",
    ),
    SWAG_LINEAR_V1=File(
        "vit_b_16_lc_swag-4e70ced5.pth",
        86_567_656,
        (81.886, 96.18),
        17.564,
        330.285,
        "pytorch/vision/pull/5793",
        min_size=224,
        resize=224,
        interpolation=BICUBIC,
        license="facebookresearch/SWAG/blob/main/LICENSE",
    ),
)
ViT_B_32_Weights = imagenet(
    "ViT_B_32_Weights",
    V1=File(
        "vit_b_32-d86f8d99.pth",
        88_224_232,
        (75.912, 92.466),
        4.409,
        336.604,
        "classification#vit_b_32",
        min_size=224,
    ),
)
ViT_H_14_Weights = imagenet(
    "ViT_H_14_Weights",
    SWAG_E2E_V1=File(
        "vit_h_14_swag-80465313.pth",
        633_470_440,
        (88.552, 98.694),
        1016.717,
        2416.643,
        "facebookresearch/SWAG",
        min_size=518,
        resize=518,
        crop=518,
        interpolation=BICUBIC,
        license="facebookresearch/SWAG/blob/main/LICENSE",
    ),
    SWAG_LINEAR_V1=File(
        "vit_h_14_lc_swag-c1eb923e.pth",
        632_045_800,
        (85.708, 97.73),
        167.295,
        2411.209,
        "pytorch/vision/pull/5793",
        min_size=224,
        resize=224,
        interpolation=BICUBIC,
        license="facebookresearch/SWAG/blob/main/LICENSE",
    ),
)
ViT_L_16_Weights = imagenet(
    "ViT_L_16_Weights",
    V1=File(
        "vit_l_16-852ce7e3.pth",
        304_326_632,
        (79.662, 94.638),
        61.555,
        1161.023,
        "classification#vit_l_16",
        min_size=224,
        resize=242,
    ),
    SWAG_E2E_V1=File(
        "vit_l_16_swag-4f3808c9.pth",
        305_174_504,
        (88.064, 98.512),
        361.986,
        1164.258,
        "facebookresearch/SWAG",
        min_size=512,
        resize=512,
        crop=512,
        interpolation=BICUBIC,
        license="facebookresearch/SWAG/blob/main/LICENSE",
    ),
    SWAG_LINEAR_V1=File(
        "vit_l_16_lc_swag-4d563306.pth",
        304_326_632,
        (85.146, 97.422),
        61.555,
        1161.023,
        "pytorch/vision/pull/5793",
        min_size=224,
        resize=224,
        interpolation=BICUBIC,
        license="facebookresearch/SWAG/blob/main/LICENSE",
    ),
)
ViT_L_32_Weights = imagenet(
    "ViT_L_32_Weights",
    V1=File(
        "vit_l_32-c7638314.pth",
        306_535_400,
        (76.972, 93.07),
        15.378,
        1169.449,
        "classification#vit_l_32",
        min_size=224,
    ),
)
