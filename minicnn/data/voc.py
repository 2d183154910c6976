"""Pascal VOC: pictures with a mask of each pixel's class, or with boxes around objects."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from .picture import check_on_error, load_picture, open_picture
from .vision_dataset import DatasetNotFound, VisionDataset

__all__ = ["VOCDetection", "VOCSegmentation"]

_IMAGE_SETS = ("train", "trainval", "val", "test")
_SERVER = "https://thor.robots.ox.ac.uk/pascal/VOC/"
# The archive's path on the server, its MD5, and where it has the folder VOCdevkit.
_ARCHIVES = {
    "2012": ("voc2012/VOCtrainval_11-May-2012.tar", "6cd6e144f989b92b3379bac3b3de84fd", "."),
    "2011": ("voc2011/VOCtrainval_25-May-2011.tar", "6c3384ef61512963050cb5d687e5bf1e", "TrainVal"),
    "2010": ("voc2010/VOCtrainval_03-May-2010.tar", "da459979d0c395079b5c75ee67908abb", "."),
    "2009": ("voc2009/VOCtrainval_11-May-2009.tar", "a3e00b113cfcfebf17e343f59da3caa1", "."),
    "2008": ("voc2008/VOCtrainval_14-Jul-2008.tar", "2629fa636546599198acfcfbfcf1904a", "."),
    "2007": ("voc2007/VOCtrainval_06-Nov-2007.tar", "c52e279531787c972589f7e41ab4ae64", "."),
    "2007-test": ("voc2007/VOCtest_06-Nov-2007.tar", "b6e924de25625d8de591ea690078ad9f", "."),
}


class _VOC(VisionDataset):
    """Pictures, each with a file that says what is on it; see :class:`VOCSegmentation`."""

    _lists: str  # folder in ImageSets
    _target_folder: str
    _target_ending: str

    def __init__(
        self,
        root: str | os.PathLike[str],
        year: str = "2012",
        image_set: str = "train",
        download: bool = False,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        transforms: Callable[[Any, Any], Any] | None = None,
        on_error: str = "raise",
    ) -> None:
        super().__init__(root, transforms, transform, target_transform)
        check_on_error(on_error)
        if year not in _ARCHIVES:
            raise ValueError(f"year must be one of {', '.join(sorted(_ARCHIVES))}, got {year!r}")
        if image_set not in _IMAGE_SETS:
            raise ValueError(f"image_set must be one of {_IMAGE_SETS}, got {image_set!r}")
        self.year, self.image_set, self.on_error = year, image_set, on_error
        if download:
            self._download()
        folder = self._folder()
        listed = folder / "ImageSets" / self._lists / f"{image_set}.txt"
        names = _names(listed)
        self.images = [str(folder / "JPEGImages" / f"{name}.jpg") for name in names]
        target = folder / self._target_folder
        self.targets = [str(target / f"{name}{self._target_ending}") for name in names]
        missing = [path for path in (*self.images, *self.targets) if not os.path.isfile(path)]
        if missing and on_error == "raise":
            raise FileNotFoundError(f"{len(missing)} files of {listed} are missing: {missing[0]} …")

    def _places(self) -> list[Path]:
        """Where the folder of the year may be."""
        root, name = Path(self.root), f"VOC{self.year.removesuffix('-test')}"
        inner = root / _ARCHIVES[self.year][2] / "VOCdevkit" / name
        return [inner, root / "VOCdevkit" / name, root / name, root]

    def _folder(self) -> Path:
        for folder in self._places():
            if (folder / "ImageSets" / self._lists).is_dir():
                return folder
        path = f"VOCdevkit/VOC{self.year}/ImageSets/{self._lists}"
        raise DatasetNotFound(
            f"no VOC{self.year} in {str(self.root)!r}: it must hold {path}; unpack "
            f"{_SERVER}{_ARCHIVES[self.year][0]} there, or in Python pass download=True"
        )

    def _download(self) -> None:
        """Downloads and unpacks the archive, unless the list of this image set is there."""
        from .datasets.utils import download_and_extract_archive  # which few programs need

        listed = Path("ImageSets", self._lists, f"{self.image_set}.txt")
        if any((folder / listed).is_file() for folder in self._places()):
            return
        key = "2007-test" if (self.year, self.image_set) == ("2007", "test") else self.year
        path, md5, _ = _ARCHIVES[key]
        download_and_extract_archive(_SERVER + path, self.root, md5=md5)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image: Any = load_picture(self.images[index], self.on_error)
        target = self._load_target(index)
        return (image, target) if self.transforms is None else self.transforms(image, target)

    def _load_target(self, index: int) -> Any:
        raise NotImplementedError

    def describe(self, index: int) -> str:
        """The picture's path."""
        return self.images[index]


