"""The published weights of all networks: one enum for each, as in torchvision.

torchvision publishes the files, counts and results.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, NamedTuple, cast

from ._api import Weights, WeightsEnum
from .presets import IMAGENET_MEAN, IMAGENET_STD, ImageClassification, SemanticSegmentation

_SERVER = "https://download.pytorch.org/models/"

IMAGENET_CLASSES = (
    (Path(__file__).parent / "imagenet_classes.txt").read_text(encoding="utf-8").splitlines()
)
VOC_CLASSES = [
    "__background__", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat",
    "chair", "cow", "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep",
    "sofa", "train", "tvmonitor",
]  # fmt: skip


class _File(NamedTuple):
    """A file of published weights: what differs from one to the next."""

    name: str
    num_params: int
    results: tuple[float, float]  # per cent: top-1 and top-5, or mean IoU and pixel accuracy
    resize: int = 256
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    categories: list[str] | None = IMAGENET_CLASSES


def _imagenet(name: str, min_size: int, **files: _File) -> type[WeightsEnum]:
    """The enum of a classifier; ``files`` by the end of their name, the best one last."""
    members = {}
    for version, file in files.items():
        meta = {
            "num_params": file.num_params,
            "min_size": (min_size, min_size),
            "categories": file.categories,
            "_metrics": {"ImageNet-1K": dict(zip(("acc@1", "acc@5"), file.results, strict=True))},
        }
        preset = functools.partial(
            ImageClassification,
            crop_size=224, resize_size=file.resize, mean=file.mean, std=file.std,
        )  # fmt: skip
        members[f"IMAGENET1K_{version}"] = Weights(_SERVER + file.name, preset, meta)
    return _enum(name, members)


def _voc(name: str, file: _File) -> type[WeightsEnum]:
    """The enum of a network that classifies pixels."""
    meta = {
        "num_params": file.num_params,
        "min_size": (1, 1),
        "categories": VOC_CLASSES,
        "_metrics": {
            "COCO-val2017-VOC-labels": dict(zip(("miou", "pixel_acc"), file.results, strict=True))
        },
    }
    preset = functools.partial(SemanticSegmentation, resize_size=520)
    return _enum(name, {"COCO_WITH_VOC_LABELS_V1": Weights(_SERVER + file.name, preset, meta)})


def _enum(name: str, members: dict[str, Weights]) -> type[WeightsEnum]:
    best = [weights for key, weights in members.items() if not key.endswith("FEATURES")][-1]
    make: Any = WeightsEnum  # mypy knows enums only from literals
    return cast(type[WeightsEnum], make(name, {**members, "DEFAULT": best}, module=__name__))


AlexNet_Weights = _imagenet(
    "AlexNet_Weights", 63, V1=_File("alexnet-owt-7be5be79.pth", 61_100_840, (56.522, 79.066))
)
VGG11_Weights = _imagenet(
    "VGG11_Weights", 32, V1=_File("vgg11-8a719046.pth", 132_863_336, (69.020, 88.628))
)
VGG11_BN_Weights = _imagenet(
    "VGG11_BN_Weights", 32, V1=_File("vgg11_bn-6002323d.pth", 132_868_840, (70.370, 89.810))
)
VGG13_Weights = _imagenet(
    "VGG13_Weights", 32, V1=_File("vgg13-19584684.pth", 133_047_848, (69.928, 89.246))
)
VGG13_BN_Weights = _imagenet(
    "VGG13_BN_Weights", 32, V1=_File("vgg13_bn-abd245e5.pth", 133_053_736, (71.586, 90.374))
)
VGG16_Weights = _imagenet(
    "VGG16_Weights",
    32,
    V1=_File("vgg16-397923af.pth", 138_357_544, (71.592, 90.382)),
    FEATURES=_File(
        "vgg16_features-amdegroot-88682ab5.pth",
        138_357_544,
        (float("nan"), float("nan")),
        mean=(0.48235, 0.45882, 0.40784),
        std=(1.0 / 255.0, 1.0 / 255.0, 1.0 / 255.0),
        categories=None,
    ),
)
VGG16_BN_Weights = _imagenet(
    "VGG16_BN_Weights", 32, V1=_File("vgg16_bn-6c64b313.pth", 138_365_992, (73.360, 91.516))
)
VGG19_Weights = _imagenet(
    "VGG19_Weights", 32, V1=_File("vgg19-dcbb9e9d.pth", 143_667_240, (72.376, 90.876))
)
VGG19_BN_Weights = _imagenet(
    "VGG19_BN_Weights", 32, V1=_File("vgg19_bn-c79401a0.pth", 143_678_248, (74.218, 91.842))
)
GoogLeNet_Weights = _imagenet(
    "GoogLeNet_Weights", 15, V1=_File("googlenet-1378be20.pth", 6_624_904, (69.778, 89.530))
)
ResNet18_Weights = _imagenet(
    "ResNet18_Weights", 1, V1=_File("resnet18-f37072fd.pth", 11_689_512, (69.758, 89.078))
)
ResNet34_Weights = _imagenet(
    "ResNet34_Weights", 1, V1=_File("resnet34-b627a593.pth", 21_797_672, (73.314, 91.420))
)
ResNet50_Weights = _imagenet(
    "ResNet50_Weights",
    1,
    V1=_File("resnet50-0676ba61.pth", 25_557_032, (76.130, 92.862)),
    V2=_File("resnet50-11ad3fa6.pth", 25_557_032, (80.858, 95.434), resize=232),
)
ResNet101_Weights = _imagenet(
    "ResNet101_Weights",
    1,
    V1=_File("resnet101-63fe2227.pth", 44_549_160, (77.374, 93.546)),
    V2=_File("resnet101-cd907fc2.pth", 44_549_160, (81.886, 95.780), resize=232),
)
ResNet152_Weights = _imagenet(
    "ResNet152_Weights",
    1,
    V1=_File("resnet152-394f9c45.pth", 60_192_808, (78.312, 94.046)),
    V2=_File("resnet152-f82ba261.pth", 60_192_808, (82.284, 96.002), resize=232),
)
ResNeXt50_32X4D_Weights = _imagenet(
    "ResNeXt50_32X4D_Weights",
    1,
    V1=_File("resnext50_32x4d-7cdf4587.pth", 25_028_904, (77.618, 93.698)),
    V2=_File("resnext50_32x4d-1a0047aa.pth", 25_028_904, (81.198, 95.340), resize=232),
)
ResNeXt101_32X8D_Weights = _imagenet(
    "ResNeXt101_32X8D_Weights",
    1,
    V1=_File("resnext101_32x8d-8ba56ff5.pth", 88_791_336, (79.312, 94.526)),
    V2=_File("resnext101_32x8d-110c445d.pth", 88_791_336, (82.834, 96.228), resize=232),
)
ResNeXt101_64X4D_Weights = _imagenet(
    "ResNeXt101_64X4D_Weights",
    1,
    V1=_File("resnext101_64x4d-173b62eb.pth", 83_455_272, (83.246, 96.454), resize=232),
)
Wide_ResNet50_2_Weights = _imagenet(
    "Wide_ResNet50_2_Weights",
    1,
    V1=_File("wide_resnet50_2-95faca4d.pth", 68_883_240, (78.468, 94.086)),
    V2=_File("wide_resnet50_2-9ba9bcbe.pth", 68_883_240, (81.602, 95.758), resize=232),
)
Wide_ResNet101_2_Weights = _imagenet(
    "Wide_ResNet101_2_Weights",
    1,
    V1=_File("wide_resnet101_2-32ee1156.pth", 126_886_696, (78.848, 94.284)),
    V2=_File("wide_resnet101_2-d733dc28.pth", 126_886_696, (82.510, 96.020), resize=232),
)
FCN_ResNet50_Weights = _voc(
    "FCN_ResNet50_Weights", _File("fcn_resnet50_coco-1167a1af.pth", 35_322_218, (60.5, 91.4))
)
FCN_ResNet101_Weights = _voc(
    "FCN_ResNet101_Weights", _File("fcn_resnet101_coco-7ecb50ca.pth", 54_314_346, (63.7, 91.9))
)
