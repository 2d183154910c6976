"""Mixes the images and the labels of a batch: MixUp and CutMix."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from ..ops.index import one_hot
from ..tensor import Tensor
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
        labels = get(sample) if callable(get) else _find_labels(sample)
        self._check_labels(labels)
        images = next((x for x in _tensors(sample) if x is not labels), None)
        if images is None or images.ndim != 4 or len(images) != len(labels):
            raise ValueError(
                f"{type(self).__name__} expects {len(labels)} images (N, C, H, W), as many as labels, "
                f"got {'none' if images is None else f'shape {tuple(images.shape)}'}"
            )
        mixed, share = self._mix(images)
        soft = one_hot(labels, self.num_classes or -1) if labels.ndim == 1 else labels
        soft = soft if soft.is_floating_point() else soft.float()
        soft = soft.roll(1, 0) * (1 - share) + soft * share
        return _replaced(sample, {id(images): mixed, id(labels): soft})

    def _share(self) -> float:
        """A number from the distribution Beta(alpha, alpha)."""
        return dirichlet((self.alpha, self.alpha))[0]

    def _mix(self, images: Tensor) -> tuple[Tensor, float]:
        """The mixed images, and the share that each keeps of its own."""
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
            are the first other tensor; the rest comes back as it is.

    Returns:
        What it was called with, the mixed images and labels (N, num_classes) in their places.

    Raises:
        ValueError: for images or labels of other shapes.
        TypeError: for images of integers, which have no shares of values.

    Source: Zhang et al. 2018, mixup: Beyond Empirical Risk Minimization; as torchvision's ``v2.MixUp``.
    """

    def _mix(self, images: Tensor) -> tuple[Tensor, float]:
        if not images.is_floating_point():
            raise TypeError(
                f"MixUp expects images of floats, got {images.dtype}: normalize them first"
            )
        share = self._share()
        return images.roll(1, 0) * (1 - share) + images * share, share


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

    def _mix(self, images: Tensor) -> tuple[Tensor, float]:
        H, W = images.shape[-2:]
        half = 0.5 * math.sqrt(
            1 - self._share()
        )  # of the rectangle's side, as a share of the image's
        x, y = integer(0, W), integer(0, H)
        left, right = max(x - int(half * W), 0), min(x + int(half * W), W)
        top, bottom = max(y - int(half * H), 0), min(y + int(half * H), H)
        mixed = images.clone()
        mixed[..., top:bottom, left:right] = images.roll(1, 0)[..., top:bottom, left:right]
        return mixed, 1 - (right - left) * (bottom - top) / (W * H)


def _find_labels(sample: Any) -> Any:
    if isinstance(sample, (tuple, list)):
        sample = sample[1] if len(sample) > 1 else None
    if not isinstance(sample, Mapping):
        return sample
    names = [name for name in sample if "label" in str(name).lower()]
    names.sort(key=lambda name: str(name).lower() != "labels")  # that one first
    return sample[names[0]] if names else None


def _tensors(sample: Any) -> list[Tensor]:
    if isinstance(sample, Tensor):
        return [sample]
    if isinstance(sample, Mapping):
        sample = list(sample.values())
    return (
        [x for part in sample for x in _tensors(part)] if isinstance(sample, (tuple, list)) else []
    )


def _replaced(sample: Any, by_id: Mapping[int, Tensor]) -> Any:
    """The sample with other objects in the place of some."""
    if isinstance(sample, Mapping):
        return {name: _replaced(part, by_id) for name, part in sample.items()}
    if isinstance(sample, (tuple, list)):
        parts = [_replaced(part, by_id) for part in sample]
        return type(sample)(*parts) if hasattr(sample, "_fields") else type(sample)(parts)
    return by_id.get(id(sample), sample)
