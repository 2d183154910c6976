"""Pictures in grey."""

from __future__ import annotations

from PIL import Image

from ..tensor import Tensor
from ._arguments import Picture, Transform, check_colors, check_picture, check_probability
from ._draws import chance
from .dimensions import get_image_num_channels


def to_grayscale(img: Image.Image, num_output_channels: int = 1) -> Image.Image:
    """A PIL image in grey: mode L, or RGB with three equal channels.

    Args:
        img: a PIL image.
        num_output_channels: 1 or 3.

    Raises:
        ValueError: if ``num_output_channels`` is neither 1 nor 3.
    """
    _check_channels(num_output_channels)
    grey = check_picture(img).convert("L")
    return grey if num_output_channels == 1 else Image.merge("RGB", (grey, grey, grey))


def rgb_to_grayscale(img: Picture, num_output_channels: int = 1) -> Picture:
    """A picture in grey: 0.2989 red + 0.587 green + 0.114 blue.

    Args:
        img: a PIL image or a tensor (…, 1 or 3, H, W).
        num_output_channels: 1 or 3; a tensor of one channel keeps it.

    Raises:
        ValueError: if ``num_output_channels`` is neither 1 nor 3.
    """
    if not isinstance(img, Tensor):
        return to_grayscale(img, num_output_channels)
    check_colors(img, "rgb_to_grayscale")
    _check_channels(num_output_channels)
    if img.shape[-3] == 1:
        return img.clone()
    red, green, blue = img.unbind(-3)
    grey = (0.2989 * red + 0.587 * green + 0.114 * blue).to(img.dtype).unsqueeze(-3)
    return grey.expand(img.shape) if num_output_channels == 3 else grey


def _check_channels(num_output_channels: int) -> int:
    if num_output_channels not in (1, 3):
        raise ValueError(f"num_output_channels must be 1 or 3, got {num_output_channels}")
    return num_output_channels


class Grayscale(Transform):
    """Converts to grey, with 1 or 3 channels. See :func:`rgb_to_grayscale`."""

    shown = ("num_output_channels",)

    def __init__(self, num_output_channels: int = 1) -> None:
        super().__init__()
        self.num_output_channels = _check_channels(num_output_channels)

    def forward(self, img: Picture) -> Picture:
        return rgb_to_grayscale(img, self.num_output_channels)


class RandomGrayscale(Transform):
    """Converts to grey with probability ``p``, keeping the number of channels (1 or 3)."""

    shown = ("p",)

    def __init__(self, p: float = 0.1) -> None:
        super().__init__()
        self.p = check_probability(p)

    def forward(self, img: Picture) -> Picture:
        channels = get_image_num_channels(img)
        return rgb_to_grayscale(img, channels) if chance(self.p) else img
