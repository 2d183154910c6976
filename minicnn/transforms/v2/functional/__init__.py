"""The transforms as functions, without randomness, for inputs of all kinds.

An input is a PIL image, a tensor, or a :class:`~minicnn.tv_tensors.TVTensor`; what a function does
depends on its kind (:mod:`._kernels`). As ``torchvision.transforms.v2.functional``.
"""

from ....tv_tensors.base import is_pure_tensor
from ...interpolation import InterpolationMode
from ._affine import affine, rotate
from ._crop import center_crop, crop, five_crop, resized_crop, ten_crop
from ._elastic import elastic, elastic_transform
from ._flip import hflip, horizontal_flip, vertical_flip, vflip
from ._kernels import register_kernel
from ._meta import (
    clamp_bounding_boxes,
    clamp_keypoints,
    convert_bounding_box_format,
    sanitize_bounding_boxes,
    sanitize_keypoints,
)
from ._pad import pad
from ._perspective import perspective
from ._resize import resize
from ._sizes import (
    get_dimensions,
    get_image_num_channels,
    get_image_size,
    get_num_channels,
    get_num_frames,
    get_size,
)

__all__ = [
    "InterpolationMode",
    "affine",
    "center_crop",
    "clamp_bounding_boxes",
    "clamp_keypoints",
    "convert_bounding_box_format",
    "crop",
    "elastic",
    "elastic_transform",
    "five_crop",
    "get_dimensions",
    "get_image_num_channels",
    "get_image_size",
    "get_num_channels",
    "get_num_frames",
    "get_size",
    "hflip",
    "horizontal_flip",
    "is_pure_tensor",
    "pad",
    "perspective",
    "register_kernel",
    "resize",
    "resized_crop",
    "rotate",
    "sanitize_bounding_boxes",
    "sanitize_keypoints",
    "ten_crop",
    "vertical_flip",
    "vflip",
]
