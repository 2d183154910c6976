"""Five or ten crops of a picture, to classify it by all of them."""

from __future__ import annotations

from collections.abc import Sequence

from ._arguments import Picture, Transform, pair
from .crop import center_crop, crop
from .dimensions import get_dimensions
from .flip import hflip, vflip


def five_crop(img: Picture, size: int | Sequence[int]) -> tuple[Picture, ...]:
    """The four corners and the middle of a picture.

    Args:
        img: a PIL image or a tensor (…, H, W).
        size: (height, width) of each crop, or one number for both.

    Returns:
        The crops at top left, top right, bottom left and bottom right, and of the middle.

    Raises:
        ValueError: if the picture is smaller than ``size``.
    """
    height, width = pair(size)
    _, H, W = get_dimensions(img)
    if height > H or width > W:
        raise ValueError(f"crops of {(height, width)} are larger than the image of {(H, W)}")
    corners = [(top, left) for top in (0, H - height) for left in (0, W - width)]
    crops = [crop(img, top, left, height, width) for top, left in corners]
    return (*crops, center_crop(img, (height, width)))


def ten_crop(
    img: Picture, size: int | Sequence[int], vertical_flip: bool = False
) -> tuple[Picture, ...]:
    """:func:`five_crop` of a picture, and of its mirror image."""
    mirrored = vflip(img) if vertical_flip else hflip(img)
    return five_crop(img, size) + five_crop(mirrored, size)


class FiveCrop(Transform):
    """Crops the four corners and the middle. See :func:`five_crop`."""

    shown = ("size",)

    def __init__(self, size: int | Sequence[int]) -> None:
        super().__init__()
        self.size = pair(size)

    def forward(self, img: Picture) -> tuple[Picture, ...]:
        return five_crop(img, self.size)


class TenCrop(Transform):
    """Crops the four corners and the middle, of the mirror image, too. See :func:`ten_crop`."""

    shown = ("size", "vertical_flip")

    def __init__(self, size: int | Sequence[int], vertical_flip: bool = False) -> None:
        super().__init__()
        self.size, self.vertical_flip = pair(size), vertical_flip

    def forward(self, img: Picture) -> tuple[Picture, ...]:
        return ten_crop(img, self.size, self.vertical_flip)
