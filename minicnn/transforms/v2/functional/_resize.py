"""Resizes inputs of all kinds."""

from __future__ import annotations

from collections.abc import Sequence

from ....dtypes import uint8
from ....tensor import Tensor
from ....tv_tensors import BoundingBoxes, KeyPoints, Mask
from ... import resize as pictures
from ..._arguments import Picture
from ...interpolation import InterpolationMode
from ._boxes import Points, scaled
from ._bytes import resize_bytes, suits_pillow
from ._kernels import functional, kernel
from ._modes import Interpolation, mode_of
from ._sizes import get_size

__all__ = ["resize"]

Size = int | Sequence[int] | None


@functional
def resize(
    inpt: Picture,
    size: Size,
    interpolation: Interpolation = InterpolationMode.BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> Picture:
    """Resizes an input of any kind.

    Args:
        inpt: the input. Of masks the nearest pixels are taken.
        size: (height, width), one number for the shorter side, or None, which gives the longer side
            the length ``max_size``.
        interpolation: a mode, its name, or a Pillow constant.
        max_size: the longer side's largest allowed length, if ``size`` is one number.
        antialias: for tensors, whether a smaller image averages over all pixels in reach.

    Raises:
        ValueError: if ``max_size`` is not above ``size``, is given with (height, width), or is
            missing without ``size``.
    """
    height, width = get_size(inpt)
    new, mode = new_size((height, width), size, max_size), mode_of(interpolation)
    if not isinstance(inpt, Tensor) or new == (height, width):
        return pictures.resize(inpt, new, mode, antialias=antialias)
    if suits_pillow(inpt, mode, antialias):
        return resize_bytes(inpt, new, mode)
    if inpt.dtype == uint8 and mode is InterpolationMode.BICUBIC:
        # bytes in between, as in Pillow: what is below 0 or above 255 after the rows is cut off
        inpt = pictures.resize(inpt, (height, new[1]), mode, antialias=antialias)
    return pictures.resize(inpt, new, mode, antialias=antialias)


@kernel(resize, Mask)
def resize_mask(
    mask: Tensor,
    size: Size,
    interpolation: Interpolation = InterpolationMode.NEAREST,
    max_size: int | None = None,
    antialias: object = None,
) -> Picture:
    """Resizes a mask as :func:`resize`, to nearest pixels by one of the two rules."""
    exact = InterpolationMode.NEAREST_EXACT
    mode = exact if mode_of(interpolation) is exact else InterpolationMode.NEAREST
    return pictures.resize(mask, new_size(get_size(mask), size, max_size), mode)


@kernel(resize, BoundingBoxes, KeyPoints)
def _resize_points(
    inpt: Points,
    size: Size,
    interpolation: object = None,
    max_size: int | None = None,
    antialias: object = None,
) -> Points:
    height, width = inpt.canvas_size
    new_height, new_width = new_size((height, width), size, max_size)
    return scaled(inpt, new_width / width, new_height / height, (new_height, new_width))


def new_size(old: Sequence[int], size: Size, max_size: int | None) -> tuple[int, int]:
    """(height, width) of an input that was ``old``; other arguments as :func:`resize`."""
    height, width = old
    if size is not None:
        return pictures.resized_size((height, width), size, max_size)
    if max_size is None:
        raise ValueError("resize expects size or max_size, got None for both")
    short = int(max_size * min(old) / max(old))
    return (max_size, short) if height > width else (short, max_size)
