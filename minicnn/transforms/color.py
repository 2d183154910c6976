"""Brightness, contrast, saturation, hue and gamma of pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageEnhance

from ..dtypes import float32, is_floating
from ..tensor import Tensor
from ._arguments import Picture, Transform, check_picture, check_tensor
from ._draws import permutation, uniform
from .conversion import convert_image_dtype
from .dimensions import get_image_num_channels, largest_value
from .grayscale import rgb_to_grayscale
from .hue import shift_hue

Factor = float | Sequence[float]
Bounds = Sequence[float] | None


def adjust_brightness(img: Picture, brightness_factor: float) -> Picture:
    """Blends with black: 0 gives black, 1 the picture itself, 2 twice its brightness."""
    if isinstance(img, Tensor):
        _check(img, "brightness_factor", brightness_factor)
        return blend(img, img.new_zeros(()), brightness_factor)
    return ImageEnhance.Brightness(check_picture(img)).enhance(brightness_factor)


def adjust_contrast(img: Picture, contrast_factor: float) -> Picture:
    """Blends with the mean grey: 0 gives grey, 1 the picture itself."""
    if isinstance(img, Tensor):
        _check(img, "contrast_factor", contrast_factor)
        grey = rgb_to_grayscale(img)
        assert isinstance(grey, Tensor)
        dtype = img.dtype if is_floating(img.array.dtype) else float32
        return blend(img, grey.to(dtype).mean((-3, -2, -1), keepdim=True), contrast_factor)
    return ImageEnhance.Contrast(check_picture(img)).enhance(contrast_factor)


def adjust_saturation(img: Picture, saturation_factor: float) -> Picture:
    """Blends with the picture in grey: 0 gives grey, 1 the picture itself."""
    if isinstance(img, Tensor):
        _check(img, "saturation_factor", saturation_factor)
        if get_image_num_channels(img) == 1:
            return img
        grey = rgb_to_grayscale(img)
        assert isinstance(grey, Tensor)
        return blend(img, grey, saturation_factor)
    return ImageEnhance.Color(check_picture(img)).enhance(saturation_factor)


def adjust_hue(img: Picture, hue_factor: float) -> Picture:
    """Shifts the hue by a share of the colour circle; pictures without colour stay as they are.

    Args:
        img: a PIL image or a tensor (…, 1 or 3, H, W).
        hue_factor: between -0.5 and 0.5; both ends give the opposite colour.

    Raises:
        ValueError: if ``hue_factor`` is out of range.
    """
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"hue_factor must be between -0.5 and 0.5, got {hue_factor}")
    if isinstance(img, Tensor):
        check_tensor(img, (1, 3), "adjust_hue")
        if get_image_num_channels(img) == 1:
            return img
        turned = shift_hue(convert_image_dtype(img, float32), hue_factor)
        return convert_image_dtype(turned, img.array.dtype)
    if check_picture(img).mode in ("L", "1", "I", "F"):
        return img
    hue, saturation, value = img.convert("HSV").split()
    shift = int(hue_factor * 255) % 256
    around = np.asarray(hue) + np.uint8(shift)  # wraps around, like the colour circle
    return Image.merge("HSV", (Image.fromarray(around), saturation, value)).convert(img.mode)


def adjust_gamma(img: Picture, gamma: float, gain: float = 1) -> Picture:
    """``gain * img ** gamma``, for pixels between 0 and 1: above 1, shadows become darker.

    Raises:
        ValueError: if ``gamma`` is negative.
    """
    if gamma < 0:
        raise ValueError(f"gamma must be >= 0, got {gamma}")
    if isinstance(img, Tensor):
        check_tensor(img, (1, 3), "adjust_gamma")
        dtype = img.array.dtype
        floats = img if is_floating(dtype) else convert_image_dtype(img, float32)
        return convert_image_dtype((gain * floats**gamma).clamp(0, 1), dtype)
    table = [int((256 - 1e-3) * gain * (value / 255) ** gamma) for value in range(256)]
    return check_picture(img).convert("RGB").point(table * 3).convert(img.mode)


def blend(img: Tensor, other: Tensor, ratio: float) -> Tensor:
    """``ratio * img + (1 - ratio) * other``, within the range of the images' dtype."""
    mixed = float(ratio) * img + (1.0 - float(ratio)) * other
    return mixed.clamp(0, largest_value(img.array.dtype)).to(img.dtype)


def _check(img: Tensor, name: str, factor: float) -> None:
    if factor < 0:
        raise ValueError(f"{name} must be >= 0, got {factor}")
    check_tensor(img, (1, 3), name.replace("_factor", ""))


class ColorJitter(Transform):
    """Changes brightness, contrast, saturation and hue at random, in random order.

    Args:
        brightness, contrast, saturation: a number x draws the factor between max(0, 1 - x) and
            1 + x; a pair (min, max) draws it between these.
        hue: a number draws the shift between -hue and hue, a pair (min, max) between these; at
            most from -0.5 to 0.5.

    Raises:
        TypeError: for something else than a number or a pair.
        ValueError: for bounds that are out of range, or not in order.
    """

    shown = ("brightness", "contrast", "saturation", "hue")

    def __init__(
        self, brightness: Factor = 0, contrast: Factor = 0, saturation: Factor = 0, hue: Factor = 0
    ) -> None:
        super().__init__()
        self.brightness = factor_bounds(brightness, "brightness")
        self.contrast = factor_bounds(contrast, "contrast")
        self.saturation = factor_bounds(saturation, "saturation")
        self.hue = factor_bounds(hue, "hue", center=0, allowed=(-0.5, 0.5))

    @staticmethod
    def get_params(
        brightness: Bounds, contrast: Bounds, saturation: Bounds, hue: Bounds
    ) -> tuple[Tensor, float | None, float | None, float | None, float | None]:
        """The order of the four changes, and the factor of each; None for bounds that are None."""
        order = Tensor.of(np.array(permutation(4)))
        b, c, s, h = (
            None if bounds is None else uniform(bounds[0], bounds[1])
            for bounds in (brightness, contrast, saturation, hue)
        )
        return order, b, c, s, h

    def forward(self, img: Picture) -> Picture:
        order, *factors = self.get_params(self.brightness, self.contrast, self.saturation, self.hue)
        changes = (adjust_brightness, adjust_contrast, adjust_saturation, adjust_hue)
        for number in order.array:
            factor = factors[number]
            if factor is not None:
                img = changes[number](img, factor)
        return img


def factor_bounds(
    value: Factor | None, name: str, center: float = 1, allowed: tuple[float, float] = (0, math.inf)
) -> tuple[float, float] | None:
    """(min, max) of a factor; None for None, or if it can only be ``center``: nothing changes."""
    if value is None:
        return None
    if isinstance(value, (int, float)):
        if value < 0:
            raise ValueError(f"{name} as a single number must be >= 0, got {value}")
        low, high = center - float(value), center + float(value)
        if center == 1:
            low = max(low, 0.0)
    elif isinstance(value, (list, tuple)) and len(value) == 2:
        low, high = map(float, value)
    else:
        raise TypeError(f"{name} must be one number or (min, max), got {value!r}")
    if not allowed[0] <= low <= high <= allowed[1]:
        raise ValueError(f"{name} must be within {allowed}, min first, got ({low}, {high})")
    return None if low == high == center else (low, high)
