"""InterpolationMode: how values between pixels are computed."""

from __future__ import annotations

import enum

from PIL import Image


class InterpolationMode(enum.Enum):
    """How values between pixels are computed; names as in torchvision."""

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"

    @property
    def pil(self) -> Image.Resampling:
        """Pillow's constant; Pillow's NEAREST is torch's nearest-exact."""
        return Image.Resampling[self.name.removesuffix("_EXACT")]

    @classmethod
    def of(cls, mode: InterpolationMode | int) -> InterpolationMode:
        """Converts a Pillow constant; a mode stays as it is.

        Raises:
            TypeError: for anything else.
        """
        if isinstance(mode, int):
            return cls[Image.Resampling(mode).name]
        if not isinstance(mode, cls):
            raise TypeError(
                f"interpolation must be an InterpolationMode or a constant of Pillow, got {mode!r}"
            )
        return mode
