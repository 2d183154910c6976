"""Datasets, samplers and the loader, as in ``torch.utils.data``; readers of collections of pictures.

ImageNet, COCO, Open Images, Pascal VOC, tar shards, zips and folders are read as they are published.
:mod:`.datasets` has all that are named as in ``torchvision.datasets``.
"""

from typing import TYPE_CHECKING

from ..later import read_later
from .class_weights import class_weights
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
from .dogs_vs_cats import DogsVsCats, find_test_pictures
from .image_backend import get_image_backend, set_image_backend
from .image_folder import DatasetFolder, ImageFolder
from .iterable import ChainDataset, IterableDataset
from .loader import DataLoader
from .picture import BrokenPicture, load_picture
from .preview import evenly_spaced
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

if TYPE_CHECKING:
    from .cache import CachedDataset, PictureCache
    from .datasets.coco import CocoCaptions, CocoDetection, CocoSegmentation
    from .datasets.imagenet import ImageNet
    from .open_images import OpenImages
    from .webdataset import BrokenSample, ShardWriter, WebDataset

__all__ = [
    "BatchSampler",
    "BrokenPicture",
    "BrokenSample",
    "CachedDataset",
    "ChainDataset",
    "CocoCaptions",
    "CocoDetection",
    "CocoSegmentation",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "DatasetFolder",
    "DistributedBatchSampler",
    "DistributedSampler",
    "DogsVsCats",
    "ImageFolder",
    "ImageNet",
    "IterableDataset",
    "OpenImages",
    "PictureCache",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "ShardWriter",
    "SkipSample",
    "StackDataset",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "TransformDataset",
    "VOCSegmentation",
    "WebDataset",
    "WeightedRandomSampler",
    "WorkerInfo",
    "balanced_subset",
    "class_weights",
    "current_generator",
    "default_collate",
    "default_convert",
    "evenly_spaced",
    "find_test_pictures",
    "get_image_backend",
    "get_worker_info",
    "load_picture",
    "random_split",
    "set_image_backend",
    "stratified_split",
]

_LATER = {
    "cache": "CachedDataset PictureCache",
    "datasets.coco": "CocoCaptions CocoDetection CocoSegmentation",
    "datasets.imagenet": "ImageNet",
    "open_images": "OpenImages",
    "webdataset": "BrokenSample ShardWriter WebDataset",
}
__getattr__, __dir__ = read_later(__name__, _LATER, modules="datasets")
