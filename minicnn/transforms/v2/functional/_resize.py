"""Resizes inputs of all kinds."""

from __future__ import annotations

from collections.abc import Sequence

from ....tensor import Tensor
from ....tv_tensors import BoundingBoxes, KeyPoints, Mask
from ... import resize as pictures
from ..._arguments import Picture
from ...interpolation import InterpolationMode
from ._boxes import Points, scaled
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
        inpt: the input. Masks are resized to nearest pixels.
        size: (height, width), one number for the shorter side, or None, which gives the longer side
            the length ``max_size``.
        interpolation: a mode, its name, or a Pillow constant.
        max_size: the longer side's largest allowed length, if ``size`` is one number.
        antialias: for tensors, whether a smaller image averages over all pixels in reach.

    Raises:
        ValueError: if ``max_size`` is not above ``size``, is given with (height, width), or is
            missing without ``size``.
    """
    new = new_size(get_size(inpt), size, max_size)
    if isinstance(inpt, Tensor):
        return pictures.resize(inpt, new, mode_of(interpolation), antialias=antialias)
    return pictures.resize(inpt, new, mode_of(interpolation))


@kernel(resize, Mask)
def _resize_mask(
    mask: Tensor,
    size: Size,
    interpolation: object = None,
    max_size: int | None = None,
    antialias: object = None,
) -> Picture:
    new = new_size(get_size(mask), size, max_size)
    return pictures.resize(mask, new, InterpolationMode.NEAREST)


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
