"""The sizes of inputs of all kinds."""

from __future__ import annotations

from ....tensor import Tensor
from ....tv_tensors import BoundingBoxes, KeyPoints, Mask, Video
from ... import dimensions
from ..._arguments import Picture
from ._kernels import functional, functional_of, kernel

__all__ = [
    "get_dimensions",
    "get_image_num_channels",
    "get_image_size",
    "get_num_channels",
    "get_num_frames",
    "get_size",
]


@functional
def get_dimensions(inpt: Picture) -> list[int]:
    """[channels, height, width] of an image or a video."""
    return dimensions.get_dimensions(inpt)


@functional
def get_num_channels(inpt: Picture) -> int:
    """The number of channels of an image or a video."""
    return dimensions.get_image_num_channels(inpt)


@functional
def get_size(inpt: Picture) -> list[int]:
    """[height, width] of an image, a video, a mask, or of the image of boxes or points."""
    return dimensions.get_dimensions(inpt)[1:]


@kernel(get_size, Mask)
def _size_of_mask(mask: Tensor) -> list[int]:
    return list(mask.shape[-2:])


@kernel(get_size, BoundingBoxes, KeyPoints)
def _size_of_canvas(inpt: BoundingBoxes | KeyPoints) -> list[int]:
    return list(inpt.canvas_size)


@functional_of(Tensor, Video)
def get_num_frames(inpt: Tensor) -> int:
    """The number of images of a video (…, T, C, H, W)."""
    return inpt.shape[-4]


def get_image_size(inpt: Picture) -> list[int]:
    """[width, height] of a picture: the old order of :func:`get_size`."""
    return get_size(inpt)[::-1]


get_image_num_channels = get_num_channels
