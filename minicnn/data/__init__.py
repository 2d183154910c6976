"""Datasets, samplers and the loader, as in ``torch.utils.data``; picture folders and zips.

:mod:`.datasets` has the published sets, as ``torchvision.datasets``.
"""

from .collate import default_collate, default_convert
from .dataset import (
    ConcatDataset,
    Dataset,
    SkipSample,
    StackDataset,
    Subset,
    TensorDataset,
    TransformDataset,
    random_split,
)
from .distributed import DistributedBatchSampler, DistributedSampler
from .dogs_vs_cats import DogsVsCats
from .image_folder import DatasetFolder, ImageFolder
from .iterable import ChainDataset, IterableDataset
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
from .worker_info import WorkerInfo, get_worker_info

__all__ = [
    "BatchSampler",
    "BrokenPicture",
    "ChainDataset",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "DatasetFolder",
    "DistributedBatchSampler",
    "DistributedSampler",
    "DogsVsCats",
    "ImageFolder",
    "IterableDataset",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "SkipSample",
    "StackDataset",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "TransformDataset",
    "VOCSegmentation",
    "WeightedRandomSampler",
    "WorkerInfo",
    "balanced_subset",
    "current_generator",
    "default_collate",
    "default_convert",
    "get_worker_info",
    "load_picture",
    "random_split",
    "stratified_split",
]
