"""Resizing, flipping and padding of PIL images."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from ._arguments import Transform, chance, check_picture, check_probability

PADDING_MODES = ("constant", "edge", "reflect", "symmetric")


class InterpolationMode(enum.Enum):
    """How values between pixels are computed; names as in torchvision."""

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"

    def __str__(self) -> str:
        return self.value

    @property
    def pil(self) -> Image.Resampling:
        """Pillow's constant; Pillow's NEAREST is torch's nearest-exact."""
        return Image.Resampling[self.name.removesuffix("_EXACT")]

    @classmethod
    def of(cls, mode: InterpolationMode | int) -> InterpolationMode:
        """Converts a Pillow constant; a mode stays as it is."""
        return cls[Image.Resampling(mode).name] if isinstance(mode, int) else mode


def resize(
    img: Image.Image,
    size: int | Sequence[int],
    interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
    max_size: int | None = None,
) -> Image.Image:
    """Resizes an image with Pillow's filters, which antialias.

    Args:
        img: a PIL image.
        size: (height, width), or one number for the shorter side; the longer one is then
            ``int(size * long / short)``.
        interpolation: an :class:`InterpolationMode` or a Pillow constant.
        max_size: the longer side's largest allowed length, if ``size`` is one number.

    Raises:
        ValueError: if ``max_size`` is not above ``size``, or is given with (height, width).
    """
    width, height = check_picture(img).size
    new = _resized_size((height, width), size, max_size)
    if new == (height, width):
        return img
    return img.resize((new[1], new[0]), InterpolationMode.of(interpolation).pil)


def _resized_size(
    old: tuple[int, int], size: int | Sequence[int], max_size: int | None
) -> tuple[int, int]:
    sizes = [size] if isinstance(size, int) else list(size)
    if len(sizes) not in (1, 2):
        raise ValueError(f"size must be one number or (height, width), got {tuple(sizes)}")
    if len(sizes) == 2:
        if max_size is not None:
            raise ValueError("max_size needs one number as size, got (height, width)")
        return sizes[0], sizes[1]
    short, long = sizes[0], int(sizes[0] * max(old) / min(old))
    if max_size is not None:
        if max_size <= short:
            raise ValueError(f"max_size must be above size {short}, got {max_size}")
        if long > max_size:
            short, long = int(max_size * short / long), max_size
    return (long, short) if old[0] > old[1] else (short, long)


def hflip(img: Image.Image) -> Image.Image:
    """Mirrors an image left to right."""
    return check_picture(img).transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def vflip(img: Image.Image) -> Image.Image:
    """Turns an image upside down."""
    return check_picture(img).transpose(Image.Transpose.FLIP_TOP_BOTTOM)


def pad(
    img: Image.Image,
    padding: int | Sequence[int],
    fill: float | Sequence[float] = 0,
    padding_mode: str = "constant",
) -> Image.Image:
    """Adds borders to an image.

    Args:
        img: a PIL image.
        padding: pixels on all sides, or (left and right, top and bottom), or (left, top, right,
            bottom).
        fill: value of the new pixels in mode ``"constant"``, one number or one for each channel.
        padding_mode: ``"constant"``, ``"edge"`` (repeats the outermost pixels), ``"reflect"``
            (mirrors without repeating them) or ``"symmetric"`` (mirrors and repeats them).

    Raises:
        ValueError: for another ``padding_mode``, or for other than 1, 2 or 4 numbers >= 0.
    """
    check_picture(img)
    left, top, right, bottom = _check_padding(padding, padding_mode)
    if padding_mode == "constant":
        color: Any = fill_color(fill, img)  # Pillow's annotation leaves out the floats of mode F
        out = ImageOps.expand(img, (left, top, right, bottom), color)
    else:
        array = np.asarray(img)
        rest = ((0, 0),) * (array.ndim - 2)
        mode: Any = padding_mode
        out = Image.fromarray(np.pad(array, ((top, bottom), (left, right), *rest), mode))
    if img.mode == "P":
        palette = img.getpalette()
        assert palette is not None  # mode P always has one
        out.putpalette(palette)
    return out


def _check_padding(padding: int | Sequence[int], padding_mode: str) -> tuple[int, int, int, int]:
    if padding_mode not in PADDING_MODES:
        raise ValueError(f"padding_mode must be one of {PADDING_MODES}, got {padding_mode!r}")
    sides = [padding] if isinstance(padding, int) else list(padding)
    if len(sides) not in (1, 2, 4) or min(sides) < 0:
        raise ValueError(f"padding must be 1, 2 or 4 numbers >= 0, got {tuple(sides)}")
    left, top, right, bottom = sides * (4 // len(sides))
    return left, top, right, bottom


def fill_color(fill: float | Sequence[float], img: Image.Image) -> float | tuple[float, ...]:
    """The fill value in the form that Pillow takes for the image's mode.

    Raises:
        ValueError: if there is neither one value nor one for each channel.
    """
    channels = len(img.getbands())
    values = [fill] if isinstance(fill, (int, float)) else list(fill)
    if len(values) not in (1, channels):
        raise ValueError(f"fill must be 1 or {channels} numbers for this image, got {values}")
    if img.mode != "F":
        values = [int(value) for value in values]
    return tuple(values * (channels // len(values))) if channels > 1 else values[0]


class Resize(Transform):
    """Resizes to (height, width), or the shorter side to one number. See :func:`resize`.

    ``antialias`` is accepted as in torchvision, but always on for PIL images.
    """

    shown = ("size", "interpolation", "max_size", "antialias")

    def __init__(
        self,
        size: int | Sequence[int],
        interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
        max_size: int | None = None,
        antialias: bool | None = True,
    ) -> None:
        _resized_size((1, 1), size, max_size)  # complains about bad arguments now, not later
        self.size, self.max_size, self.antialias = size, max_size, antialias
        self.interpolation = InterpolationMode.of(interpolation)

    def __call__(self, img: Image.Image) -> Image.Image:
        return resize(img, self.size, self.interpolation, self.max_size)


class Pad(Transform):
    """Adds borders. See :func:`pad`."""

    shown = ("padding", "fill", "padding_mode")

    def __init__(
        self,
        padding: int | Sequence[int],
        fill: float | Sequence[float] = 0,
        padding_mode: str = "constant",
    ) -> None:
        _check_padding(padding, padding_mode)
        self.padding, self.fill, self.padding_mode = padding, fill, padding_mode

    def __call__(self, img: Image.Image) -> Image.Image:
        return pad(img, self.padding, self.fill, self.padding_mode)


class RandomHorizontalFlip(Transform):
    """Mirrors left to right with probability ``p``."""

    shown = ("p",)

    def __init__(self, p: float = 0.5) -> None:
        self.p = check_probability(p)

    def __call__(self, img: Image.Image) -> Image.Image:
        return hflip(img) if chance(self.p) else img


class RandomVerticalFlip(Transform):
    """Turns upside down with probability ``p``."""

    shown = ("p",)

    def __init__(self, p: float = 0.5) -> None:
        self.p = check_probability(p)

    def __call__(self, img: Image.Image) -> Image.Image:
        return vflip(img) if chance(self.p) else img
