"""Transforms of images, with names, arguments and results on PIL images as in torchvision.

Random ones draw from :func:`minicnn.data.current_generator`, so inside a ``DataLoader`` they depend
on its seed, the epoch and the sample's index alone. The numbers drawn differ from torchvision's,
their distributions do not.
"""

from . import functional
from .affine import RandomAffine, RandomRotation
from .color import ColorJitter, Grayscale, RandomGrayscale
from .compose import Compose, Lambda, RandomApply
from .crop import CenterCrop, RandomCrop, RandomResizedCrop
from .geometry import (
    InterpolationMode,
    Pad,
    RandomHorizontalFlip,
    RandomVerticalFlip,
    Resize,
)
from .joint import JointTransform
from .tensor import Normalize, NormalizeImages, PILToTensor, RandomErasing, ToTensor

__all__ = [
    "CenterCrop",
    "ColorJitter",
    "Compose",
    "Grayscale",
    "InterpolationMode",
    "JointTransform",
    "Lambda",
    "Normalize",
    "NormalizeImages",
    "PILToTensor",
    "Pad",
    "RandomAffine",
    "RandomApply",
    "RandomCrop",
    "RandomErasing",
    "RandomGrayscale",
    "RandomHorizontalFlip",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomVerticalFlip",
    "Resize",
    "ToTensor",
    "functional",
]