class VOCSegmentation(_VOC):
    """Sample i is (picture in mode RGB, mask in mode P): 0 background, 1 to 20 classes, 255 void.

    Args:
        root: the folder ``VOC2012``, its parent ``VOCdevkit``, or the folder that contains
            ``VOCdevkit``.
        year: of the challenge, ``"2007"`` to ``"2012"``.
        image_set: ``"train"``, ``"trainval"``, ``"val"`` or ``"test"``.
        download: whether to download and unpack VOC into ``root`` if it is not there.
        transform, target_transform: called with the picture and with the target.
        transforms: instead of them, called with both, such as
            :class:`~minicnn.transforms.JointTransform`.
        on_error: what a ``DataLoader`` does where a picture or its target is missing or broken:
            ``"raise"`` an error, ``"skip"`` it with one warning for all, or ``"warn"`` for each.

    Attributes:
        images, masks: paths of the files.

    Raises:
        ValueError: for an unknown ``image_set`` or year, or a damaged list of names.
        FileNotFoundError: if there is no VOC in ``root`` (also a RuntimeError, as in torchvision); if
            ``on_error`` is ``"raise"``, also if a file is missing.

    As ``torchvision.datasets.VOCSegmentation``.
    """

    _lists, _target_folder, _target_ending = "Segmentation", "SegmentationClass", ".png"

    @property
    def masks(self) -> list[str]:
        """The paths of the masks."""
        return self.targets

    def _load_target(self, index: int) -> Any:
        return open_picture(self.masks[index], self.on_error)


class VOCDetection(_VOC):
    """Sample i is (picture in mode RGB, dict of the annotation).

    ``dict["annotation"]["object"]`` is a list of objects with ``name`` and ``bndbox``, all of them
    text. Arguments as :class:`VOCSegmentation`'s. As ``torchvision.datasets.VOCDetection``.
    """

    _lists, _target_folder, _target_ending = "Main", "Annotations", ".xml"

    @property
    def annotations(self) -> list[str]:
        """The paths of the annotations."""
        return self.targets

    def _load_target(self, index: int) -> Any:
        try:
            root = ElementTree.parse(self.annotations[index]).getroot()
        except ElementTree.ParseError as error:
            raise ValueError(f"{self.annotations[index]!r} is damaged: {error}") from error
        return self.parse_voc_xml(root)

    @staticmethod
    def parse_voc_xml(node: ElementTree.Element) -> dict[str, Any]:
        """An element as ``{its name: its text, or a dict of its children}``.

        Children of one name become a list; an annotation's ``object`` is always one.
        """
        if not len(node):
            return {node.tag: node.text.strip()} if node.text else {}
        found: dict[str, list[Any]] = {"object": []} if node.tag == "annotation" else {}
        for child in node:
            for name, value in VOCDetection.parse_voc_xml(child).items():
                found.setdefault(name, []).append(value)
        return {
            node.tag: {
                name: values if len(values) != 1 or name == "object" else values[0]
                for name, values in found.items()
            }
        }


def _names(listed: Path) -> list[str]:
    try:
        lines = listed.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{listed} is damaged: it is no UTF-8 text ({error})") from error
    return [line.strip() for line in lines if line.strip()]
