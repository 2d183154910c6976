"""The network that a command is asked to use: a run's, or one by name with weights."""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .. import nn
from ..autograd import no_grad
from ..devices import cuda_is_available
from ..dtypes import float32
from ..models import get_model_builder, list_models, segmentation
from ..models._api import PUBLISHED
from ..models.weights import IMAGENET_CLASSES, VOC_CLASSES
from ..ops.softmax import softmax
from ..tensor import Tensor
from ..training import NetworkDescription, read_run
from ..transforms import functional as F

__all__ = ["Network", "input_size", "open_network", "refuse_segmenter"]

_SIDE = 224  # of the images that a network for pictures of any size is tried with


class Network(NamedTuple):
    """A network and what is known of it.

    Attributes:
        net: in evaluation mode, on ``device``.
        description: how to prepare pictures, and the classes.
        device: ``"cpu"`` or ``"cuda"``.
        metrics: of its run; empty for a network by name.
    """

    net: nn.Module
    description: NetworkDescription
    device: str
    metrics: dict[str, Any]

    @property
    def classes(self) -> Sequence[str]:
        """Names of the classes."""
        return self.description.classes

    def prepare(self, pictures: Tensor) -> Tensor:
        """The network's input from pictures (N, 3, H, W) of bytes, cut to their size."""
        x = F.convert_image_dtype(pictures.to(self.device), float32)
        return F.normalize(x, list(self.description.mean), list(self.description.std))

    def probabilities(self, pictures: Tensor) -> Tensor:
        """(N, classes) for pictures (N, 3, H, W) of bytes."""
        with no_grad():
            return softmax(self.net(self.prepare(pictures)), 1)

    def __str__(self) -> str:
        return f"{self.description.model} on {self.device}"


def open_network(args: argparse.Namespace, with_weights: bool = True) -> Network:
    """The network of ``--run`` or ``--model``.

    Args:
        args: the command's options.
        with_weights: whether a network by name needs weights; otherwise it may be untrained.

    Raises:
        ValueError, RuntimeError, OSError: if there is no such network, or its weights do not fit.
    """
    device = args.device
    if device == "auto":
        device = "cuda" if cuda_is_available() else "cpu"
    weights, metrics = args.weights, dict[str, Any]()
    if args.run_folder is not None:
        description, metrics = read_run(args.run_folder)
        if weights is None:
            weights = args.run_folder / "best.ckpt"
            if not weights.exists():
                raise ValueError(f"{weights} does not exist: no epoch of the run has ended")
    else:
        description = _of_model(args.model, weights)
        if weights is None and with_weights:
            if description.model not in PUBLISHED:
                raise ValueError(
                    f"{args.model} has no published weights: give a file, --weights FILE"
                )
            weights = "DEFAULT"
    description = _changed(description, args)
    return Network(_built(description, weights).to(device), description, device, metrics)


def _built(description: NetworkDescription, weights: str | Path | None) -> nn.Module:
    """The network; weights that do not fit are named, with what to do if their classes are others."""
    try:
        return description.build(weights)
    except RuntimeError as error:
        if "Error(s) in loading" not in str(error):
            raise
        misfit = f"{weights} does not fit {description.model}"
        if "Missing key" not in str(error):  # so it is this network
            misfit += (
                f" with {len(description.classes)} classes; --classes NAME,NAME,… gives others"
            )
        raise ValueError(f"{misfit}. {error}") from error


def refuse_segmenter(network: Network, command: str) -> None:
    """Raises a ValueError for a network for segmentation, in a command for classification."""
    if network.description.segments:
        raise ValueError(
            f"{command} needs a network that classifies whole pictures, got "
            f"{network.description.model}, which is for segmentation: use `minicnn segment`"
        )


def input_size(description: NetworkDescription) -> tuple[int, int, int]:
    """(channels, H, W) of an input of the network."""
    side = description.crop or description.resize or _SIDE
    return (3, side, side)


def _of_model(name: str, weights: str | None) -> NetworkDescription:
    """A network by name; a file is assumed to be prepared as the best published weights."""
    name = get_model_builder(name).__name__
    if name not in PUBLISHED:
        if name in list_models(segmentation):
            return NetworkDescription(name, VOC_CLASSES, resize=520)
        return NetworkDescription(name, IMAGENET_CLASSES, resize=256, crop=227)  # AlexNet227
    enum = PUBLISHED[name]
    asked = None if weights is None else os.fspath(weights).rpartition(".")[2]
    published = enum.__members__.get(asked or "DEFAULT", enum["DEFAULT"])
    preset: Any = published.transforms()
    return NetworkDescription(
        name,
        published.meta["categories"] or IMAGENET_CLASSES,
        resize=preset.resize_size[0],
        crop=None if preset.crop_size is None else preset.crop_size[0],
        mean=preset.mean,
        std=preset.std,
        interpolation=preset.interpolation.value,
    )


def _changed(description: NetworkDescription, args: argparse.Namespace) -> NetworkDescription:
    """The description with ``--classes`` and ``--size``."""
    changes: dict[str, Any] = {}
    if args.classes is not None:
        changes["classes"] = args.classes
    if args.size is not None and description.crop is None:
        changes["resize"] = args.size
    elif args.size is not None:
        resize = round(args.size * (description.resize or args.size) / description.crop)
        changes |= {"crop": args.size, "resize": resize}
    return dataclasses.replace(description, **changes)
