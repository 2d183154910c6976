"""Tensors that say what their numbers are: images, videos, masks, boxes and points.

:mod:`minicnn.transforms.v2` transforms each by its kind, so that boxes and masks move along with
their picture. As ``torchvision.tv_tensors``.
"""

from .base import TVTensor, set_return_type, wrap
from .boxes import BoundingBoxes, BoundingBoxFormat, KeyPoints, is_rotated_bounding_format
from .pictures import Image, Mask, Video

__all__ = [
    "BoundingBoxFormat",
    "BoundingBoxes",
    "Image",
    "KeyPoints",
    "Mask",
    "TVTensor",
    "Video",
    "is_rotated_bounding_format",
    "set_return_type",
    "wrap",
]
