"""The transforms as functions, without randomness, for inputs of all kinds.

An input is a PIL image, a tensor, or a :class:`~minicnn.tv_tensors.TVTensor`; what a function does
depends on its kind (:mod:`._kernels`); with a kind in its name, such as ``resize_image`` or
``resize_mask``, it is for plain tensors of this kind. As ``torchvision.transforms.v2.functional``.
"""

from ....tv_tensors.base import is_pure_tensor
from ...interpolation import InterpolationMode
from . import _kernels
from ._affine import affine, rotate
from ._color import (
    adjust_brightness,
    adjust_contrast,
    adjust_gamma,
    adjust_hue,
    adjust_saturation,
    grayscale_to_rgb,
    permute_channels,
    rgb_to_grayscale,
    to_grayscale,
)
from ._convert import (
    convert_image_dtype,
    normalize,
    pil_to_tensor,
    to_dtype,
    to_image,
    to_pil_image,
    to_tensor,
)
from ._crop import center_crop, crop, five_crop, resized_crop, ten_crop
from ._elastic import elastic, elastic_transform
from ._filters import adjust_sharpness, gaussian_blur, gaussian_noise, jpeg
from ._flip import hflip, horizontal_flip, vertical_flip, vflip
from ._kernels import register_kernel
from ._levels import autocontrast, equalize, invert, posterize, solarize
from ._meta import (
    clamp_bounding_boxes,
    clamp_keypoints,
    convert_bounding_box_format,
    sanitize_bounding_boxes,
    sanitize_keypoints,
)
from ._pad import pad
from ._parts import erase, uniform_temporal_subsample
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
    "adjust_brightness",
    "adjust_contrast",
    "adjust_gamma",
    "adjust_hue",
    "adjust_saturation",
    "adjust_sharpness",
    "affine",
    "autocontrast",
    "center_crop",
    "clamp_bounding_boxes",
    "clamp_keypoints",
    "convert_bounding_box_format",
    "convert_image_dtype",
    "crop",
    "elastic",
    "elastic_transform",
    "equalize",
    "erase",
    "five_crop",
    "gaussian_blur",
    "gaussian_noise",
    "get_dimensions",
    "get_image_num_channels",
    "get_image_size",
    "get_num_channels",
    "get_num_frames",
    "get_size",
    "grayscale_to_rgb",
    "hflip",
    "horizontal_flip",
    "invert",
    "is_pure_tensor",
    "jpeg",
    "normalize",
    "pad",
    "permute_channels",
    "perspective",
    "pil_to_tensor",
    "posterize",
    "register_kernel",
    "resize",
    "resized_crop",
    "rgb_to_grayscale",
    "rotate",
    "sanitize_bounding_boxes",
    "sanitize_keypoints",
    "solarize",
    "ten_crop",
    "to_dtype",
    "to_grayscale",
    "to_image",
    "to_pil_image",
    "to_tensor",
    "uniform_temporal_subsample",
    "vertical_flip",
    "vflip",
]


def __getattr__(name: str) -> object:
    kernel = _kernels.kernel_named(name)
    if kernel is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return kernel


def __dir__() -> list[str]:
    return [*globals(), *_kernels.kernel_names()]
