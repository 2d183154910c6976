"""Brightness, contrast, saturation, hue and greyscale of PIL images."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageEnhance

from ..data.seeding import current_generator
from ._arguments import Transform, chance, check_picture, check_probability, uniform

Factor = float | Sequence[float]


def adjust_brightness(img: Image.Image, brightness_factor: float) -> Image.Image:
    """Blends with black: 0 gives black, 1 the image itself, 2 twice its brightness."""
    return ImageEnhance.Brightness(check_picture(img)).enhance(brightness_factor)


def adjust_contrast(img: Image.Image, contrast_factor: float) -> Image.Image:
    """Blends with the mean grey: 0 gives grey, 1 the image itself."""
    return ImageEnhance.Contrast(check_picture(img)).enhance(contrast_factor)


def adjust_saturation(img: Image.Image, saturation_factor: float) -> Image.Image:
    """Blends with the greyscale image: 0 gives grey, 1 the image itself."""
    return ImageEnhance.Color(check_picture(img)).enhance(saturation_factor)


def adjust_hue(img: Image.Image, hue_factor: float) -> Image.Image:
    """Shifts the hue by a share of the colour circle; images without colour stay as they are.

    Args:
        img: a PIL image.
        hue_factor: between -0.5 and 0.5; both ends give the opposite colour.

    Raises:
        ValueError: if ``hue_factor`` is out of range.
    """
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"hue_factor must be between -0.5 and 0.5, got {hue_factor}")
    if check_picture(img).mode in ("L", "1", "I", "F"):
        return img
    hue, saturation, value = img.convert("HSV").split()
    shift = int(hue_factor * 255) % 256
    turned = np.asarray(hue) + np.uint8(shift)  # wraps around, like the colour circle
    return Image.merge("HSV", (Image.fromarray(turned), saturation, value)).convert(img.mode)


def to_grayscale(img: Image.Image, num_output_channels: int = 1) -> Image.Image:
    """The image in grey: mode L, or RGB with three equal channels.

    Args:
        img: a PIL image.
        num_output_channels: 1 or 3.

    Raises:
        ValueError: if ``num_output_channels`` is neither 1 nor 3.
    """
    if num_output_channels not in (1, 3):
        raise ValueError(f"num_output_channels must be 1 or 3, got {num_output_channels}")
    grey = check_picture(img).convert("L")
    return grey if num_output_channels == 1 else Image.merge("RGB", (grey, grey, grey))


class ColorJitter(Transform):
    """Changes brightness, contrast, saturation and hue at random, in random order.

    Args:
        brightness, contrast, saturation: a number x draws the factor between max(0, 1 - x) and
            1 + x; a pair (min, max) draws it between these.
        hue: a number draws the shift between -hue and hue, a pair (min, max) between these; at
            most from -0.5 to 0.5.

    Raises:
        ValueError: for bounds that are out of range, or not in order.
    """

    shown = ("brightness", "contrast", "saturation", "hue")

    def __init__(
        self, brightness: Factor = 0, contrast: Factor = 0, saturation: Factor = 0, hue: Factor = 0
    ) -> None:
        self.brightness = _bounds(brightness, "brightness")
        self.contrast = _bounds(contrast, "contrast")
        self.saturation = _bounds(saturation, "saturation")
        self.hue = _bounds(hue, "hue", center=0, allowed=(-0.5, 0.5))

    def __call__(self, img: Image.Image) -> Image.Image:
        steps = (
            (adjust_brightness, self.brightness),
            (adjust_contrast, self.contrast),
            (adjust_saturation, self.saturation),
            (adjust_hue, self.hue),
        )
        for number in current_generator().permutation(len(steps)):
            adjust, bounds = steps[number]
            if bounds is not None:
                img = adjust(img, uniform(*bounds))
        return img


def _bounds(
    value: Factor, name: str, center: float = 1, allowed: tuple[float, float] = (0, math.inf)
) -> tuple[float, float] | None:
    """(min, max) of a factor; None if it can only be ``center``, which changes nothing."""
    if isinstance(value, (int, float)):
        if value < 0:
            raise ValueError(f"{name} as a single number must be >= 0, got {value}")
        low, high = center - float(value), center + float(value)
        if center == 1:
            low = max(low, 0.0)
    else:
        low, high = map(float, value)
    if not allowed[0] <= low <= high <= allowed[1]:
        raise ValueError(f"{name} must be within {allowed}, min first, got ({low}, {high})")
    return None if low == high == center else (low, high)


class Grayscale(Transform):
    """Converts to grey, with 1 or 3 channels. See :func:`to_grayscale`."""

    shown = ("num_output_channels",)

    def __init__(self, num_output_channels: int = 1) -> None:
        if num_output_channels not in (1, 3):
            raise ValueError(f"num_output_channels must be 1 or 3, got {num_output_channels}")
        self.num_output_channels = num_output_channels

    def __call__(self, img: Image.Image) -> Image.Image:
        return to_grayscale(img, self.num_output_channels)


class RandomGrayscale(Transform):
    """Converts to grey with probability ``p``, keeping the number of channels (1 or 3)."""

    shown = ("p",)

    def __init__(self, p: float = 0.1) -> None:
        self.p = check_probability(p)

    def __call__(self, img: Image.Image) -> Image.Image:
        channels = len(check_picture(img).getbands())
        return to_grayscale(img, channels) if chance(self.p) else img
