"""Mirrors pictures."""

from __future__ import annotations

from PIL import Image

from ..tensor import Tensor
from ._arguments import Picture, Transform, check_picture, check_probability, check_tensor
from ._draws import chance


def hflip(img: Picture) -> Picture:
    """Mirrors a PIL image or a tensor (…, H, W) left to right."""
    if isinstance(img, Tensor):
        return check_tensor(img).flip(-1)
    return check_picture(img).transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def vflip(img: Picture) -> Picture:
    """Turns a PIL image or a tensor (…, H, W) upside down."""
    if isinstance(img, Tensor):
        return check_tensor(img).flip(-2)
    return check_picture(img).transpose(Image.Transpose.FLIP_TOP_BOTTOM)


class RandomHorizontalFlip(Transform):
    """Mirrors left to right with probability ``p``."""

    shown = ("p",)

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = check_probability(p)

    def forward(self, img: Picture) -> Picture:
        return hflip(img) if chance(self.p) else img


class RandomVerticalFlip(Transform):
    """Turns upside down with probability ``p``."""

    shown = ("p",)

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = check_probability(p)

    def forward(self, img: Picture) -> Picture:
        return vflip(img) if chance(self.p) else img
