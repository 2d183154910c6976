"""The transforms as functions, without randomness, under torchvision's names."""

from .affine import affine, rotate
from .color import (
    adjust_brightness,
    adjust_contrast,
    adjust_hue,
    adjust_saturation,
    to_grayscale,
)
from .crop import center_crop, crop, resized_crop
from .geometry import InterpolationMode, hflip, pad, resize, vflip
from .tensor import erase, normalize, pil_to_tensor, to_tensor

__all__ = [
    "InterpolationMode",
    "adjust_brightness",
    "adjust_contrast",
    "adjust_hue",
    "adjust_saturation",
    "affine",
    "center_crop",
    "crop",
    "erase",
    "hflip",
    "normalize",
    "pad",
    "pil_to_tensor",
    "resize",
    "resized_crop",
    "rotate",
    "to_grayscale",
    "to_tensor",
    "vflip",
]
