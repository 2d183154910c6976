"""The size of a picture, and the largest value of its pixels."""

from __future__ import annotations

import numpy as np

from ..dtypes import is_floating
from ..tensor import Tensor
from ._arguments import Picture, check_picture, check_tensor


def get_dimensions(img: Picture) -> list[int]:
    """[channels, height, width] of a PIL image or a tensor (…, C, H, W) or (H, W)."""
    if isinstance(img, Tensor):
        *_, height, width = check_tensor(img).shape
        return [img.shape[-3] if img.ndim > 2 else 1, height, width]
    width, height = check_picture(img).size
    return [len(img.getbands()), height, width]


def get_image_size(img: Picture) -> list[int]:
    """[width, height] of a PIL image or a tensor (…, H, W)."""
    return get_dimensions(img)[:0:-1]


def get_image_num_channels(img: Picture) -> int:
    """The number of channels of a PIL image or a tensor (…, C, H, W) or (H, W)."""
    return get_dimensions(img)[0]


def largest_value(dtype: np.dtype) -> int:
    """The value of white in images of a dtype: 1 for floats."""
    return 1 if is_floating(dtype) or dtype == np.bool_ else int(np.iinfo(dtype).max)
