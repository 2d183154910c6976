"""The transforms as functions, without randomness, under torchvision's names."""

from .affine import affine, rotate
from .color import (
    adjust_brightness,
    adjust_contrast,
    adjust_gamma,
    adjust_hue,
    adjust_saturation,
)
from .conversion import convert_image_dtype, pil_to_tensor, to_pil_image, to_tensor
from .crop import center_crop, crop, resized_crop
from .dimensions import get_dimensions, get_image_num_channels, get_image_size
from .elastic import elastic_transform
from .erasing import erase
from .filters import adjust_sharpness, gaussian_blur
from .flip import hflip, vflip
from .grayscale import rgb_to_grayscale, to_grayscale
from .interpolation import InterpolationMode
from .levels import autocontrast, equalize, invert, posterize, solarize
from .normalize import normalize
from .pad import pad
from .perspective import perspective
from .resize import resize
from .several_crops import five_crop, ten_crop

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
    "convert_image_dtype",
    "crop",
    "elastic_transform",
    "equalize",
    "erase",
    "five_crop",
    "gaussian_blur",
    "get_dimensions",
    "get_image_num_channels",
    "get_image_size",
    "hflip",
    "invert",
    "normalize",
    "pad",
    "perspective",
    "pil_to_tensor",
    "posterize",
    "resize",
    "resized_crop",
    "rgb_to_grayscale",
    "rotate",
    "solarize",
    "ten_crop",
    "to_grayscale",
    "to_pil_image",
    "to_tensor",
    "vflip",
]
