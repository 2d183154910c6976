"""Cuts out parts of pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..tensor import Tensor
from ._arguments import Picture, Transform, check_picture, check_range, check_tensor, pair
from ._draws import integer, log_uniform, uniform
from .dimensions import get_dimensions
from .interpolation import InterpolationMode
from .pad import pad
from .resize import resize

Box = tuple[int, int, int, int]  # top, left, height, width


def crop(img: Picture, top: int, left: int, height: int, width: int) -> Picture:
    """Cuts out ``height`` x ``width`` pixels from (top, left) on; 0 outside the picture.

    Args:
        img: a PIL image or a tensor (…, H, W).
        top, left, height, width: pixels. A box entirely outside gives 0 alone; torchvision counts
            some of them from the other end of a tensor.
    """
    bottom, right = top + height, left + width
    if not isinstance(img, Tensor):
        return check_picture(img).crop((left, top, right, bottom))
    H, W = check_tensor(img).shape[-2:]
    inside = img[..., max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    if left >= 0 and top >= 0 and right <= W and bottom <= H:
        return inside
    missing_left, missing_top = max(min(right, 0) - left, 0), max(min(bottom, 0) - top, 0)
    missing_right, missing_bottom = max(right - max(W, left), 0), max(bottom - max(H, top), 0)
    return pad(inside, (missing_left, missing_top, missing_right, missing_bottom))


def center_crop(img: Picture, output_size: int | Sequence[int]) -> Picture:
    """Cuts out the middle of a picture; smaller ones are padded with 0 first.

    Args:
        img: a PIL image or a tensor (…, H, W).
        output_size: (height, width) or one number for both.
    """
    height, width = pair(output_size, "output_size")
    _, H, W = get_dimensions(img)
    lack_w, lack_h = max(width - W, 0), max(height - H, 0)
    if lack_w or lack_h:
        img = pad(img, (lack_w // 2, lack_h // 2, (lack_w + 1) // 2, (lack_h + 1) // 2))
    return crop(img, *middle((H + lack_h, W + lack_w), (height, width)), height, width)


def middle(size: Sequence[int], output_size: Sequence[int]) -> tuple[int, int]:
    """Top and left of the middle ``output_size`` (height, width) of a picture of ``size``."""
    # round() takes halves to the even number, as in torchvision
    return round((size[0] - output_size[0]) / 2), round((size[1] - output_size[1]) / 2)


def resized_crop(
    img: Picture,
    top: int,
    left: int,
    height: int,
    width: int,
    size: int | Sequence[int],
    interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
    antialias: bool | None = True,
) -> Picture:
    """:func:`crop`, then :func:`~minicnn.transforms.functional.resize`."""
    return resize(crop(img, top, left, height, width), size, interpolation, antialias=antialias)


class CenterCrop(Transform):
    """Crops the middle. See :func:`center_crop`."""

    shown = ("size",)

    def __init__(self, size: int | Sequence[int]) -> None:
        super().__init__()
        self.size = pair(size)

    def forward(self, img: Picture) -> Picture:
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
        super().__init__()
        self.size, self.padding = tuple(pair(size)), padding
        self.pad_if_needed = pad_if_needed
        self.fill, self.padding_mode = fill, padding_mode

    @staticmethod
    def get_params(img: Picture, output_size: Sequence[int]) -> Box:
        """Top, left, height and width of a random crop of ``output_size``."""
        (_, H, W), (height, width) = get_dimensions(img), output_size
        if H < height or W < width:
            raise ValueError(
                f"RandomCrop of {(height, width)} is larger than the image of {(H, W)}"
            )
        if (H, W) == (height, width):
            return 0, 0, H, W
        top = integer(0, H - height + 1)
        return top, integer(0, W - width + 1), height, width

    def forward(self, img: Picture) -> Picture:
        if self.padding is not None:
            img = pad(img, self.padding, self.fill, self.padding_mode)
        _, H, W = get_dimensions(img)
        if self.pad_if_needed and self.size[1] > W:
            img = pad(img, (self.size[1] - W, 0), self.fill, self.padding_mode)
        if self.pad_if_needed and self.size[0] > H:
            img = pad(img, (0, self.size[0] - H), self.fill, self.padding_mode)
        return crop(img, *self.get_params(img, self.size))


def random_box(H: int, W: int, scale: Sequence[float], ratio: Sequence[float]) -> Box:
    """:meth:`RandomResizedCrop.get_params` for a picture of a height and a width."""
    for _ in range(10):
        area = H * W * uniform(scale[0], scale[1])
        aspect = log_uniform(ratio[0], ratio[1])
        width, height = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < width <= W and 0 < height <= H:
            top = integer(0, H - height + 1)
            return top, integer(0, W - width + 1), height, width
    height, width = H, W
    if W / H < min(ratio):
        height = round(W / min(ratio))
    elif W / H > max(ratio):
        width = round(H * max(ratio))
    return (H - height) // 2, (W - width) // 2, height, width


class RandomResizedCrop(Transform):
    """Crops a part of random position, area and aspect ratio, and resizes it.

    Args:
        size: (height, width) of the result, or one number for both.
        scale: bounds of the crop's area, as a share of the image's.
        ratio: bounds of the crop's width / height, whose logarithm is drawn uniformly.
        interpolation: an :class:`InterpolationMode` or a Pillow constant.
        antialias: as for :class:`Resize`.
    """

    def __init__(
        self,
        size: int | Sequence[int],
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3 / 4, 4 / 3),
        interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        self.size = pair(size)
        self.scale, self.ratio = check_range(scale, "scale"), check_range(ratio, "ratio")
        self.interpolation = InterpolationMode.of(interpolation)
        self.antialias = antialias

    @staticmethod
    def get_params(img: Picture, scale: Sequence[float], ratio: Sequence[float]) -> Box:
        """Top, left, height and width of a random crop; after ten failed tries, of the middle."""
        _, H, W = get_dimensions(img)
        return random_box(H, W, scale, ratio)

    def forward(self, img: Picture) -> Picture:
        box = self.get_params(img, self.scale, self.ratio)
        return resized_crop(img, *box, self.size, self.interpolation, self.antialias)

    def __repr__(self) -> str:
        scale = tuple(round(s, 4) for s in self.scale)
        ratio = tuple(round(r, 4) for r in self.ratio)
        return (
            f"RandomResizedCrop(size={self.size}, scale={scale}, ratio={ratio}, "
            f"interpolation={self.interpolation.value}, antialias={self.antialias})"
        )
