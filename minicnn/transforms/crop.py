"""Crops of PIL images."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image

from ._arguments import Transform, check_picture, check_range, integer, pair, uniform
from .geometry import InterpolationMode, pad, resize


def crop(img: Image.Image, top: int, left: int, height: int, width: int) -> Image.Image:
    """Cuts out ``height`` x ``width`` pixels from (top, left) on; black outside the image."""
    return check_picture(img).crop((left, top, left + width, top + height))


def center_crop(img: Image.Image, output_size: int | Sequence[int]) -> Image.Image:
    """Cuts out the middle of an image; smaller images are padded with 0 first.

    Args:
        img: a PIL image.
        output_size: (height, width) or one number for both.
    """
    height, width = pair(output_size, "output_size")
    lack_w, lack_h = (max(w - s, 0) for w, s in zip((width, height), img.size, strict=True))
    if lack_w or lack_h:
        img = pad(img, (lack_w // 2, lack_h // 2, (lack_w + 1) // 2, (lack_h + 1) // 2))
    # round() takes halves to the even number, as in torchvision
    top, left = round((img.height - height) / 2), round((img.width - width) / 2)
    return crop(img, top, left, height, width)


def resized_crop(
    img: Image.Image,
    top: int,
    left: int,
    height: int,
    width: int,
    size: int | Sequence[int],
    interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
) -> Image.Image:
    """:func:`crop`, then :func:`~minicnn.transforms.functional.resize`."""
    return resize(crop(img, top, left, height, width), size, interpolation)


class CenterCrop(Transform):
    """Crops the middle. See :func:`center_crop`."""

    shown = ("size",)

    def __init__(self, size: int | Sequence[int]) -> None:
        self.size = pair(size)

    def __call__(self, img: Image.Image) -> Image.Image:
        return center_crop(img, self.size)


class RandomCrop(Transform):
    """Crops at a random position.

    Args:
        size: (height, width) or one number for both.
        padding: borders added first, as for :class:`Pad`.
        pad_if_needed: pad images that are smaller than ``size``, by the missing pixels on each
            side, as torchvision does.
        fill, padding_mode: as for :class:`Pad`.

    Raises:
        ValueError: when called with an image that is smaller than ``size``.
    """

    shown = ("size", "padding")

    def __init__(
        self,
        size: int | Sequence[int],
        padding: int | Sequence[int] | None = None,
        pad_if_needed: bool = False,
        fill: float | Sequence[float] = 0,
        padding_mode: str = "constant",
    ) -> None:
        self.size, self.padding, self.pad_if_needed = pair(size), padding, pad_if_needed
        self.fill, self.padding_mode = fill, padding_mode

    def get_params(self, img: Image.Image) -> tuple[int, int, int, int]:
        """Top, left, height and width of a random crop."""
        height, width = self.size
        if img.height < height or img.width < width:
            raise ValueError(
                f"RandomCrop of {self.size} is larger than the image of {(img.height, img.width)}"
            )
        top = integer(0, img.height - height + 1)
        return top, integer(0, img.width - width + 1), height, width

    def __call__(self, img: Image.Image) -> Image.Image:
        check_picture(img)
        if self.padding is not None:
            img = pad(img, self.padding, self.fill, self.padding_mode)
        if self.pad_if_needed and img.width < self.size[1]:
            img = pad(img, (self.size[1] - img.width, 0), self.fill, self.padding_mode)
        if self.pad_if_needed and img.height < self.size[0]:
            img = pad(img, (0, self.size[0] - img.height), self.fill, self.padding_mode)
        return crop(img, *self.get_params(img))


class RandomResizedCrop(Transform):
    """Crops a part of random position, area and aspect ratio, and resizes it.

    Args:
        size: (height, width) of the result, or one number for both.
        scale: bounds of the crop's area, as a share of the image's.
        ratio: bounds of the crop's width / height, whose logarithm is drawn uniformly.
        interpolation: an :class:`InterpolationMode` or a Pillow constant.
        antialias: accepted as in torchvision, but always on for PIL images.
    """

    def __init__(
        self,
        size: int | Sequence[int],
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3 / 4, 4 / 3),
        interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        self.size = pair(size)
        self.scale, self.ratio = check_range(scale, "scale"), check_range(ratio, "ratio")
        self.interpolation = InterpolationMode.of(interpolation)
        self.antialias = antialias

    def get_params(self, img: Image.Image) -> tuple[int, int, int, int]:
        """Top, left, height and width of a random crop; after ten failed tries, of the middle."""
        low, high = math.log(self.ratio[0]), math.log(self.ratio[1])
        for _ in range(10):
            area = img.width * img.height * uniform(*self.scale)
            aspect = math.exp(uniform(low, high))
            width, height = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if 0 < width <= img.width and 0 < height <= img.height:
                top = integer(0, img.height - height + 1)
                return top, integer(0, img.width - width + 1), height, width
        width, height = img.size
        if width / height < self.ratio[0]:
            height = round(width / self.ratio[0])
        elif width / height > self.ratio[1]:
            width = round(height * self.ratio[1])
        return (img.height - height) // 2, (img.width - width) // 2, height, width

    def __call__(self, img: Image.Image) -> Image.Image:
        return resized_crop(
            img, *self.get_params(check_picture(img)), self.size, self.interpolation
        )

    def __repr__(self) -> str:
        scale = tuple(round(s, 4) for s in self.scale)
        ratio = tuple(round(r, 4) for r in self.ratio)
        return (
            f"RandomResizedCrop(size={self.size}, scale={scale}, ratio={ratio}, "
            f"interpolation={self.interpolation}, antialias={self.antialias})"
        )
