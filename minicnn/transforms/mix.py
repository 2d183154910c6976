"""Mixes the images and the labels of a batch: MixUp and CutMix."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PIL import Image as pil

from ..graph.structure import leaves, replaced
from ..ops.index import one_hot
from ..tensor import Tensor
from ..tv_tensors import BoundingBoxes, Image, KeyPoints, Mask, Video, wrap
from ..tv_tensors.base import is_pure_tensor, plain
from ._arguments import Transform
from ._draws import dirichlet, integer

__all__ = ["CutMix", "MixUp"]


class _Mix(Transform):
    """What both share: each image is mixed with the one before it, and so are their labels."""

    shown = ("alpha", "num_classes")

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        num_classes: int | None = None,
        labels_getter: Callable[[Any], Any] | str = "default",
    ) -> None:
        super().__init__()
        if not alpha > 0:
            raise ValueError(f"alpha must be above 0, got {alpha}")
        if labels_getter != "default" and not callable(labels_getter):
            raise ValueError(f"labels_getter must be 'default' or callable, got {labels_getter!r}")
        self.alpha = float(alpha)
        self.num_classes = num_classes
        self.labels_getter = labels_getter

    def forward(self, *inputs: Any) -> object:
        sample = inputs if len(inputs) > 1 else inputs[0]
        get = self.labels_getter
        labels: Any = get(sample) if callable(get) else find_labels(sample)
        self._check_labels(labels)
        pictures = self._find_pictures(sample, labels)
        mix, share = self._draw(pictures[0].shape[-2:])
        mixed = {id(x): wrap(mix(plain(x)), like=x) for x in pictures}
        soft = one_hot(labels, self.num_classes or -1) if labels.ndim == 1 else labels
        soft = soft if soft.is_floating_point() else soft.float()
        soft = soft.roll(1, 0) * (1 - share) + soft * share
        new = {**mixed, id(labels): soft}
        return replaced(sample, lambda x: new.get(id(x), x))

    def _find_pictures(self, sample: Any, labels: Tensor) -> list[Tensor]:
        """The batches to mix: all images and videos, or the first plain tensor."""
        name, parts = type(self).__name__, [x for x in leaves(sample) if x is not labels]
        for x in parts:
            if isinstance(x, (pil.Image, BoundingBoxes, KeyPoints, Mask)):
                raise ValueError(f"{name} takes no {type(x).__name__}")  # noqa: TRY004  as torchvision
        pictures: list[Tensor] = [x for x in parts if isinstance(x, (Image, Video))]
        pictures = pictures or [x for x in parts if is_pure_tensor(x)][:1]
        wrong = [x for x in pictures if x.ndim != 4 + isinstance(x, Video) or len(x) != len(labels)]
        if wrong or not pictures:
            raise ValueError(
                f"{name} expects {len(labels)} images (N, C, H, W), as many as labels, "
                f"got {f'shape {tuple(wrong[0].shape)}' if wrong else 'none'}"
            )
        return pictures

    def _share(self) -> float:
        """A number from the distribution Beta(alpha, alpha)."""
        return float(dirichlet(self.alpha, 2)[0])

    def _draw(self, size: Sequence[int]) -> tuple[Callable[[Tensor], Tensor], float]:
        """What mixes a batch of images of ``size`` (H, W), and the share that each keeps of its own."""
        raise NotImplementedError

    def _check_labels(self, labels: Any) -> None:
        if not isinstance(labels, Tensor) or labels.ndim not in (1, 2):
            shape = tuple(labels.shape) if isinstance(labels, Tensor) else type(labels).__name__
            raise ValueError(
                f"{type(self).__name__} expects a tensor of labels (N,) or (N, num_classes), got {shape}"
            )
        if labels.ndim == 1 and self.num_classes is None:
            raise ValueError(
                f"{type(self).__name__} needs num_classes for labels that are integers"
            )
        if labels.ndim == 2 and self.num_classes not in (None, labels.shape[1]):
            raise ValueError(
                f"{type(self).__name__} expects labels (N, {self.num_classes}), got "
                f"{tuple(labels.shape)}"
            )


class MixUp(_Mix):
    """Adds two images of a batch: ``share * image + (1 - share) * image before it``, and their labels.

    It takes whole batches, after the loader or in its ``collate_fn``::

        mix = transforms.MixUp(num_classes=10)
        for images, labels in loader:
            images, labels = mix(images, labels)  # (N, C, H, W) floats, (N, 10)
            loss = F.cross_entropy(net(images), labels)

    Args:
        alpha: of the distribution Beta(alpha, alpha), from which each batch's share is drawn.
        num_classes: needed for labels (N,) of integers; not for (N, num_classes).
        labels_getter: takes what the transform is called with and returns the labels. By default they
            are the second of the arguments, or in a dict what has ``label`` in its name. The images
            are all tensors of the classes ``Image`` and ``Video`` (N, T, C, H, W) of
            :mod:`minicnn.tv_tensors`, or the first other tensor; the rest comes back as it is.

    Returns:
        What it was called with, the mixed images and labels (N, num_classes) in their places.

    Raises:
        ValueError: for images or labels of other shapes.
        TypeError: for images of integers, which have no shares of values.

    Source: Zhang et al. 2018, mixup: Beyond Empirical Risk Minimization; as torchvision's ``v2.MixUp``.
    """

    def _draw(self, size: Sequence[int]) -> tuple[Callable[[Tensor], Tensor], float]:
        share = self._share()

        def mix(images: Tensor) -> Tensor:
            if not images.is_floating_point():
                raise TypeError(
                    f"MixUp expects images of floats, got {images.dtype}: normalize them first"
                )
            return images.roll(1, 0) * (1 - share) + images * share

        return mix, share


class CutMix(_Mix):
    """Pastes a rectangle of an image of the batch into the next one; the labels follow the areas.

    Used as :class:`MixUp`; images may be bytes.

    Args:
        alpha: of the distribution Beta(alpha, alpha), from which the share of the area that stays is
            drawn. The rectangle ends at the image's edges, and the labels have the share that is left.
        num_classes: as for :class:`MixUp`.
        labels_getter: as for :class:`MixUp`.

    Returns:
        As :class:`MixUp`.

    Raises:
        ValueError: for images or labels of other shapes.

    Source: Yun et al. 2019, CutMix: Regularization Strategy to Train Strong Classifiers with
    Localizable Features; as torchvision's ``v2.CutMix``.
    """

    def _draw(self, size: Sequence[int]) -> tuple[Callable[[Tensor], Tensor], float]:
        H, W = size
        half = 0.5 * math.sqrt(
            1 - self._share()
        )  # of the rectangle's side, as a share of the image's
        x, y = integer(0, W), integer(0, H)
        left, right = max(x - int(half * W), 0), min(x + int(half * W), W)
        top, bottom = max(y - int(half * H), 0), min(y + int(half * H), H)
        box = (..., slice(top, bottom), slice(left, right))

        def mix(images: Tensor) -> Tensor:
            mixed = images.clone()
            mixed[box] = images.roll(1, 0)[box]
            return mixed

        return mix, 1 - (right - left) * (bottom - top) / (W * H)


def find_labels(sample: Any) -> object:
    """What seems to be the labels of a sample; None if there are none."""
    if isinstance(sample, (tuple, list)):
        sample = sample[1] if len(sample) > 1 else None
    if not isinstance(sample, Mapping):
        return sample
    names = [name for name in sample if "label" in str(name).lower()]
    names.sort(key=lambda name: str(name).lower() != "labels")  # that one first
    return sample[names[0]] if names else None
