"""Automatic augmentation of the image or the video in a sample: random changes of random strength."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np
from PIL import Image as pil

from ...data.seeding import current_generator
from ...tensor import Tensor
from ...tv_tensors import BoundingBoxes, Image, KeyPoints, Mask, Video, wrap
from ...tv_tensors.base import is_pure_tensor, plain
from .. import aug_mix
from .._arguments import Picture
from .._draws import integer
from ..augmentations import Space, Strengths, augmented, change
from ..auto_augment import space_of, wide_space
from ..conversion import pil_to_tensor, to_pil_image
from ..dimensions import largest_value
from ..interpolation import InterpolationMode
from ..policies import POLICIES, AutoAugmentPolicy
from . import functional as F
from ._fill import FillByKind, check_fill, fill_for
from ._transform import Transform

__all__ = ["AugMix", "AutoAugment", "RandAugment", "TrivialAugmentWide"]

Interpolation = InterpolationMode | int | str


class _Augmentation(Transform):
    """What all share: a sample has one image or video, and no masks, boxes or points."""

    _transformed_types: ClassVar[Sequence[type | Callable[[Any], bool]]] = (
        is_pure_tensor,
        pil.Image,
        Image,
        Video,
    )

    def __init__(self, interpolation: Interpolation, fill: FillByKind) -> None:
        super().__init__()
        self.interpolation, self.fill = interpolation, check_fill(fill)

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        for x in flat_inputs:
            if isinstance(x, (BoundingBoxes, KeyPoints, Mask)):
                raise TypeError(f"{type(self).__name__} takes no {type(x).__name__}")
        found = sum(self._needs_transform_list(flat_inputs))
        if found != 1:
            raise TypeError(f"{type(self).__name__} expects one image or video, got {found}")

    def sign(self, strengths: Strengths) -> int:
        """-1 or 1 at random for signed magnitudes, else 1."""
        return -1 if strengths.signed and _below(0.5) else 1

    def change(self, img: Picture, name: str, magnitude: float) -> Picture:
        """``img`` changed by the operation ``name``."""
        if name == "Solarize":
            magnitude *= largest_value(img.array.dtype) if isinstance(img, Tensor) else 255
        fill = fill_for(self.fill, type(img))
        return change(img, name, magnitude, self.interpolation, fill, F)


def _below(p: float) -> bool:
    """True with probability ``p``: ``torch.rand(()) <= p``."""
    return bool(current_generator().random() <= np.float32(p))


class AutoAugment(_Augmentation):
    """Applies one of 25 pairs of changes that were found by reinforcement learning.

    Args:
        policy: the dataset that they were found on.
        interpolation: of what moves pixels.
        fill: value of pixels that come from outside the image, or a dict of kinds.

    Raises:
        ValueError: for another ``policy``.

    Source: Cubuk et al., AutoAugment: Learning Augmentation Policies from Data, 2019; as in
    torchvision.
    """

    def __init__(
        self,
        policy: AutoAugmentPolicy = AutoAugmentPolicy.IMAGENET,
        interpolation: Interpolation = "nearest",
        fill: FillByKind = None,
    ) -> None:
        super().__init__(interpolation, fill)
        if policy not in POLICIES:
            raise ValueError(f"policy must be an AutoAugmentPolicy, got {policy!r}")
        self.policy = policy

    def transform(self, inpt: Any, params: dict[str, Any]) -> object:
        height, width = F.get_size(inpt)
        changes: Space = {**space_of(height, width, white=1.0), "Invert": None}
        policies = POLICIES[self.policy]
        for name, p, index in policies[integer(0, len(policies))]:
            if not _below(p):
                continue
            strengths, magnitude = changes[name], 0.0
            if strengths is not None and index is not None:
                magnitude = strengths.at(index, 10)
                magnitude *= self.sign(strengths)
            inpt = self.change(inpt, name, magnitude)
        return inpt


class RandAugment(_Augmentation):
    """Applies random changes, all of the same strength.

    Args:
        num_ops: how many.
        magnitude: their strength, an index below ``num_magnitude_bins``.
        num_magnitude_bins: the number of steps from none to the strongest.
        interpolation: of what moves pixels.
        fill: value of pixels that come from outside the image, or a dict of kinds.

    Raises:
        ValueError: for a negative number of changes.

    Source: Cubuk et al., RandAugment, 2020; as in torchvision.
    """

    def __init__(
        self,
        num_ops: int = 2,
        magnitude: int = 9,
        num_magnitude_bins: int = 31,
        interpolation: Interpolation = "nearest",
        fill: FillByKind = None,
    ) -> None:
        super().__init__(interpolation, fill)
        if not isinstance(num_ops, int) or num_ops < 0:
            raise ValueError(f"num_ops must be an integer of 0 or more, got {num_ops}")
        self.num_ops, self.magnitude = num_ops, magnitude
        self.num_magnitude_bins = num_magnitude_bins

    def transform(self, inpt: Any, params: dict[str, Any]) -> object:
        height, width = F.get_size(inpt)
        changes: Space = {"Identity": None, **space_of(height, width, white=1.0)}
        bins = self.num_magnitude_bins
        return augmented(inpt, changes, lambda: self.magnitude, bins, self, self.num_ops)


class TrivialAugmentWide(_Augmentation):
    """Applies one random change of random strength.

    Args:
        num_magnitude_bins: the number of steps from none to the strongest.
        interpolation: of what moves pixels.
        fill: value of pixels that come from outside the image, or a dict of kinds.

    Source: Müller and Hutter, TrivialAugment, 2021; as in torchvision.
    """

    def __init__(
        self,
        num_magnitude_bins: int = 31,
        interpolation: Interpolation = "nearest",
        fill: FillByKind = None,
    ) -> None:
        super().__init__(interpolation, fill)
        self.num_magnitude_bins = num_magnitude_bins

    def transform(self, inpt: Any, params: dict[str, Any]) -> object:
        bins = self.num_magnitude_bins
        return augmented(inpt, wide_space(white=1.0), lambda: integer(0, bins), bins, self)


class AugMix(_Augmentation):
    """Mixes an image or a video with copies that went through chains of random changes.

    Args:
        severity: changes are drawn from this many of 10 strengths, 1 to 10.
        mixture_width: the number of copies.
        chain_depth: the number of changes of each; from 1 to 3 at random if it is not positive.
        alpha: the concentration of the random weights, Dirichlet-distributed.
        all_ops: whether brightness, contrast, saturation and sharpness are changed, too.
        interpolation: of what moves pixels.
        fill: value of pixels that come from outside the image, or a dict of kinds.

    Raises:
        ValueError: for another severity.

    Source: Hendrycks et al., AugMix, 2020; as in torchvision.
    """

    def __init__(
        self,
        severity: int = 3,
        mixture_width: int = 3,
        chain_depth: int = -1,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: Interpolation = "bilinear",
        fill: FillByKind = None,
    ) -> None:
        super().__init__(interpolation, fill)
        if not 1 <= severity <= aug_mix.BINS:
            raise ValueError(f"severity must be between 1 and {aug_mix.BINS}, got {severity}")
        self.severity, self.mixture_width, self.chain_depth = severity, mixture_width, chain_depth
        self.alpha, self.all_ops = alpha, all_ops

    def transform(self, inpt: Any, params: dict[str, Any]) -> object:
        height, width = F.get_size(inpt)
        changes = aug_mix.mixing_space(height, width, self.all_ops, white=1.0)
        chain = partial(aug_mix.random_chain, changes=changes, mix=self)
        pixels = plain(inpt) if isinstance(inpt, Tensor) else pil_to_tensor(inpt)
        ndim = 5 if isinstance(inpt, Video) else 4
        mixed = aug_mix.mixed(pixels, ndim, self.alpha, self.mixture_width, chain)
        return wrap(mixed, like=inpt) if isinstance(inpt, Tensor) else to_pil_image(mixed)
