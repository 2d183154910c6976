"""Automatic augmentation: changes of random kind and strength, the same for all datasets or learned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..data.seeding import current_generator
from ..tensor import Tensor
from ._arguments import Picture, Transform
from ._draws import integer
from .augmentations import Space, Strengths, augmented, change, space
from .dimensions import get_dimensions
from .interpolation import InterpolationMode
from .policies import POLICIES, AutoAugmentPolicy

Fill = float | Sequence[float] | None


class Augmentation(Transform):
    """What all share. ``repr`` shows interpolation modes by their full names, as torchvision's."""

    interpolation: InterpolationMode | int
    fill: Fill

    def sign(self, strengths: Strengths) -> int:
        """-1 or 1 at random for signed magnitudes, else 1."""
        return -1 if strengths.signed and integer(0, 2) else 1

    def change(self, img: Picture, name: str, magnitude: float) -> Picture:
        """``img`` changed by the operation ``name``."""
        return change(img, name, magnitude, self.interpolation, self.fill)

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={getattr(self, name)}" for name in self.shown)
        return f"{type(self).__name__}({settings})"


class AutoAugment(Augmentation):
    """Applies one of 25 pairs of changes that were found by reinforcement learning.

    Args:
        policy: the dataset that they were found on.
        interpolation: of what moves pixels.
        fill: value of pixels that come from outside the image.

    Raises:
        ValueError: for another ``policy``.

    Source: Cubuk et al., AutoAugment: Learning Augmentation Policies from Data, 2019; as in
    torchvision.
    """

    shown = ("policy", "fill")

    def __init__(
        self,
        policy: AutoAugmentPolicy = AutoAugmentPolicy.IMAGENET,
        interpolation: InterpolationMode | int = InterpolationMode.NEAREST,
        fill: Fill = None,
    ) -> None:
        super().__init__()
        if policy not in POLICIES:
            raise ValueError(f"policy must be an AutoAugmentPolicy, got {policy!r}")
        self.policy, self.interpolation, self.fill = policy, interpolation, fill
        self.policies = POLICIES[policy]

    @staticmethod
    def get_params(transform_num: int) -> tuple[int, Tensor, Tensor]:
        """Which of ``transform_num`` pairs, and two random numbers and signs (0 or 1) for it."""
        generator = current_generator()
        index = integer(0, transform_num)
        numbers = Tensor.of(generator.random((2,)))
        return index, numbers, Tensor.of(generator.integers(0, 2, (2,)))

    def forward(self, img: Picture) -> Picture:
        _, height, width = get_dimensions(img)
        changes = space_of(height, width)
        index, numbers, signs = self.get_params(len(self.policies))
        for step, number, sign in zip(self.policies[index], numbers.array, signs.array):
            name, p, magnitude_index = step
            if number > np.float32(p):
                continue
            strengths, magnitude = changes.get(name), 0.0
            if strengths is not None and magnitude_index is not None:
                magnitude = strengths.at(magnitude_index, 10)
                if strengths.signed and sign == 0:
                    magnitude *= -1
            img = self.change(img, name, magnitude)
        return img


def space_of(height: int, width: int, white: float = 255.0) -> Space:
    """AutoAugment's and RandAugment's changes of an image; ``white`` as for :func:`space`."""
    shift = (150 / 331 * width, 150 / 331 * height)
    return space(shear=0.3, shift=shift, degrees=30.0, color=0.9, bits=(8, 4), white=white)


def wide_space(white: float = 255.0) -> Space:
    """TrivialAugmentWide's changes; ``white`` as for :func:`space`."""
    shift = (32.0, 32.0)
    wide = space(shear=0.99, shift=shift, degrees=135.0, color=0.99, bits=(8, 2), white=white)
    return {"Identity": None, **wide}


class RandAugment(Augmentation):
    """Applies random changes, all of the same strength.

    Args:
        num_ops: how many.
        magnitude: their strength, an index below ``num_magnitude_bins``.
        num_magnitude_bins: the number of steps from none to the strongest.
        interpolation: of what moves pixels.
        fill: value of pixels that come from outside the image.

    Source: Cubuk et al., RandAugment, 2020; as in torchvision.
    """

    shown = ("num_ops", "magnitude", "num_magnitude_bins", "interpolation", "fill")

    def __init__(
        self,
        num_ops: int = 2,
        magnitude: int = 9,
        num_magnitude_bins: int = 31,
        interpolation: InterpolationMode | int = InterpolationMode.NEAREST,
        fill: Fill = None,
    ) -> None:
        super().__init__()
        self.num_ops, self.magnitude = num_ops, magnitude
        self.num_magnitude_bins = num_magnitude_bins
        self.interpolation, self.fill = interpolation, fill

    def forward(self, img: Picture) -> Picture:
        _, height, width = get_dimensions(img)
        changes: Space = {"Identity": None, **space_of(height, width)}
        bins = self.num_magnitude_bins
        return augmented(img, changes, lambda: self.magnitude, bins, self, self.num_ops)


class TrivialAugmentWide(Augmentation):
    """Applies one random change of random strength.

    Args:
        num_magnitude_bins: the number of steps from none to the strongest.
        interpolation: of what moves pixels.
        fill: value of pixels that come from outside the image.

    Source: Müller and Hutter, TrivialAugment, 2021; as in torchvision.
    """

    shown = ("num_magnitude_bins", "interpolation", "fill")

    def __init__(
        self,
        num_magnitude_bins: int = 31,
        interpolation: InterpolationMode | int = InterpolationMode.NEAREST,
        fill: Fill = None,
    ) -> None:
        super().__init__()
        self.num_magnitude_bins = num_magnitude_bins
        self.interpolation, self.fill = interpolation, fill

    def forward(self, img: Picture) -> Picture:
        get_dimensions(img)  # complains before a number is drawn
        bins = self.num_magnitude_bins
        return augmented(img, wide_space(), lambda: integer(0, bins), bins, self)
