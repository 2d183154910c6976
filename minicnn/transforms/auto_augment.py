"""Automatic augmentation: changes of random kind and strength, the same for all datasets or learned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..data.seeding import current_generator
from ..tensor import Tensor
from ._arguments import Picture, Transform
from ._draws import integer
from .augmentations import Space, change, random_sign, space
from .dimensions import get_dimensions
from .interpolation import InterpolationMode
from .policies import POLICIES, AutoAugmentPolicy

Fill = float | Sequence[float] | None


class Augmentation(Transform):
    """Its ``repr`` shows interpolation modes by their full names, as torchvision's."""

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
        changes = _space_of(height, width)
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
            img = change(img, name, magnitude, self.interpolation, self.fill)
        return img


def _space_of(height: int, width: int) -> Space:
    """AutoAugment's and RandAugment's changes of an image."""
    shift = (150 / 331 * width, 150 / 331 * height)
    return space(shear=0.3, shift=shift, degrees=30.0, color=0.9, bits=(8, 4))


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
        changes: Space = {"Identity": None, **_space_of(height, width)}
        for _ in range(self.num_ops):
            name, strengths = list(changes.items())[integer(0, len(changes))]
            magnitude = 0.0
            if strengths is not None:
                magnitude = strengths.at(self.magnitude, self.num_magnitude_bins)
            magnitude *= random_sign(strengths)
            img = change(img, name, magnitude, self.interpolation, self.fill)
        return img


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
        wide = space(shear=0.99, shift=(32.0, 32.0), degrees=135.0, color=0.99, bits=(8, 2))
        changes: Space = {"Identity": None, **wide}
        name, strengths = list(changes.items())[integer(0, len(changes))]
        magnitude = 0.0
        if strengths is not None:
            bins = self.num_magnitude_bins
            magnitude = strengths.at(integer(0, bins), bins)
        magnitude *= random_sign(strengths)
        return change(img, name, magnitude, self.interpolation, self.fill)
