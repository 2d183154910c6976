"""Ready-made networks, with the names, structure and state_dict keys of torchvision's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import nn
from .alexnet import AlexNet, AlexNet227, alexnet, alexnet227
from .fcn import FCN, FCNHead, fcn_resnet50, fcn_resnet101
from .fcn_vgg import FCNVGG, fcn8s, fcn16s, fcn32s
from .finetune import freeze, replace_head
from .googlenet import GoogLeNet, GoogLeNetOutputs, googlenet
from .resnet import ResNet, resnet18, resnet34, resnet50, resnet101, resnet152
from .vgg import VGG, vgg11, vgg11_bn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn
from .weights import Weights, get_weights

__all__ = [
    "FCN",
    "FCNVGG",
    "VGG",
    "AlexNet",
    "AlexNet227",
    "FCNHead",
    "GoogLeNet",
    "GoogLeNetOutputs",
    "ResNet",
    "Weights",
    "alexnet",
    "alexnet227",
    "fcn8s",
    "fcn16s",
    "fcn32s",
    "fcn_resnet50",
    "fcn_resnet101",
    "freeze",
    "get_model",
    "get_weights",
    "googlenet",
    "list_models",
    "replace_head",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "vgg11",
    "vgg11_bn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
]

_BUILDERS: tuple[Callable[..., nn.Module], ...] = (
    alexnet,
    alexnet227,
    fcn8s,
    fcn16s,
    fcn32s,
    fcn_resnet50,
    fcn_resnet101,
    googlenet,
    resnet18,
    resnet34,
    resnet50,
    resnet101,
    resnet152,
    vgg11,
    vgg11_bn,
    vgg13,
    vgg13_bn,
    vgg16,
    vgg16_bn,
    vgg19,
    vgg19_bn,
)
_BY_NAME = {builder.__name__: builder for builder in _BUILDERS}


def list_models() -> list[str]:
    """The names that :func:`get_model` knows, sorted."""
    return sorted(_BY_NAME)


def get_model(name: str, **options: Any) -> nn.Module:
    """A network by name, such as ``get_model("resnet34", num_classes=2)``.

    Args:
        name: one of :func:`list_models`, in upper or lower case.
        options: the options of its builder; all builders take ``weights``.

    Raises:
        ValueError: for an unknown name.

    As ``torchvision.models.get_model``.
    """
    if name.lower() not in _BY_NAME:
        raise ValueError(f"model must be one of {', '.join(list_models())}, got {name!r}")
    return _BY_NAME[name.lower()](**options)
