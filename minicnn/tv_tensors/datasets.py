"""Datasets whose samples have boxes and masks as :mod:`minicnn.transforms.v2` expects them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from PIL.Image import Image

from ..creation import tensor
from ..data.dataset import Dataset
from ..data.datasets import (
    CIFAR10,
    MNIST,
    SVHN,
    CocoCaptions,
    CocoDetection,
    CocoSegmentation,
    DatasetFolder,
    FakeData,
    Flowers102,
    ImageNet,
    OxfordIIITPet,
    VOCDetection,
    VOCSegmentation,
)
from ..data.vision_dataset import VisionDataset
from ..graph.structure import replaced
from ..models.weights._files import VOC_CLASSES
from ..transforms.v2.functional import convert_bounding_box_format
from .boxes import BoundingBoxes
from .pictures import Mask

__all__ = ["wrap_dataset_for_transforms_v2"]

Keys = Collection[str] | str | None


def wrap_dataset_for_transforms_v2(
    dataset: VisionDataset, target_keys: Keys = None
) -> Dataset[Any]:
    """A dataset whose targets are what :mod:`minicnn.transforms.v2` can transform.

    The target of ``CocoDetection`` and ``VOCDetection`` becomes a dict with ``boxes`` and
    ``labels``, masks of the other sets become a :class:`~minicnn.tv_tensors.Mask`, and pictures with
    a class stay as they are. The dataset's own transforms are called with the new samples.

    Args:
        dataset: of :mod:`minicnn.data.datasets`.
        target_keys: which keys the dicts have: of COCO also ``"image_id"``, which it has by default,
            ``"masks"`` and the keys of annotations; of VOC also ``"annotation"``. ``"all"`` for all.

    Raises:
        TypeError: for another dataset.
        ValueError: for keys of a dataset without dicts; when used, for keys that there are not.

    As ``torchvision.datasets.wrap_dataset_for_transforms_v2``.
    """
    for kinds, convert in _CONVERSIONS:
        if isinstance(dataset, kinds):
            if target_keys is not None and convert in (_same, _with_masks):
                raise ValueError(
                    f"{type(dataset).__name__} has no dicts for target_keys to choose from"
                )
            return _Wrapped(dataset, convert, target_keys)
    raise TypeError(f"the targets of {type(dataset).__name__} are not known")


class _Wrapped(Dataset[Any]):
    """A dataset with other targets; all of its attributes are here, too."""

    def __init__(self, dataset: Any, convert: Callable[..., Any], target_keys: Keys) -> None:
        self.transforms = dataset.transforms
        self._convert, self._keys = convert, target_keys
        self._dataset = copy.copy(dataset)
        for name in ("transform", "target_transform", "transforms"):
            setattr(self._dataset, name, None)

    def __len__(self) -> int:
        return len(self._dataset)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # such as those that copying and pickling look for
            raise AttributeError(name)
        return getattr(self._dataset, name)

    def __getitem__(self, index: int) -> object:
        picture, target = self._dataset[index]
        target = self._convert(self._dataset, index, target, self._keys)
        return (picture, target) if self.transforms is None else self.transforms(picture, target)


def _same(dataset: Any, index: int, target: Any, keys: Keys) -> object:
    return target


def _with_masks(dataset: Any, index: int, target: Any, keys: Keys) -> object:
    return replaced(target, lambda x: Mask(x) if isinstance(x, Image) else x)


def _from_voc(dataset: Any, index: int, target: Any, keys: Keys) -> dict[str, Any]:
    annotation = target["annotation"]
    size, objects = annotation["size"], annotation["object"]
    sides = ("xmin", "ymin", "xmax", "ymax")
    boxes = [[int(each["bndbox"][side]) for side in sides] for each in objects]
    target["boxes"] = _boxes(boxes, "XYXY", int(size["height"]), int(size["width"]))
    target["labels"] = tensor([VOC_CLASSES.index(each["name"]) for each in objects])
    return _chosen(target, keys, ("boxes", "labels"))


def _from_coco(dataset: Any, index: int, target: Any, keys: Keys) -> dict[str, Any]:
    """The annotations of a picture, a list of dicts, as a dict of lists and tensors."""
    image_id = dataset.ids[index]
    if not target:
        return {"image_id": image_id}
    out: dict[str, Any] = {key: [each[key] for each in target] for key in target[0]}
    height, width = dataset.coco.size(image_id)
    boxes = _boxes(out["bbox"], "XYWH", height, width)
    out |= {
        "image_id": image_id,
        "boxes": convert_bounding_box_format(boxes, new_format="XYXY"),
        "labels": tensor(out["category_id"]),
    }
    if keys == "all" or (keys is not None and "masks" in keys):
        out["masks"] = Mask(np.stack([dataset.coco.annToMask(each) for each in target]))
    del out["id"]
    return _chosen(out, keys, ("image_id", "boxes", "labels"))


def _boxes(numbers: Any, format: str, height: int, width: int) -> BoundingBoxes:
    return BoundingBoxes(tensor(numbers), format=format, canvas_size=(height, width))


def _chosen(target: dict[str, Any], keys: Keys, usual: Collection[str]) -> dict[str, Any]:
    chosen = usual if keys is None else target if keys == "all" else keys
    missing = sorted(set(chosen) - set(target))
    if missing:
        raise ValueError(f"target_keys must be of {sorted(target)}, got {missing}")
    return {key: target[key] for key in chosen}


# What is done with the targets; of a class and its base class, the class comes first.
_CONVERSIONS: list[tuple[tuple[type, ...], Callable[..., Any]]] = [
    ((CocoSegmentation, OxfordIIITPet, VOCSegmentation), _with_masks),
    ((CocoCaptions,), _same),
    ((CocoDetection,), _from_coco),
    ((VOCDetection,), _from_voc),
    ((CIFAR10, MNIST, SVHN, DatasetFolder, FakeData, Flowers102, ImageNet), _same),
]
