"""COCO's annotation files: looked up as with pycocotools, and kept in arrays that can be mapped."""

from __future__ import annotations

import functools
import json
import os
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import rules
from .coco_scan import scan
from .index import Index, open_index
from .masks import boundaries_of_segmentations, counts_of_boundaries, decode_mask, text_of_counts
from .packed import PackedStrings
from .packed_records import PackedRecords, as_integer
from .picture import check_on_error
from .problems import Problems

__all__ = ["CocoAnnotations"]


class CocoAnnotations:
    """The annotations of a file in COCO's format, under the names of ``pycocotools.coco.COCO``.

    The first opening reads the file piece by piece, with a progress bar, and leaves an index beside
    it (or in the cache folder), which is mapped from then on. Each lookup makes dicts of its own, so
    changes to them are not kept. ``loadRes`` and ``showAnns`` call pycocotools, which must be
    installed for them; its ``COCOeval`` takes these annotations. ``download`` is not there.

    Args:
        annotation_file: such as ``instances_train2017.json``.
        on_error: what to do about what is broken in the file, such as an annotation without picture:
            ``"raise"`` an error, ``"skip"`` it with one warning for all, or ``"warn"`` for each.
            Under ``minicnn.torch``, ``"raise"`` is for files that are damaged as a whole: scripts for
            pycocotools, which looks at nothing, have annotations of pictures that were taken out.

    Attributes:
        problems: what is broken in the file.
        anns, imgs, cats: annotations, pictures and categories by id.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if something is broken and ``on_error`` is ``"raise"``, or no picture is left.
    """

    def __init__(self, annotation_file: str | os.PathLike[str], on_error: str = "raise") -> None:
        check_on_error(on_error)
        path = Path(annotation_file)
        index = open_index(f"coco-{path.name}", [path], lambda: scan(path), path.parent, version=2)
        self.__setstate__((path, index))
        is_damaged = any(problem.where == str(path) for problem in self.problems)
        if rules.torch_rules and on_error == "raise" and not is_damaged:
            on_error = "skip"
        self.problems.report(on_error, str(path))
        if self.problems and not self.imgs:
            raise ValueError(f"no picture was found: {self.problems.found[0]}")

    def __getstate__(self) -> tuple[Path, Index]:
        return self.path, self._index

    def __setstate__(self, state: tuple[Path, Index]) -> None:
        self.path, self._index = state
        self.problems = Problems.of_arrays(self._index)
        self._images = PackedRecords(self._index, "images")
        self._annotations = PackedRecords(self._index, "annotations")
        self._files = PackedStrings.of_arrays(self._index, "files")
        self.imgs = _ById(self._images, self._index["images.by_id"])
        self.anns = _ById(self._annotations, self._index["annotations.by_id"])
        self._others: dict[str, Any] = json.loads(self._index["others"].tobytes())
        self.cats = {category["id"]: category for category in self._others.get("categories", [])}

    @functools.cached_property
    def dataset(self) -> dict[str, Any]:
        """What the file has under each key; the pictures and annotations are sequences."""
        records = {"images": self.imgs.in_file(), "annotations": self.anns.in_file()}
        return {key: records.get(key, value) for key, value in self._others.items()}

    # ---- pycocotools's names ----

    def getAnnIds(
        self, imgIds: Any = (), catIds: Any = (), areaRng: Any = (), iscrowd: bool | None = None
    ) -> list[int]:
        """The ids of annotations.

        Args:
            imgIds, catIds: of their pictures and categories, one or several; all by default.
            areaRng: their area must be between these two.
            iscrowd: whether they are crowds; None for both.
        """
        pictures, categories = _several(imgIds), _several(catIds)
        if pictures:
            groups = [self._of_picture(id) for id in pictures if id in self.imgs]
            found = np.concatenate(groups) if groups else np.zeros(0, np.int64)
        else:
            found = np.sort(self._index["annotations.by_id"])
        column = self._annotations.column
        if categories:
            found = found[np.isin(column("category_id")[found], categories)]
        if len(areaRng):
            area = column("area")[found]
            found = found[(area > areaRng[0]) & (area < areaRng[1])]
        if iscrowd is not None:
            found = found[column("iscrowd")[found] == iscrowd]
        return column("id")[found].tolist()

    def getCatIds(self, catNms: Any = (), supNms: Any = (), catIds: Any = ()) -> list[int]:
        """The ids of categories with these names, supercategories and ids; all by default."""
        wanted = {
            "name": _several(catNms),
            "supercategory": _several(supNms),
            "id": _several(catIds),
        }
        return [
            category["id"]
            for category in self.cats.values()
            if all(not values or category[key] in values for key, values in wanted.items())
        ]

    def getImgIds(self, imgIds: Any = (), catIds: Any = ()) -> list[int]:
        """The ids of pictures, of ``imgIds`` if there are some, that have all of the categories."""
        pictures, categories = _several(imgIds), _several(catIds)
        if not pictures and not categories:
            return list(self.imgs)
        sets = [set(pictures)] if pictures else []
        sets += [set(self._pictures_with(category)) for category in categories]
        return sorted(set.intersection(*sets))

    def loadAnns(self, ids: Any = ()) -> list[dict[str, Any]]:
        """The annotations with these ids, one or several."""
        return [self.anns[id] for id in _several(ids)]

    def loadCats(self, ids: Any = ()) -> list[dict[str, Any]]:
        """The categories with these ids, one or several."""
        return [self.cats[id] for id in _several(ids)]

    def loadImgs(self, ids: Any = ()) -> list[dict[str, Any]]:
        """What the file says about the pictures with these ids, one or several."""
        return [self.imgs[id] for id in _several(ids)]

    def annToMask(self, ann: Mapping[str, Any]) -> np.ndarray:
        """The mask (H, W) of an annotation, uint8, 1 inside.

        Raises:
            ValueError: if its polygons or runs are broken.
        """
        return decode_mask(ann.get("segmentation"), *self.size(ann["image_id"]))

    def annToRLE(self, ann: Mapping[str, Any]) -> dict[str, Any]:
        """The mask of an annotation as the text of its runs; errors as of :meth:`annToMask`."""
        segmentation = ann.get("segmentation")
        if isinstance(segmentation, dict) and isinstance(segmentation.get("counts"), str | bytes):
            return segmentation
        height, width = self.size(ann["image_id"])
        (boundaries,) = boundaries_of_segmentations([segmentation], height, width)
        counts = counts_of_boundaries(boundaries, height * width)
        return {"size": [height, width], "counts": text_of_counts(counts).encode()}

    def info(self) -> None:
        """Prints what the file says about itself."""
        for key, value in self.dataset["info"].items():
            print(f"{key}: {value}")

    @functools.cached_property
    def imgToAnns(self) -> Mapping[int, list[dict[str, Any]]]:
        """The annotations of each picture that has some, by its id."""
        return _OfPictures(self)

    @functools.cached_property
    def catToImgs(self) -> Mapping[int, list[int]]:
        """The ids of the pictures of each category, once for each of its annotations."""
        found: dict[int, list[int]] = defaultdict(list)
        if self.cats:
            columns = (self.anns.in_file_order(key) for key in ("category_id", "image_id"))
            for category, picture in zip(*columns, strict=True):
                found[category].append(picture)
        return found

    def loadRes(self, resFile: Any) -> object:
        """What a network found in these pictures, as a ``pycocotools.coco.COCO``.

        Args:
            resFile: path of a file with a list of results, the list, or an array (N, 7).
        """
        theirs = _pycocotools("loadRes")
        if isinstance(resFile, np.ndarray):
            resFile = theirs().loadNumpyAnnotations(resFile)
        return theirs.loadRes(self, resFile if isinstance(resFile, list) else os.fspath(resFile))

    def showAnns(self, anns: Sequence[dict[str, Any]], draw_bbox: bool = False) -> None:
        """Draws annotations into matplotlib's current axes."""
        _pycocotools("showAnns").showAnns(self, anns, draw_bbox)

    # ---- without making dicts ----

    def size(self, picture: int) -> tuple[int, int]:
        """Height and width of the picture with this id.

        Raises:
            ValueError: if the file does not say so.
        """
        place = self.imgs.place(picture)
        height, width = (int(self._images.column(key)[place]) for key in ("height", "width"))
        if height <= 0 or width <= 0:
            raise ValueError(f"{self.path}: picture {picture} has no height and width")
        return height, width

    def file_name(self, picture: int) -> str:
        """The name of the file of the picture with this id."""
        return self._files[self.imgs.place(picture)]

    def areas(self, categories: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """The ids of all pictures, ascending, and the area in each of all objects of categories."""
        column, order = self._annotations.column, self._index["of_picture.order"]
        area = np.where(np.isin(column("category_id"), categories), column("area"), 0)[order]
        pictures = self._images.column("id")[self._index["images.by_id"]]
        counts = np.diff(self._index["of_picture.offsets"]).astype(np.int64)
        rows = np.repeat(np.arange(len(pictures)), counts)
        return pictures, np.bincount(rows, np.nan_to_num(area), len(pictures))

    def _of_picture(self, id: int) -> np.ndarray:
        """The places of the annotations of a picture, in the order of the file."""
        offsets, rank = self._index["of_picture.offsets"], self.imgs.rank(id)
        return self._index["of_picture.order"][offsets[rank] : offsets[rank + 1]]

    def _pictures_with(self, category: int) -> list[int]:
        order = self._index["of_picture.order"]
        has = self._annotations.column("category_id")[order] == category
        return np.unique(self._annotations.column("image_id")[order[has]]).tolist()


class _ById(Mapping[int, dict[str, Any]]):
    """Records by their ids, in the order of the file.

    Args:
        records: have a column ``id``.
        order: places of the records that count, by ascending id.
    """

    def __init__(self, records: PackedRecords, order: np.ndarray) -> None:
        self._records, self._order = records, order

    def rank(self, id: int) -> int:
        """The number of records with a lower id.

        Raises:
            KeyError: if there is none with this one.
        """
        ids = self._records.column("id")
        number = as_integer(id.item() if isinstance(id, np.generic) else id)
        if number is not None:
            ranks = range(len(self._order))
            rank = bisect_left(ranks, number, key=lambda rank: ids[self._order[rank]])
            if rank in ranks and ids[self._order[rank]] == number:
                return rank
        raise KeyError(id)

    def place(self, id: int) -> int:
        """The place among the records."""
        return int(self._order[self.rank(id)])

    def in_file(self) -> _InFile:
        """The records alone."""
        return _InFile(self._records, np.sort(self._order))

    def __getitem__(self, id: int) -> dict[str, Any]:
        return self._records[self.place(id)]

    def in_file_order(self, key: str) -> list[int]:
        """The values of a column."""
        return self._records.column(key)[np.sort(self._order)].tolist()

    def __iter__(self) -> Iterator[int]:
        return iter(self.in_file_order("id"))

    def __len__(self) -> int:
        return len(self._order)


class _InFile(Sequence[dict[str, Any]]):
    """The records that count, in the order of the file."""

    def __init__(self, records: PackedRecords, places: np.ndarray) -> None:
        self._records, self._places = records, places

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self._records[place] for place in self._places[index]]
        return self._records[self._places[index]]

    def __len__(self) -> int:
        return len(self._places)


class _OfPictures(Mapping[int, list[dict[str, Any]]]):
    """The annotations by the id of their picture; an empty list where there are none.

    Args:
        coco: has the annotations.
    """

    def __init__(self, coco: CocoAnnotations) -> None:
        self._coco = coco
        self._pictures = dict.fromkeys(coco.anns.in_file_order("image_id"))

    def __getitem__(self, id: int) -> list[dict[str, Any]]:
        return self._coco.loadAnns(self._coco.getAnnIds([id]))

    def __contains__(self, id: object) -> bool:
        return id in self._pictures

    def __iter__(self) -> Iterator[int]:
        return iter(self._pictures)

    def __len__(self) -> int:
        return len(self._pictures)


def _pycocotools(name: str) -> Any:
    try:
        from pycocotools.coco import COCO
    except ImportError as error:
        raise ImportError(f"{name} needs pycocotools: pip install pycocotools") from error
    return COCO


def _several(values: Any) -> list[Any]:
    """One value or several as a list."""
    return [values] if isinstance(values, str) or not hasattr(values, "__iter__") else list(values)
