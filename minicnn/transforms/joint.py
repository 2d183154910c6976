"""Transforms a picture together with its mask, for segmentation."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image

from ..data.seeding import current_generator
from ..random import Generator
from ..tensor import Tensor
from .interpolation import InterpolationMode

__all__ = ["VOID", "JointTransform"]

VOID = 255  # the label of pixels that belong to no class and are ignored


class JointTransform:
    """Applies the same geometric transforms to a picture and its mask, and makes them tensors.

    Args:
        both: geometric transforms (``Resize``, ``RandomCrop``, flips, ``Pad``, affine ones),
            applied to the picture and, with the same random numbers, to the mask. A mask is always
            resized to nearest pixels, and its padding becomes void.
        image: transforms of the picture alone: colours, then ``ToTensor`` and ``Normalize``.

    It is called with a PIL image and a mask, a PIL image of mode L or P whose pixels are labels.
    It returns the result of ``image`` and int64 labels (H, W), 255 for void.

    Raises:
        ValueError: when called with a mask of another mode, or of another size than the picture's.
    """

    def __init__(
        self, both: Sequence[Callable[[Any], Any]], image: Sequence[Callable[[Any], Any]]
    ) -> None:
        self.both, self.image = list(both), list(image)
        self._for_masks = [_for_mask(transform) for transform in self.both]

    def __call__(self, image: Image.Image, mask: Image.Image) -> tuple[Any, Tensor]:
        if mask.mode not in ("L", "P"):
            raise ValueError(f"mask must be of mode L or P, its pixels the labels, got {mask.mode}")
        if image.size != mask.size:
            raise ValueError(f"mask must have the image's size {image.size}, got {mask.size}")
        # During the transforms labels are 1 higher, so that void is 0, the value of padding.
        labels = Image.fromarray(np.asarray(mask, np.uint8) + np.uint8(1))
        generator = current_generator()
        for of_image, of_mask in zip(self.both, self._for_masks, strict=True):
            before = generator.get_state(), random.getstate()
            image = of_image(image)
            after = generator.get_state(), random.getstate()
            _set_states(generator, before)
            labels = of_mask(labels)
            _set_states(generator, after)
        for transform in self.image:
            image = transform(image)
        return image, Tensor.of((np.asarray(labels) - np.uint8(1)).astype(np.int64))

    def __repr__(self) -> str:
        return f"JointTransform(both={self.both}, image={self.image})"


def _set_states(generator: Generator, states: tuple[Tensor, Any]) -> None:
    """Sets the generator, and Python's, which some transforms draw from."""
    generator.set_state(states[0])
    random.setstate(states[1])


def _for_mask(transform: Any) -> Any:
    """The same transform for masks: nearest pixels, as labels must not be mixed, and fill 0."""
    twin = copy.copy(transform)
    if hasattr(twin, "interpolation"):
        twin.interpolation = InterpolationMode.NEAREST
    if hasattr(twin, "fill"):
        twin.fill = 0
    if hasattr(twin, "transforms"):  # such as Compose
        # over an nn.ModuleList, which the copy shares with the original
        vars(twin)["transforms"] = [_for_mask(part) for part in twin.transforms]
    return twin
