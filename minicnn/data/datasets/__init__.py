"""The published sets of pictures, under the names and with the arguments of ``torchvision.datasets``."""

from __future__ import annotations

from ..image_folder import DatasetFolder, ImageFolder
from ..vision_dataset import VisionDataset
from ..voc import VOCDetection, VOCSegmentation
from .cifar import CIFAR10, CIFAR100
from .coco import CocoCaptions, CocoDetection, CocoSegmentation
from .fakedata import FakeData
from .flowers102 import Flowers102
from .imagenet import ImageNet
from .mnist import EMNIST, KMNIST, MNIST, QMNIST, FashionMNIST
from .oxford_iiit_pet import OxfordIIITPet
from .svhn import SVHN

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "EMNIST",
    "KMNIST",
    "MNIST",
    "QMNIST",
    "SVHN",
    "CocoCaptions",
    "CocoDetection",
    "CocoSegmentation",
    "DatasetFolder",
    "FakeData",
    "FashionMNIST",
    "Flowers102",
    "ImageFolder",
    "ImageNet",
    "OxfordIIITPet",
    "VOCDetection",
    "VOCSegmentation",
    "VisionDataset",
]
