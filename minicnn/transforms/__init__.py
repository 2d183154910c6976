"""Transforms of images, with the names, arguments and results that torchvision's have on PIL images.

Random transforms draw from :func:`minicnn.data.current_generator`, so inside a ``DataLoader`` they
depend only on its seed, the epoch and how many samples were drawn before. They draw other numbers
than torchvision, from the same distributions.
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
