"""Cuts out parts of inputs of all kinds."""

from __future__ import annotations

from collections.abc import Sequence

from ....tensor import Tensor
from ....tv_tensors import BoundingBoxes, KeyPoints, Mask
from ... import crop as pictures
from ... import several_crops
from ..._arguments import Picture, pair
from ...interpolation import InterpolationMode
from ._boxes import Points, shifted
from ._kernels import functional, kernel
from ._modes import Interpolation
from ._resize import resize, resize_mask

__all__ = ["center_crop", "crop", "five_crop", "resized_crop", "ten_crop"]


@functional
def crop(inpt: Picture, top: int, left: int, height: int, width: int) -> Picture:
    """Cuts out ``height`` x ``width`` pixels from (top, left) on; 0 outside the picture."""
    return pictures.crop(inpt, top, left, height, width)


kernel(crop, Mask)(pictures.crop)


@kernel(crop, BoundingBoxes, KeyPoints)
def _crop_points(inpt: Points, top: int, left: int, height: int, width: int) -> Points:
    return shifted(inpt, -left, -top, (height, width))


@functional
def center_crop(inpt: Picture, output_size: int | Sequence[int]) -> Picture:
    """Cuts out the middle; what is smaller is padded with 0 first.

    Args:
        inpt: an input of any kind.
        output_size: (height, width) or one number for both.
    """
    return pictures.center_crop(inpt, output_size)


kernel(center_crop, Mask)(pictures.center_crop)


@kernel(center_crop, BoundingBoxes, KeyPoints)
def _center_crop_points(inpt: Points, output_size: int | Sequence[int]) -> Points:
    height, width = pair(output_size, "output_size")
    top, left = pictures.middle(inpt.canvas_size, (height, width))
    return shifted(inpt, -left, -top, (height, width))


@functional
def resized_crop(
    inpt: Picture,
    top: int,
    left: int,
    height: int,
    width: int,
    size: Sequence[int],
    interpolation: Interpolation = InterpolationMode.BILINEAR,
    antialias: bool | None = True,
) -> Picture:
    """:func:`crop`, then :func:`resize`."""
    return resize(crop(inpt, top, left, height, width), size, interpolation, antialias=antialias)


@kernel(resized_crop, BoundingBoxes, KeyPoints)
def _resized_crop_points(
    inpt: Points,
    top: int,
    left: int,
    height: int,
    width: int,
    size: Sequence[int],
    interpolation: object = None,
    antialias: object = None,
) -> Picture:
    return resize(crop(inpt, top, left, height, width), size)


@kernel(resized_crop, Mask)
def _resized_crop_mask(
    mask: Tensor,
    top: int,
    left: int,
    height: int,
    width: int,
    size: Sequence[int],
    interpolation: object = None,
    antialias: object = None,
) -> Picture:
    part = pictures.crop(mask, top, left, height, width)
    assert isinstance(part, Tensor)
    return resize_mask(part, size)


@functional
def five_crop(inpt: Picture, size: int | Sequence[int]) -> tuple[Picture, ...]:
    """The four corners and the middle of an image or a video.

    Args:
        inpt: the input.
        size: (height, width) of each crop, or one number for both.

    Returns:
        The crops at top left, top right, bottom left and bottom right, and of the middle.

    Raises:
        ValueError: if the input is smaller than ``size``.
    """
    return several_crops.five_crop(inpt, size)


@functional
def ten_crop(
    inpt: Picture, size: int | Sequence[int], vertical_flip: bool = False
) -> tuple[Picture, ...]:
    """:func:`five_crop` of an input, and of its mirror image."""
    return several_crops.ten_crop(inpt, size, vertical_flip)
