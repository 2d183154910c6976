"""COCO, and sets in its format: pictures with boxes, captions or masks of objects."""

from __future__ import annotations

import array
import operator
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ...output import printable
from ..broken import broken_pictures
from ..coco_annotations import CocoAnnotations
from ..masks import boundaries_of_segmentations, draw_labels
from ..packed_records import as_integer
from ..picture import BROKEN, BrokenPicture, decode_picture, load_picture
from ..problems import Problems
from ..vision_dataset import DatasetNotFound, VisionDataset
from ..zipped import ZippedFiles

__all__ = ["CocoCaptions", "CocoDetection", "CocoSegmentation"]

VOID = 255  # the label of pixels that belong to no class


class CocoDetection(VisionDataset):
    """Sample i is (picture in mode RGB, list of the dicts of its annotations).

    The dicts have the keys and values of the file. Each access makes new ones.

    Args:
        root: the folder of the pictures, such as ``train2017``, or the zip of this folder, such as
            ``train2017.zip``, which is found, too, if the folder is not there.
        annFile: the file of annotations, such as ``annotations/instances_train2017.json``; also
            those of keypoints and stuff. The first opening leaves an index beside it.
        transform, target_transform: called with the picture and with the target.
        transforms: instead of them, called with both.
        on_error: what to do about what is broken in ``annFile`` when it is opened, such as an
            annotation without picture, and what a ``DataLoader`` does where a picture is missing or
            broken: ``"raise"`` an error, ``"skip"`` it with one warning for all, or ``"warn"`` for
            each.

    A picture without ``file_name``, as in LVIS, is the last folder and name of its ``coco_url``;
    ``root`` is then the folder of ``train2017`` and ``val2017``.

    Attributes:
        coco: the :class:`.CocoAnnotations`, with the lookups of pycocotools.
        ids: of the pictures, ascending, as ``array.array``; it may be changed or replaced by a list.

    Raises:
        OSError: if ``annFile`` cannot be read.
        ValueError: if something in ``annFile`` is broken, and ``on_error`` is ``"raise"``.

    Lin et al. 2014, *Microsoft COCO: Common Objects in Context*; as
    ``torchvision.datasets.CocoDetection``, without pycocotools.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        annFile: str | os.PathLike[str],
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        transforms: Callable[[Any, Any], Any] | None = None,
        *,
        on_error: str = "raise",
    ) -> None:
        super().__init__(root, transforms, transform, target_transform)
        self.coco = CocoAnnotations(annFile, on_error)
        self.on_error = on_error
        self._zip = _find_zip(self.root)
        self.ids: Sequence[int] = array.array("q", sorted(self.coco.imgs))

    @property
    def problems(self) -> Problems:
        """What is broken in ``annFile`` and was left out."""
        return self.coco.problems

    def _load_image(self, id: int) -> Any:
        archive, path = self._zip, self._path(id)
        if archive is None:
            return load_picture(path, self.on_error)
        name = path.removeprefix(f"{archive.path}/")
        return decode_picture(lambda: archive.read(name), path, self.on_error)

    def _load_target(self, id: int) -> Any:
        return self.coco.loadAnns(self.coco.getAnnIds(id))

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        try:
            id = self.ids[operator.index(index)]
        except TypeError:
            message = f"Index must be of type integer, got {type(index)} instead."
            raise ValueError(message) from None
        image, target = self._load_image(id), self._load_target(id)
        return (image, target) if self.transforms is None else self.transforms(image, target)

    def __len__(self) -> int:
        return len(self.ids)

    def describe(self, index: int) -> str:
        """The picture's path; in a zip, the zip's path followed by the name in it."""
        return self._path(self.ids[index])

    def _path(self, id: int) -> str:
        name = self.coco.file_name(id)
        if self._zip is None:
            return os.path.join(self.root, name)
        in_folder = f"{self._zip.path.stem}/{name}"
        return f"{self._zip.path}/{in_folder if in_folder in self._zip else name}"

    def verify(self, num_workers: int = 2) -> list[tuple[str, str]]:
        """Reads every picture and its target, in ``num_workers`` threads.

        Returns:
            The path and the reason of each broken one.
        """

        def load(i: int) -> tuple[Any, Any]:
            return self._load_image(self.ids[i]), self._load_target(self.ids[i])

        return broken_pictures(load, self.describe, len(self), num_workers)

    def _broken(self, where: str, reason: str) -> BrokenPicture:
        """The error for a sample that is broken."""
        return BROKEN[self.on_error](printable(f"{where}: {reason}"))


def _find_zip(root: str | os.PathLike[str]) -> ZippedFiles | None:
    """The pictures, if they are in a zip."""
    folder = Path(root)
    path = folder if folder.suffix == ".zip" else Path(f"{folder}.zip")
    return ZippedFiles(path) if path.is_file() and not folder.is_dir() else None


class CocoCaptions(CocoDetection):
    """Sample i is (picture in mode RGB, list of its captions).

    Arguments as :class:`CocoDetection`'s, with a file such as ``captions_train2017.json``. As
    ``torchvision.datasets.CocoCaptions``.
    """

    def _load_target(self, id: int) -> list[str]:
        annotations = super()._load_target(id)
        for annotation in annotations:
            if "caption" not in annotation:
                where = f"{self.coco.path}: annotation {annotation['id']}"
                raise self._broken(where, "has no caption")
        return [annotation["caption"] for annotation in annotations]


class CocoSegmentation(CocoDetection):
    """Sample i is (picture in mode RGB, mask in mode L): 0 background, from 1 on classes, 255 void.

    The classes are the names of the file's categories in the order of their ids, or ``classes`` in
    their order. Objects of other categories are background. Pixels in several objects are void, and so are
    those of crowds (regions where objects are not told apart). Polygons are drawn as pycocotools
    does; what is outside the picture is cut off.

    Args:
        root, annFile: as for :class:`CocoDetection`, with a file that has masks.
        transform, target_transform: called with the picture and with the mask.
        transforms: instead of them, called with both, such as
            :class:`~minicnn.transforms.JointTransform`.
        classes: names of categories, for some of them only, or in another order.
        min_area: keeps only pictures whose objects of these classes have a larger area together, in
            pixels; None keeps all.
        on_error: as for :class:`CocoDetection`; a picture is broken, too, if one of its masks is,
            or if it has another size than the file says.

    Attributes:
        classes: names by label, the background first.
        class_to_idx: labels by name, without the background.
        category_to_idx: labels by the file's category id.

    Raises:
        OSError, ValueError: as :class:`CocoDetection`; a ValueError, too, for an unknown class, and
            for more than 254.
        FileNotFoundError: if there are no pictures, neither a folder nor a zip.

    Like the data of torchvision's recipe for segmentation, which has VOC's 20 classes, gives crowds
    their class, and trains with ``min_area=1000``.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        annFile: str | os.PathLike[str],
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        transforms: Callable[[Any, Any], Any] | None = None,
        *,
        classes: Sequence[str] | None = None,
        min_area: float | None = None,
        on_error: str = "raise",
    ) -> None:
        super().__init__(root, annFile, transform, target_transform, transforms, on_error=on_error)
        if self._zip is None and not os.path.isdir(self.root):
            raise DatasetNotFound(f"no folder or zip {str(root)!r} of the pictures of {annFile}")
        by_name = {self.coco.cats[id]["name"]: id for id in sorted(self.coco.cats, reverse=True)}
        names = sorted(by_name, key=by_name.__getitem__) if classes is None else list(classes)
        if unknown := [name for name in names if name not in by_name]:
            known = ", ".join(by_name) or "none"
            raise ValueError(f"{self.coco.path} has no category {unknown[0]!r}; it has {known}")
        if not 0 < len(names) < VOID or len(set(names)) < len(names):
            wrong = f"got {len(names)}, of which {len(set(names))} are different"
            raise ValueError(
                f"{self.coco.path}: 1 to {VOID - 1} different classes expected, {wrong}"
            )
        self.classes = ["background", *names]
        self.class_to_idx = {name: label for label, name in enumerate(names, 1)}
        self.category_to_idx = {
            id: self.class_to_idx[category["name"]]
            for id, category in self.coco.cats.items()
            if category["name"] in self.class_to_idx
        }
        if min_area is not None:
            ids, areas = self.coco.areas(list(self.category_to_idx))
            self.ids = array.array("q", ids[areas > min_area].tolist())

    def _load_image(self, id: int) -> Any:
        image = super()._load_image(id)
        height, width = self._size(id)
        if image.size != (width, height):
            reason = f"is {image.height} x {image.width}, {self.coco.path} says {height} x {width}"
            raise self._broken(self._path(id), reason)
        return image

    def _load_target(self, id: int) -> Image.Image:
        objects = [a for a in super()._load_target(id) if self._label(a)]
        labels = [VOID if a.get("iscrowd") else self._label(a) for a in objects]
        height, width = self._size(id)
        masks = self._boundaries(objects, height, width)
        return Image.fromarray(draw_labels(masks, labels, height, width, VOID))

    def _label(self, annotation: dict[str, Any]) -> int:
        """Of an object's class, 0 for other categories."""
        category = annotation.get("category_id")
        if as_integer(category) not in self.coco.cats:
            where = f"{self.coco.path}: annotation {annotation['id']}"
            raise self._broken(where, f"there is no category {category!r:.40}")
        return self.category_to_idx.get(category, 0)

    def _size(self, id: int) -> tuple[int, int]:
        try:
            return self.coco.size(id)
        except ValueError as error:
            raise self._broken(self._path(id), str(error)) from error

    def _boundaries(
        self, annotations: list[dict[str, Any]], height: int, width: int
    ) -> list[np.ndarray]:
        """The boundaries of each mask."""
        segmentations = [annotation.get("segmentation") for annotation in annotations]
        try:
            return boundaries_of_segmentations(segmentations, height, width)
        except ValueError:
            for annotation, segmentation in zip(annotations, segmentations, strict=True):
                try:
                    boundaries_of_segmentations([segmentation], height, width)
                except ValueError as error:
                    where = f"{self.coco.path}: annotation {annotation['id']}"
                    raise self._broken(where, str(error)) from error
            raise
