"""Datasets, samplers and the loader, as in ``torch.utils.data``; picture folders and zips.

:mod:`.datasets` has the published sets, as ``torchvision.datasets``.
"""

from .collate import default_collate
from .dataset import (
    ConcatDataset,
    Dataset,
    SkipSample,
    Subset,
    TensorDataset,
    TransformDataset,
    random_split,
)
from .dogs_vs_cats import DogsVsCats
from .image_folder import DatasetFolder, ImageFolder
from .loader import DataLoader
from .picture import BrokenPicture, load_picture
from .sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from .seeding import current_generator
from .split import balanced_subset, stratified_split
from .voc import VOCSegmentation

__all__ = [
    "BatchSampler",
    "BrokenPicture",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "DatasetFolder",
    "DogsVsCats",
    "ImageFolder",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "SkipSample",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "TransformDataset",
    "VOCSegmentation",
    "WeightedRandomSampler",
    "balanced_subset",
    "current_generator",
    "default_collate",
    "load_picture",
    "random_split",
    "stratified_split",
]
