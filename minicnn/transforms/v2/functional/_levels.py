"""Pixel values of images and videos: inverted, solarized, rounded to fewer bits, spread, evened out."""

from __future__ import annotations

import numpy as np
from PIL import ImageOps

from ....dtypes import float32, is_floating
from ....ops.choice import where
from ....tensor import Tensor
from ... import levels
from ..._arguments import Picture, check_tensor
from ...conversion import convert_image_dtype
from ...dimensions import largest_value
from ._kernels import functional

__all__ = ["autocontrast", "equalize", "invert", "posterize", "solarize"]


@functional
def invert(inpt: Picture) -> Picture:
    """The negative of an image or a video."""
    return levels.inverted(inpt) if isinstance(inpt, Tensor) else levels.invert(inpt)


@functional
def solarize(inpt: Picture, threshold: float) -> Picture:
    """Inverts all values from ``threshold`` on.

    Args:
        inpt: an image or a video.
        threshold: in the range of the pixels' dtype.

    Raises:
        TypeError: if ``threshold`` is above a tensor's range.
    """
    if isinstance(inpt, Tensor):
        return levels.solarized(inpt, threshold)
    return levels.solarize(inpt, threshold)


@functional
def posterize(inpt: Picture, bits: int) -> Picture:
    """Keeps the ``bits`` highest bits of each pixel.

    Args:
        inpt: an image or a video; floats are from 0 to 1.
        bits: from 0 to 8.

    Raises:
        TypeError: for another number of bits of a tensor.
    """
    if not isinstance(inpt, Tensor):
        return ImageOps.posterize(inpt, bits)
    if not isinstance(bits, int) or not 0 <= bits <= 8:
        raise TypeError(f"bits must be an integer from 0 to 8, got {bits}")
    dtype = inpt.array.dtype
    if is_floating(dtype):
        steps = 1 << bits
        return (inpt * steps).floor().clamp(0, steps - 1) * (1 / steps)
    lost = int(largest_value(dtype)).bit_length() - bits
    return inpt if lost <= 0 else inpt & (((1 << bits) - 1) << lost)


@functional
def autocontrast(inpt: Picture) -> Picture:
    """Spreads each channel's values, so that the darkest becomes 0 and the lightest white.

    Args:
        inpt: an image or a video; a tensor is (…, 1 or 3, H, W).
    """
    if not isinstance(inpt, Tensor):
        return levels.autocontrast(inpt)
    dtype = check_tensor(inpt, (1, 3), "autocontrast").array.dtype
    most = largest_value(dtype)
    floats = inpt.to(dtype if is_floating(dtype) else float32)
    if not floats.array.size:
        return inpt
    low, high = floats.amin((-2, -1), keepdim=True), floats.amax((-2, -1), keepdim=True)
    flat = high == low  # such a channel stays as it is
    step = where(flat, 1.0, (high - low) * (1 / most))  # rounded in other places than in `levels`
    return ((floats - where(flat, 0.0, low)) / step).clamp(0, most).to(dtype)


@functional
def equalize(inpt: Picture) -> Picture:
    """Changes the values of each channel so that all are about equally frequent.

    Args:
        inpt: an image or a video; the values of other tensors than uint8 become 8 bits on the way.
    """
    if not isinstance(inpt, Tensor):
        return levels.equalize(inpt)
    dtype = inpt.array.dtype
    out = levels.equalized(convert_image_dtype(inpt, np.uint8))
    if is_floating(dtype):
        return out.to(dtype) * (1 / 255)
    return convert_image_dtype(out, dtype)
