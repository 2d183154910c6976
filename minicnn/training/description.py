"""What weights alone do not tell of a network: how to build it, prepare pictures and name answers."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .. import nn
from ..models import get_model, list_models, segmentation
from ..models.presets import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    ImageClassification,
    SemanticSegmentation,
)
from ..transforms.interpolation import InterpolationMode

__all__ = ["NetworkDescription", "read_run"]


@dataclass(frozen=True)
class NetworkDescription:
    """A network's name and options, its classes, and what is done to a picture before it.

    All of it is plain data, which ``metrics.json`` holds: reading it runs no code.

    Attributes:
        model: one of :func:`minicnn.models.list_models`.
        classes: their names, in the order of the network's scores.
        resize: pixels of a picture's shorter side; None leaves pictures as they are.
        crop: pixels of the square that is cut from the centre; None for whole pictures.
        mean, std: of the normalisation of pixels between 0 and 1, one number for each channel.
        options: of the network's builder, beside ``num_classes``.
        interpolation: how pictures are resized: a value of :class:`~minicnn.transforms.InterpolationMode`.

    Raises:
        ValueError: for an unknown interpolation.
    """

    model: str
    classes: Sequence[str]
    resize: int | None
    crop: int | None = None
    mean: Sequence[float] = IMAGENET_MEAN
    std: Sequence[float] = IMAGENET_STD
    options: Mapping[str, Any] = field(default_factory=dict)
    interpolation: str = "bilinear"

    def __post_init__(self) -> None:
        modes = [mode.value for mode in InterpolationMode]
        if self.interpolation not in modes:
            raise ValueError(
                f"interpolation must be one of {', '.join(modes)}, got {self.interpolation!r}"
            )

    @property
    def segments(self) -> bool:
        """Whether the network classifies every pixel, not the whole picture."""
        return self.model in list_models(segmentation)

    def build(self, weights: str | os.PathLike[str] | None = None) -> nn.Module:
        """The network, in evaluation mode.

        Args:
            weights: a file, or the name of published ones; None for a network that is untrained.

        Raises:
            ValueError, RuntimeError, OSError: for weights that are not there or do not fit, and for
                options that the network does not have.
        """
        options = {"num_classes": len(self.classes), **self.options}
        try:
            return get_model(self.model, weights=weights, **options).eval()
        except TypeError as error:
            raise ValueError(
                f"{self.model} does not take the options {options}: {error}"
            ) from error

    def preset(self) -> ImageClassification | SemanticSegmentation:
        """What turns a picture into the network's input."""
        steps: dict[str, Any] = {
            "mean": tuple(self.mean),
            "std": tuple(self.std),
            "interpolation": InterpolationMode(self.interpolation),
        }
        if self.crop is None:
            return SemanticSegmentation(resize_size=self.resize, **steps)
        return ImageClassification(
            crop_size=self.crop, resize_size=self.resize or self.crop, **steps
        )

    def as_plain(self) -> dict[str, Any]:
        """A dict for JSON."""
        return asdict(self)

    @classmethod
    def of_plain(cls, plain: Mapping[str, Any]) -> NetworkDescription:
        """The description that :meth:`as_plain` made.

        Raises:
            TypeError: if a name is missing or is not one of the attributes.
            ValueError: for an unknown interpolation.
        """
        return cls(**plain)


def read_run(folder: str | os.PathLike[str]) -> tuple[NetworkDescription, dict[str, Any]]:
    """What the ``metrics.json`` of a run tells: the network, and all else.

    Args:
        folder: of a :class:`~minicnn.training.Run`; its weights are in ``best.ckpt``.

    Raises:
        FileNotFoundError: if there is no ``metrics.json``.
        ValueError: if it is no file of a run, or of a run of an earlier version that does not tell
            which network it trained.
    """
    path = Path(folder) / "metrics.json"
    if not path.is_file():
        raise FileNotFoundError(f"no run in {folder}: there is no metrics.json")
    try:
        metrics = json.loads(path.read_bytes())
        settings = metrics["settings"]
        plain = metrics.get("network") or _of_an_old_run(settings, metrics["best"] or {})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not the metrics.json of a run") from error
    if plain is None:
        raise ValueError(
            f"{path} does not tell which network was trained: its script did not call "
            "Run.describe_network"
        )
    try:
        return NetworkDescription.of_plain(plain), metrics
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} describes its network in another way: {error}") from error


def _of_an_old_run(settings: Mapping[str, Any], best: Mapping[str, Any]) -> dict[str, Any] | None:
    """The network of one of the three training scripts, as they were before they recorded it."""
    if "optimizer" in settings and "init" in settings:  # train_alexnet.py
        return {"model": "alexnet227", "classes": ["cat", "dog"], "resize": 256, "crop": 227}
    if "freeze" in settings and "classes" in settings:  # train_classifier.py
        size, model = settings["size"], settings["model"]
        options = {"transform_input": bool(settings["weights"])} if model == "googlenet" else {}
        return {
            "model": model, "classes": settings["classes"],
            "resize": round(size * 256 / 224), "crop": size, "options": options,
        }  # fmt: skip
    if settings.get("data") and "val_iou" in best:  # train_segmentation.py, except for drawn shapes
        resize = round(settings["size"] * 520 / 480)
        return {"model": settings["model"], "classes": list(best["val_iou"]), "resize": resize}
    return None
