"""The changes that automatic augmentation picks from, and how strong each can be."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..creation import linspace
from . import functional
from ._arguments import Picture
from ._draws import integer
from .interpolation import InterpolationMode

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
    white: float = 255.0,
) -> Space:
    """The changes in the order that indices are drawn in.

    Args:
        shear: the largest slope.
        shift: the largest shifts (x, y), in pixels.
        degrees: the largest rotation.
        color: the largest change of brightness, saturation, contrast and sharpness.
        bits: how many posterizing keeps, for the smallest and the largest magnitude.
        white: the threshold of solarizing for the smallest magnitude.
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
        "Solarize": Strengths(white, 0.0),
        "AutoContrast": None,
        "Equalize": None,
    }


class Rules(Protocol):
    """How signs are drawn, and what a change does: other transforms have others."""

    def sign(self, strengths: Strengths) -> int:
        """-1 or 1 at random for signed magnitudes, else 1."""

    def change(self, img: Picture, name: str, magnitude: float) -> Picture:
        """``img`` changed by the operation ``name``."""


def augmented(
    img: Picture,
    changes: Space,
    index: Callable[[], int],
    bins: int,
    rules: Rules,
    number: int = 1,
) -> Picture:
    """``img`` after changes that are drawn at random.

    Args:
        img: a picture.
        changes: what to draw from.
        index: which of the magnitudes; called for each change that has several.
        bins: the number of magnitudes.
        rules: the transform that draws.
        number: how many changes.
    """
    for _ in range(number):
        name, strengths = list(changes.items())[integer(0, len(changes))]
        magnitude = 0.0
        if strengths is not None:
            magnitude = strengths.at(index(), bins)
            magnitude *= rules.sign(strengths)
        img = rules.change(img, name, magnitude)
    return img


def change(
    img: Picture,
    name: str,
    magnitude: float,
    interpolation: InterpolationMode | int | str,
    fill: Fill,
    functions: Any = functional,
) -> Picture:
    """``img`` changed by the operation ``name`` of a :data:`Space`, ``"Invert"`` or ``"Identity"``.

    Args:
        img: a picture.
        name: of the operation.
        magnitude: its strength.
        interpolation, fill: of what moves pixels.
        functions: the module that does it, this package's ``functional`` or the one of ``v2``.

    Raises:
        ValueError: for another name.
    """
    options: Any = {"scale": 1.0, "interpolation": interpolation, "fill": fill}
    f = functions
    angle = math.degrees(math.atan(magnitude))
    match name:
        case "Identity":
            return img
        case "ShearX":
            return f.affine(img, 0.0, (0, 0), shear=(angle, 0.0), center=(0, 0), **options)
        case "ShearY":
            return f.affine(img, 0.0, (0, 0), shear=(0.0, angle), center=(0, 0), **options)
        case "TranslateX":
            return f.affine(img, 0.0, (int(magnitude), 0), shear=(0.0, 0.0), **options)
        case "TranslateY":
            return f.affine(img, 0.0, (0, int(magnitude)), shear=(0.0, 0.0), **options)
        case "Rotate":
            return f.rotate(img, magnitude, interpolation, fill=fill)
        case "Brightness":
            return f.adjust_brightness(img, 1.0 + magnitude)
        case "Color":
            return f.adjust_saturation(img, 1.0 + magnitude)
        case "Contrast":
            return f.adjust_contrast(img, 1.0 + magnitude)
        case "Sharpness":
            return f.adjust_sharpness(img, 1.0 + magnitude)
        case "Posterize":
            return f.posterize(img, int(magnitude))
        case "Solarize":
            return f.solarize(img, magnitude)
        case "AutoContrast":
            return f.autocontrast(img)
        case "Equalize":
            return f.equalize(img)
        case "Invert":
            return f.invert(img)
    raise ValueError(f"there is no operation {name!r}")
