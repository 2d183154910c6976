"""Transforms of images, with torchvision's names, arguments and results.

They take PIL images, and tensors (…, C, H, W) where torchvision's do. They are modules, so
``nn.Sequential`` takes them, too.

Random transforms draw from :func:`minicnn.data.current_generator` what torchvision draws from
torch's generator: with the same seed, PIL images come out equal bit for bit. In a ``DataLoader``,
unless torch's rule is chosen (:mod:`minicnn.data.seeding`), each sample has a generator of its own,
which depends only on the seed, the epoch and how many samples were drawn before; then the numbers
differ from torchvision's, and do not depend on the number of workers.
"""

from . import functional
from .affine import RandomAffine, RandomRotation
from .aug_mix import AugMix
from .auto_augment import AutoAugment, RandAugment, TrivialAugmentWide
from .color import ColorJitter
from .compose import Compose, Lambda, RandomApply, RandomChoice, RandomOrder
from .conversion import ConvertImageDtype, PILToTensor, ToPILImage, ToTensor
from .crop import CenterCrop, RandomCrop, RandomResizedCrop
from .elastic import ElasticTransform
from .erasing import RandomErasing
from .filters import GaussianBlur
from .flip import RandomHorizontalFlip, RandomVerticalFlip
from .grayscale import Grayscale, RandomGrayscale
from .interpolation import InterpolationMode
from .joint import JointTransform
from .mix import CutMix, MixUp
from .normalize import Normalize, NormalizeImages
from .pad import Pad
from .perspective import RandomPerspective
from .policies import AutoAugmentPolicy
from .random_levels import (
    RandomAdjustSharpness,
    RandomAutocontrast,
    RandomEqualize,
    RandomInvert,
    RandomPosterize,
    RandomSolarize,
)
from .resize import Resize
from .several_crops import FiveCrop, TenCrop
from .whitening import LinearTransformation

__all__ = [
    "AugMix",
    "AutoAugment",
    "AutoAugmentPolicy",
    "CenterCrop",
    "ColorJitter",
    "Compose",
    "ConvertImageDtype",
    "CutMix",
    "ElasticTransform",
    "FiveCrop",
    "GaussianBlur",
    "Grayscale",
    "InterpolationMode",
    "JointTransform",
    "Lambda",
    "LinearTransformation",
    "MixUp",
    "Normalize",
    "NormalizeImages",
    "PILToTensor",
    "Pad",
    "RandAugment",
    "RandomAdjustSharpness",
    "RandomAffine",
    "RandomApply",
    "RandomAutocontrast",
    "RandomChoice",
    "RandomCrop",
    "RandomEqualize",
    "RandomErasing",
    "RandomGrayscale",
    "RandomHorizontalFlip",
    "RandomInvert",
    "RandomOrder",
    "RandomPerspective",
    "RandomPosterize",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomSolarize",
    "RandomVerticalFlip",
    "Resize",
    "TenCrop",
    "ToPILImage",
    "ToTensor",
    "TrivialAugmentWide",
    "functional",
]
