"""The changes that automatic augmentation picks from, and how strong each can be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..creation import linspace
from ._arguments import Picture
from ._draws import integer
from .affine import affine, rotate
from .color import adjust_brightness, adjust_contrast, adjust_saturation
from .filters import adjust_sharpness
from .interpolation import InterpolationMode
from .levels import autocontrast, equalize, invert, posterize, solarize

Fill = float | Sequence[float] | None


class Strengths(NamedTuple):
    """Magnitudes in equal steps from ``first`` to ``last``, of either sign if ``signed``."""

    first: float
    last: float
    signed: bool = False
    whole: bool = False  # rounded to integers

    def at(self, index: int, bins: int) -> float:
        """The magnitude ``index`` of ``bins``, computed in float32 as torch does."""
        if self.whole:
            step = np.float32((bins - 1) / abs(self.last - self.first))
            drop = float(np.rint(np.float32(index) / step))
            return self.first + math.copysign(drop, self.last - self.first)
        magnitude: float = linspace(self.first, self.last, bins)[index].item()
        return magnitude


Space = dict[str, Strengths | None]  # None: there is no more or less of it


def space(
    shear: float,
    shift: tuple[float, float],
    degrees: float,
    color: float,
    bits: tuple[int, int],
) -> Space:
    """The changes in the order that indices are drawn in.

    Args:
        shear: the largest slope.
        shift: the largest shifts (x, y), in pixels.
        degrees: the largest rotation.
        color: the largest change of brightness, saturation, contrast and sharpness.
        bits: how many posterizing keeps, for the smallest and the largest magnitude.
    """
    return {
        "ShearX": Strengths(0.0, shear, signed=True),
        "ShearY": Strengths(0.0, shear, signed=True),
        "TranslateX": Strengths(0.0, shift[0], signed=True),
        "TranslateY": Strengths(0.0, shift[1], signed=True),
        "Rotate": Strengths(0.0, degrees, signed=True),
        "Brightness": Strengths(0.0, color, signed=True),
        "Color": Strengths(0.0, color, signed=True),
        "Contrast": Strengths(0.0, color, signed=True),
        "Sharpness": Strengths(0.0, color, signed=True),
        "Posterize": Strengths(*bits, whole=True),
        "Solarize": Strengths(255.0, 0.0),
        "AutoContrast": None,
        "Equalize": None,
    }


def random_sign(strengths: Strengths | None) -> int:
    """-1 or 1 for signed magnitudes, which takes a random number, and 1 for others."""
    return -1 if strengths is not None and strengths.signed and integer(0, 2) else 1


def change(
    img: Picture, name: str, magnitude: float, interpolation: InterpolationMode | int, fill: Fill
) -> Picture:
    """``img`` changed by the operation ``name`` of a :data:`Space`, ``"Invert"`` or ``"Identity"``.

    Raises:
        ValueError: for another name.
    """
    options = {"scale": 1.0, "interpolation": interpolation, "fill": fill}
    angle = math.degrees(math.atan(magnitude))
    match name:
        case "Identity":
            return img
        case "ShearX":
            return affine(img, 0.0, (0, 0), shear=(angle, 0.0), center=(0, 0), **options)  # type: ignore[arg-type]
        case "ShearY":
            return affine(img, 0.0, (0, 0), shear=(0.0, angle), center=(0, 0), **options)  # type: ignore[arg-type]
        case "TranslateX":
            return affine(img, 0.0, (int(magnitude), 0), shear=(0.0, 0.0), **options)  # type: ignore[arg-type]
        case "TranslateY":
            return affine(img, 0.0, (0, int(magnitude)), shear=(0.0, 0.0), **options)  # type: ignore[arg-type]
        case "Rotate":
            return rotate(img, magnitude, interpolation, fill=fill)
        case "Brightness":
            return adjust_brightness(img, 1.0 + magnitude)
        case "Color":
            return adjust_saturation(img, 1.0 + magnitude)
        case "Contrast":
            return adjust_contrast(img, 1.0 + magnitude)
        case "Sharpness":
            return adjust_sharpness(img, 1.0 + magnitude)
        case "Posterize":
            return posterize(img, int(magnitude))
        case "Solarize":
            return solarize(img, magnitude)
        case "AutoContrast":
            return autocontrast(img)
        case "Equalize":
            return equalize(img)
        case "Invert":
            return invert(img)
    raise ValueError(f"there is no operation {name!r}")
