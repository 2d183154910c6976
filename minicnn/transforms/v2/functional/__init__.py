"""The transforms as functions, without randomness, for inputs of all kinds.

An input is a PIL image, a tensor, or a :class:`~minicnn.tv_tensors.TVTensor`; what a function does
depends on its kind (:mod:`._kernels`). As ``torchvision.transforms.v2.functional``.
"""

from ....tv_tensors.base import is_pure_tensor
from ...interpolation import InterpolationMode
from ._flip import hflip, horizontal_flip, vertical_flip, vflip
from ._kernels import register_kernel
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
    "get_dimensions",
    "get_image_num_channels",
    "get_image_size",
    "get_num_channels",
    "get_num_frames",
    "get_size",
    "hflip",
    "horizontal_flip",
    "is_pure_tensor",
    "register_kernel",
    "vertical_flip",
    "vflip",
]
