"""Changes of pixel values: inverted, solarized, rounded to fewer bits, spread over the range."""

from __future__ import annotations

import numpy as np
from PIL import ImageOps

from ..devices import xp_of
from ..dtypes import float32, is_floating
from ..ops.choice import where
from ..tensor import Tensor
from ..typing import Array
from ._arguments import Picture, check_colors, check_picture
from .dimensions import largest_value


def invert(img: Picture) -> Picture:
    """The negative of a PIL image (L or RGB) or a tensor (…, 1 or 3, H, W)."""
    if isinstance(img, Tensor):
        return inverted(check_colors(img, "invert"))
    return ImageOps.invert(check_picture(img))


def inverted(img: Tensor) -> Tensor:
    """White minus each pixel of a tensor of any shape."""
    return largest_value(img.array.dtype) - img


def posterize(img: Picture, bits: int) -> Picture:
    """Keeps the ``bits`` highest bits of each pixel.

    Args:
        img: a PIL image (L or RGB) or a tensor (…, 1 or 3, H, W) of uint8.
        bits: from 0 to 8.

    Raises:
        ValueError: for another number of bits.
        TypeError: for a tensor of another dtype.
    """
    if not 0 <= bits <= 8:
        raise ValueError(f"bits must be between 0 and 8, got {bits}")
    if isinstance(img, Tensor):
        _check_bytes(check_colors(img, "posterize"), "posterize")
        return img & (256 - 2 ** (8 - bits))
    return ImageOps.posterize(check_picture(img), bits)


def solarize(img: Picture, threshold: float) -> Picture:
    """Inverts all values from ``threshold`` on.

    Args:
        img: a PIL image (L or RGB) or a tensor (…, 1 or 3, H, W).
        threshold: in the range of the pixels' dtype.

    Raises:
        TypeError: if ``threshold`` is above a tensor's range.
    """
    if not isinstance(img, Tensor):
        return ImageOps.solarize(check_picture(img), threshold)  # type: ignore[arg-type]
    return solarized(check_colors(img, "solarize"), threshold)


def solarized(img: Tensor, threshold: float) -> Tensor:
    """:func:`solarize` of a tensor of any shape."""
    most = largest_value(img.array.dtype)
    if threshold > most:
        raise TypeError(f"threshold must be at most {most} for {img.dtype}, got {threshold}")
    return where(img >= threshold, inverted(img), img)


def autocontrast(img: Picture) -> Picture:
    """Spreads each channel's values, so that the darkest becomes 0 and the lightest white.

    Args:
        img: a PIL image (L or RGB) or a tensor (…, 1 or 3, H, W).
    """
    if not isinstance(img, Tensor):
        return ImageOps.autocontrast(check_picture(img))
    dtype = check_colors(img, "autocontrast").array.dtype
    most = largest_value(dtype)
    floats = img.to(dtype if is_floating(dtype) else float32)
    low, high = floats.amin((-2, -1), keepdim=True), floats.amax((-2, -1), keepdim=True)
    flat = high == low  # such a channel stays as it is
    scale = where(flat, 1.0, most / where(flat, 1.0, high - low))
    return ((floats - where(flat, 0.0, low)) * scale).clamp(0, most).to(dtype)


def equalize(img: Picture) -> Picture:
    """Changes the values of each channel so that all are about equally frequent.

    Args:
        img: a PIL image (P, L or RGB) or a tensor (…, 1 or 3, H, W) of uint8.

    Raises:
        TypeError: for a tensor of another dtype.
    """
    if not isinstance(img, Tensor):
        return ImageOps.equalize(check_picture(img))
    _check_bytes(check_colors(img, "equalize"), "equalize")
    return equalized(img)


def equalized(img: Tensor) -> Tensor:
    """:func:`equalize` of bytes (…, H, W), each H x W by itself."""
    x = img.array
    channels = [_equalized_channel(channel) for channel in x.reshape(-1, *x.shape[-2:])]
    return Tensor.of(xp_of(x).stack(channels).reshape(x.shape)) if channels else img


def _equalized_channel(channel: Array) -> Array:
    """channel (H, W) of uint8."""
    xp, values = xp_of(channel), channel.astype(np.int64)
    counts = xp.bincount(values.ravel(), minlength=256)
    step = (counts.sum() - counts[values.max()]) // 255  # pixels for each of the new values
    if step == 0:
        return channel
    below = xp.cumsum(counts) - counts
    table = xp.clip((below + step // 2) // step, 0, 255)
    return table.astype(np.uint8)[values]


def _check_bytes(img: Tensor, name: str) -> None:
    if img.array.dtype != np.uint8:
        raise TypeError(f"{name} expects a tensor of uint8, got {img.array.dtype}")
