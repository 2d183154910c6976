"""Pictures to show from what a network or a dataset has: tensors become PIL images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from ..tensor import Tensor
from .arrays import to_array

__all__ = ["Numbers", "to_picture"]

Numbers = Sequence[float] | None


def to_picture(image: Any, mean: Numbers = None, std: Numbers = None) -> Image.Image:
    """One picture in mode RGB.

    Args:
        image: a PIL image; a tensor (1 or 3, H, W) of uint8, or of floats from 0 to 1; or a sample of
            a dataset, whose first entry is one of them.
        mean, std: what floats were normalised with, one number for each channel or one for all;
            ``image * std + mean`` is shown. None if they were not.

    Raises:
        TypeError: for anything else.
        ValueError: for a tensor of another shape.
    """
    if isinstance(image, (tuple, list)):
        image = image[0]
    if isinstance(image, Image.Image):
        return image.convert("RGB")
    if not isinstance(image, Tensor):
        raise TypeError(f"a picture must be a PIL image or a tensor, got {type(image).__name__}")
    pixels = to_array(image)
    if pixels.ndim != 3 or pixels.shape[0] not in (1, 3):
        raise ValueError(f"a picture must be (1 or 3, H, W), got {pixels.shape}")
    if pixels.dtype != np.uint8:
        pixels = pixels.astype(np.float64)
        for values, change in ((std, np.multiply), (mean, np.add)):
            if values is not None:
                pixels = change(pixels, np.reshape(np.asarray(values), (-1, 1, 1)))
        pixels = (pixels.clip(0, 1) * 255).round().astype(np.uint8)
    pixels = np.broadcast_to(pixels, (3, *pixels.shape[1:]))
    return Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
