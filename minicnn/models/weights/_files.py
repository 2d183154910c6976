"""From facts about a file of weights to the enum that torchvision has."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, NamedTuple, cast

from ...transforms.interpolation import InterpolationMode
from .._api import Weights, WeightsEnum
from ..presets import IMAGENET_MEAN, IMAGENET_STD, ImageClassification, SemanticSegmentation

__all__ = ["BICUBIC", "IMAGENET_CLASSES", "VOC_CLASSES", "File", "imagenet", "voc"]

BICUBIC = InterpolationMode.BICUBIC

_SERVER = "https://download.pytorch.org/models/"
_GITHUB = "https://github.com/"
_RECIPES = "pytorch/vision/tree/main/references/"

IMAGENET_CLASSES = (
    (Path(__file__).parent.parent / "imagenet_classes.txt").read_text(encoding="utf-8").splitlines()
)
VOC_CLASSES = [
    "__background__", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat",
    "chair", "cow", "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep",
    "sofa", "train", "tvmonitor",
]  # fmt: skip


class File(NamedTuple):
    """A file of published weights: what differs from one to the next."""

    name: str
    num_params: int
    results: tuple[float, float]  # per cent: top-1 and top-5, or mean IoU and pixel accuracy
    operations: float  # billions of multiplications for an image
    size: float  # MiB
    recipe: str  # how it was trained: a section of torchvision's "references/", or a page on GitHub
    min_size: int = 1  # pixels of the smallest height and width
    resize: int = 256
    crop: int = 224
    interpolation: InterpolationMode = InterpolationMode.BILINEAR
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    categories: list[str] | None = IMAGENET_CLASSES
    license: str | None = None  # a page on GitHub, where it is not torchvision's

    def meta(self, metrics: dict[str, dict[str, float]]) -> dict[str, Any]:
        """What is known of the weights, under torchvision's names."""
        recipe = self.recipe if "/" in self.recipe else _RECIPES + self.recipe
        return {
            "num_params": self.num_params,
            "min_size": (self.min_size, self.min_size),
            "categories": self.categories,
            "recipe": _GITHUB + recipe,
            "_metrics": metrics,
            "_ops": self.operations,
            "_file_size": self.size,
            **({} if self.license is None else {"license": _GITHUB + self.license}),
        }


def imagenet(name: str, **files: File) -> type[WeightsEnum]:
    """The enum of a classifier; ``files`` by the end of their name, the default one last."""
    members = {}
    for version, file in files.items():
        results = dict(zip(("acc@1", "acc@5"), file.results, strict=True))
        preset = functools.partial(
            ImageClassification,
            crop_size=file.crop,
            resize_size=file.resize,
            mean=file.mean,
            std=file.std,
            interpolation=file.interpolation,
        )
        meta = file.meta({"ImageNet-1K": results})
        members[f"IMAGENET1K_{version}"] = Weights(_SERVER + file.name, preset, meta)
    return _enum(name, members)


def voc(name: str, file: File) -> type[WeightsEnum]:
    """The enum of a network that classifies pixels."""
    results = dict(zip(("miou", "pixel_acc"), file.results, strict=True))
    meta = file.meta({"COCO-val2017-VOC-labels": results})
    preset = functools.partial(SemanticSegmentation, resize_size=520)
    return _enum(name, {"COCO_WITH_VOC_LABELS_V1": Weights(_SERVER + file.name, preset, meta)})


def _enum(name: str, members: dict[str, Weights]) -> type[WeightsEnum]:
    plain = [key for key in members if key.removeprefix("IMAGENET1K_") in ("V1", "V2")]
    best = members[plain[-1] if plain else next(iter(members))]
    make: Any = WeightsEnum  # mypy knows enums only from literals
    return cast(type[WeightsEnum], make(name, {**members, "DEFAULT": best}, module=__package__))
