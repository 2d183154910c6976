"""The Oxford-IIIT Pet Dataset: 37 breeds of cats and dogs, with masks."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..picture import load_picture, open_picture
from ..vision_dataset import VisionDataset
from ._checks import check_there
from .utils import download_and_extract_archive, verify_str_arg

__all__ = ["OxfordIIITPet"]

_SERVER = "https://www.robots.ox.ac.uk/~vgg/data/pets/data/"
_TARGET_TYPES = ("category", "binary-category", "segmentation")


class OxfordIIITPet(VisionDataset):
    """Cats and dogs: sample i is (picture in mode RGB, target).

    Args:
        root: the folder that contains ``oxford-iiit-pet``.
        split: ``"trainval"`` or ``"test"``.
        target_types: the target, or several for a tuple of them: ``"category"`` (the breed, 0 to
            36), ``"binary-category"`` (0 for a cat, 1 for a dog) or ``"segmentation"`` (a picture
            with 1 where the animal is, 2 for the background and 3 at its edge). None for no target.
        transforms: called with picture and target.
        transform, target_transform: instead of ``transforms``, called with one of them each.
        download: whether to download and unpack the files if they are not there.

    Attributes:
        classes, class_to_idx: the breeds' names and numbers; ``bin_classes`` and
            ``bin_class_to_idx`` for cat and dog.

    Raises:
        ValueError: for another ``split`` or target type.
        RuntimeError: if the files are missing or a list is damaged.

    Parkhi et al. 2012; as ``torchvision.datasets.OxfordIIITPet``.
    """

    _RESOURCES = (
        (_SERVER + "images.tar.gz", "5c4f3ee8e5d25df40f4fd59a7f44e54c"),
        (_SERVER + "annotations.tar.gz", "95a8c909bbe2e81eed6a22bccdf3f68f"),
    )

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "trainval",
        target_types: Sequence[str] | str = "category",
        transforms: Callable[[Any, Any], Any] | None = None,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
    ) -> None:
        self._split = verify_str_arg(split, "split", ("trainval", "test"))
        types = [target_types] if isinstance(target_types, str) else target_types
        self._target_types = [verify_str_arg(t, "target_types", _TARGET_TYPES) for t in types]
        super().__init__(root, transforms, transform, target_transform)
        base = Path(self.root, "oxford-iiit-pet")
        folders = [base / "images", base / "annotations"]
        if download and not all(folder.is_dir() for folder in folders):
            for url, md5 in self._RESOURCES:
                download_and_extract_archive(url, base, md5=md5)
        listed = base / "annotations" / f"{split}.txt"
        check_there("OxfordIIITPet", [*folders, listed], _SERVER)
        try:
            rows = [line.split() for line in listed.read_text(encoding="utf-8").splitlines()]
            # name, breed from 1, cat 1 or dog 2, number in the species
            names, breeds, species, _ = zip(*rows, strict=True)
            self._labels = [int(breed) - 1 for breed in breeds]
            self._bin_labels = [int(kind) - 1 for kind in species]
        except ValueError as error:
            raise RuntimeError(f"{str(listed)!r} is damaged: {error}") from error
        self._images = [base / "images" / f"{name}.jpg" for name in names]
        self._segs = [base / "annotations" / "trimaps" / f"{name}.png" for name in names]
        by_label = {label: name.rpartition("_")[0] for name, label in zip(names, self._labels)}
        self.classes = [by_label[label].replace("_", " ").title() for label in sorted(by_label)]
        self.class_to_idx = {name: number for number, name in enumerate(self.classes)}
        self.bin_classes = ["Cat", "Dog"]
        self.bin_class_to_idx = {"Cat": 0, "Dog": 1}

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        picture: Any = load_picture(self._images[index])
        targets = [self._target(kind, index) for kind in self._target_types]
        target: Any = tuple(targets) if len(targets) > 1 else targets[0] if targets else None
        return (picture, target) if self.transforms is None else self.transforms(picture, target)

    def _target(self, kind: str, index: int) -> Any:
        if kind == "segmentation":
            return open_picture(str(self._segs[index]))
        return (self._labels if kind == "category" else self._bin_labels)[index]

    def describe(self, index: int) -> str:
        """The picture's path."""
        return str(self._images[index])
