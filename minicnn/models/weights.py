"""Published weights: their files, expected inputs and accuracy; and how to load them."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from .. import nn, transforms
from ..io.download import download
from ..io.weights import load_weights
from ..nn import init as nn_init
from ..tensor import Tensor

__all__ = ["Weights", "get_weights"]

Net = TypeVar("Net", bound=nn.Module)

_SERVER = "https://download.pytorch.org/models/"
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

VOC_CLASSES = (
    "__background__", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat",
    "chair", "cow", "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep",
    "sofa", "train", "tvmonitor",
)  # fmt: skip


@functools.cache
def imagenet_classes() -> tuple[str, ...]:
    """The names of the 1,000 classes of ImageNet, in the order of the published weights."""
    text = (Path(__file__).parent / "imagenet_classes.txt").read_text(encoding="utf-8")
    return tuple(text.splitlines())


@dataclass(frozen=True)
class Weights:
    """One file of published weights.

    Attributes:
        name: such as ``IMAGENET1K_V1``.
        url: address of the file; the file's name ends in the first 8 digits of its SHA-256.
        num_params: number of weights of the network.
        metrics: published results, in per cent.
        categories: names of the classes.
        segments: whether the network classifies pixels (into Pascal VOC's classes) instead of images
            (into ImageNet's).
        transforms: converts a PIL image to the network's input (3, H, W).
        resize, crop: in ``transforms``, pixels of the image's shorter side, and of the square cropped
            from its centre (None: no cropping).
    """

    name: str
    url: str
    num_params: int
    metrics: Mapping[str, float]
    segments: bool = False
    resize: int = 256
    crop: int | None = 224
    transforms: transforms.Compose = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        steps: list[Callable[[Any], Any]] = [transforms.Resize(self.resize)]
        if self.crop is not None:
            steps.append(transforms.CenterCrop(self.crop))
        steps += [transforms.ToTensor(), transforms.Normalize(IMAGENET_MEAN, IMAGENET_STD)]
        object.__setattr__(self, "transforms", transforms.Compose(steps))

    @property
    def categories(self) -> tuple[str, ...]:
        """The names of the classes."""
        return VOC_CLASSES if self.segments else imagenet_classes()


# What the builders accept: a name or an entry of PUBLISHED, a file, or None for a new network.
WeightsLike: TypeAlias = Weights | str | os.PathLike[str] | None


def _imagenet(
    file: str, num_params: int, top1: float, top5: float, version: str = "V1", resize: int = 256
) -> Weights:
    metrics = {"acc@1": top1, "acc@5": top5}
    return Weights(f"IMAGENET1K_{version}", _SERVER + file, num_params, metrics, resize=resize)


def _voc(file: str, num_params: int, miou: float, pixel_accuracy: float) -> Weights:
    metrics = {"miou": miou, "pixel_acc": pixel_accuracy}
    return Weights(
        "COCO_WITH_VOC_LABELS_V1", _SERVER + file, num_params, metrics,
        segments=True, resize=520, crop=None,
    )  # fmt: skip


# A network's last entry is its default. torchvision publishes the file names, counts and results.
PUBLISHED: dict[str, list[Weights]] = {
    "alexnet": [_imagenet("alexnet-owt-7be5be79.pth", 61_100_840, 56.522, 79.066)],
    "vgg11": [_imagenet("vgg11-8a719046.pth", 132_863_336, 69.020, 88.628)],
    "vgg11_bn": [_imagenet("vgg11_bn-6002323d.pth", 132_868_840, 70.370, 89.810)],
    "vgg13": [_imagenet("vgg13-19584684.pth", 133_047_848, 69.928, 89.246)],
    "vgg13_bn": [_imagenet("vgg13_bn-abd245e5.pth", 133_053_736, 71.586, 90.374)],
    "vgg16": [_imagenet("vgg16-397923af.pth", 138_357_544, 71.592, 90.382)],
    "vgg16_bn": [_imagenet("vgg16_bn-6c64b313.pth", 138_365_992, 73.360, 91.516)],
    "vgg19": [_imagenet("vgg19-dcbb9e9d.pth", 143_667_240, 72.376, 90.876)],
    "vgg19_bn": [_imagenet("vgg19_bn-c79401a0.pth", 143_678_248, 74.218, 91.842)],
    "googlenet": [_imagenet("googlenet-1378be20.pth", 6_624_904, 69.778, 89.530)],
    "resnet18": [_imagenet("resnet18-f37072fd.pth", 11_689_512, 69.758, 89.078)],
    "resnet34": [_imagenet("resnet34-b627a593.pth", 21_797_672, 73.314, 91.420)],
    "resnet50": [
        _imagenet("resnet50-0676ba61.pth", 25_557_032, 76.130, 92.862),
        _imagenet("resnet50-11ad3fa6.pth", 25_557_032, 80.858, 95.434, "V2", resize=232),
    ],
    "resnet101": [
        _imagenet("resnet101-63fe2227.pth", 44_549_160, 77.374, 93.546),
        _imagenet("resnet101-cd907fc2.pth", 44_549_160, 81.886, 95.780, "V2", resize=232),
    ],
    "resnet152": [
        _imagenet("resnet152-394f9c45.pth", 60_192_808, 78.312, 94.046),
        _imagenet("resnet152-f82ba261.pth", 60_192_808, 82.284, 96.002, "V2", resize=232),
    ],
    "fcn_resnet50": [_voc("fcn_resnet50_coco-1167a1af.pth", 35_322_218, 60.5, 91.4)],
    "fcn_resnet101": [_voc("fcn_resnet101_coco-7ecb50ca.pth", 54_314_346, 63.7, 91.9)],
}


def get_weights(model: str, name: str = "DEFAULT") -> Weights:
    """The entry of published weights: file, transforms, classes, results.

    Args:
        model: name of the network, such as ``"resnet34"``, in upper or lower case.
        name: such as ``"IMAGENET1K_V1"``, or ``"DEFAULT"`` for the best.

    Raises:
        ValueError: for an unknown name; the message lists the known ones.
    """
    entries = PUBLISHED.get(model.lower(), [])
    for entry in entries:
        if name == entry.name or (name == "DEFAULT" and entry is entries[-1]):
            return entry
    known = ", ".join(entry.name for entry in entries) or "none; give a file instead"
    raise ValueError(f"{model} has no weights {name!r}; it has: {known}")


def _resolve(model: str, weights: Weights | str | os.PathLike[str]) -> Weights | Path:
    """The entry of published weights, or the path of a file."""
    if isinstance(weights, Weights):
        return weights
    if isinstance(weights, os.PathLike) or "." in weights or os.sep in weights:
        return Path(weights)
    return Path(weights) if os.path.exists(weights) else get_weights(model, weights)


def load_state(
    model: str, weights: Weights | str | os.PathLike[str], progress: bool = True
) -> Mapping[str, Tensor]:
    """The state_dict of ``weights``: a file, the name of published weights, or an entry."""
    source = _resolve(model, weights)
    if isinstance(source, Weights):
        source = download(source.url, progress=progress)
    return load_weights(source)


def build(
    model: str,
    make: Callable[..., Net],
    weights: WeightsLike,
    progress: bool,
    options: dict[str, Any],
    options_of: Callable[[Mapping[str, Tensor]], Mapping[str, Any]] | None = None,
) -> Net:
    """A network, with ``weights`` if they are given.

    Args:
        model: its name in :data:`PUBLISHED`.
        make: its constructor, which takes ``options``.
        weights: None, a file, the name of published weights, or a :class:`Weights`.
        progress: whether to show a bar while downloading.
        options: the user's options.
        options_of: returns further options, which depend on the weights in the file.

    Raises:
        ValueError: for unknown weights, and for a ``num_classes`` that differs from theirs.
    """
    if weights is None:
        return make(**options)
    source = _resolve(model, weights)
    if isinstance(source, Weights):
        classes = len(source.categories)
        asked = options.setdefault("num_classes", classes)
        if asked != classes:
            raise ValueError(
                f"the weights {source.name} of {model} have {classes} classes, got num_classes="
                f"{asked}: build it with {classes} and call models.replace_head(net, {asked})"
            )
    state = load_state(model, source, progress)
    with nn_init.no_init():  # all of its weights come from the file
        net = make(**options, **(options_of(state) if options_of else {}))
    net.load_state_dict(state)
    return net
