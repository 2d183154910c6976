"""The dataset of Open Images."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ...io.atomic import replacing
from ..broken import broken_pictures
from ..index import Index, open_index
from ..picture import check_on_error, load_picture
from ..problems import Problem, Problems
from ..vision_dataset import VisionDataset
from .classes import Classes, find_classes, read_classes
from .files import ANNOTATIONS, SPLITS, AnnotationFiles
from .masks import Masks
from .pictures import Pictures
from .scan import scan
from .subset import choose_rows, first_pictures

__all__ = ["OpenImages"]

_FLAGS = ("is_occluded", "is_truncated", "is_group_of", "is_depiction", "is_inside")
# What follows from the indexes, and is not pickled with their paths.
_NAMES = ("classes", "mids", "class_to_idx", "mid_to_idx", "_number")
_CHOICE = ("_chosen", "_is_missing", "_images", "_places")


class OpenImages(VisionDataset):
    """Open Images V7 (and V4 to V6): sample i is (picture in mode RGB, dict of its annotations).

    The target is a dict of NumPy arrays with ``image_id``, 16 hexadecimal digits, and

    - for ``"labels"``: ``labels``, the classes that people saw in the picture, each once, and
      ``negative_labels``, those that they looked for and did not see. Of all others nothing is known.
      A ``target_transform`` can make a vector of them, which a loader then puts into a batch::

        def known(target):  # 1 seen, 0 not seen, -1 unknown
            vector = np.full(number_of_classes, -1, np.float32)
            vector[target["negative_labels"]], vector[target["labels"]] = 0, 1
            return vector

    - for ``"boxes"``: ``labels``, ``boxes`` and ``is_occluded``, ``is_truncated``, ``is_group_of``,
      ``is_depiction``, ``is_inside`` (1 yes, 0 no, -1 unknown).
    - for ``"masks"``: ``labels``, ``boxes`` (those in which the masks were drawn), ``masks``
      ((N, height, width) uint8, where 1 is the object) and ``predicted_iou`` (NaN if unknown). Masks
      of another size than the picture are resized to it, by nearest.

    ``labels`` are numbers in ``classes``, (N,) int64. ``boxes`` are x₁, y₁, x₂, y₂ in pixels,
    (N, 4) float32.

    The files are read as https://storage.googleapis.com/openimages/web/download_v7.html publishes
    them. They may be in ``root``, in its folders ``annotations``, ``metadata``, ``labels`` or
    ``SPLIT``, or where fiftyone and OIDv4 ToolKit put them. Needed are

    - for labels ``oidv7-SPLIT-annotations-human-imagelabels.csv`` (where ``SPLIT`` is train, val or
      test) and ``oidv7-class-descriptions.csv``;
    - for boxes ``oidv6-train-annotations-bbox.csv``, ``validation-annotations-bbox.csv`` or
      ``test-annotations-bbox.csv``, and ``oidv7-class-descriptions-boxable.csv``;
    - for masks ``SPLIT-annotations-object-segmentation.csv``, ``SPLIT-masks-0.zip`` to ``f.zip`` or
      what is in them, and ``oidv7-class-descriptions-boxable.csv``. If there is
      ``oidv7-classes-segmentation.txt``, its 350 classes are the classes.

    Names of V4 to V6 will do, too, and for labels the files of the boxable classes alone. Machine-made
    labels are not read. Pictures are files ``<image id>.jpg`` in ``root``, ``root/SPLIT``,
    ``root/images``, ``root/data`` or ``SPLIT`` inside one of these; ``train_0.tar.gz`` and its like
    must be unpacked. A few pictures are soon fetched::

        cats = OpenImages("oi", "train", ["Cat", "Dog"], max_samples=1000, annotations="boxes")
        cats.write_ids("ids.txt")  # needs no picture
        # python downloader.py ids.txt --download_folder oi/train    (of openimages/dataset)
        cats = OpenImages("oi", "train", ["Cat", "Dog"], max_samples=1000, annotations="boxes")

    ``fiftyone.zoo.load_zoo_dataset("open-images-v7", split=…, classes=…, max_samples=…)`` fetches
    pictures and annotations; pass its folder ``open-images-v7``.

    Args:
        root: the folder.
        split: ``"train"``, ``"validation"`` or ``"test"``.
        classes: display names (``"Cat"``) or machine ids (``"/m/01yrx"``). They are numbered in this
            order, pictures without them are left out, and so are the annotations of other classes. A
            negative label does not count as having the class. By default all classes of the file.
        max_samples: takes no more pictures than these. Those on the disk come first; among them the
            order of the ids decides. With ``classes`` it is done in rounds: the first picture of each
            class, the second of each, and so on.
        annotations: ``"labels"``, ``"boxes"`` or ``"masks"``.
        transform, target_transform: called with the picture and with the target.
        transforms: instead of them, called with both.
        on_error: what happens with broken rows of the CSV files, and with pictures or masks that are
            missing or broken. ``"raise"``: broken rows raise a ValueError at once, the others when
            they are read. With ``"skip"`` rows and pictures that are missing are left out with one
            warning for all, with ``"warn"`` with one for each; a ``DataLoader`` leaves out what it
            finds broken.

    Attributes:
        classes, mids: display names and machine ids; ``class_to_idx`` and ``mid_to_idx`` give their
            numbers. (A few of the 20,000 classes share a name, which then has the first's number.)
        problems: the broken rows and zips.

    Raises:
        FileNotFoundError: if a CSV file is not there.
        ValueError: for unknown arguments or classes, a CSV file without a column that is needed, and
            with ``on_error="raise"`` for broken rows.

    The first opening makes an index: of 2.2 million labels, 0.9 million boxes or 0.09 million masks per
    second, hence in 16 s of the 14.6 million boxes of the training split. It is then opened in a second.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "train",
        classes: str | Iterable[str] | None = None,
        max_samples: int | None = None,
        annotations: str = "labels",
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        transforms: Callable[[Any, Any], Any] | None = None,
        on_error: str = "raise",
    ) -> None:
        super().__init__(root, transforms, transform, target_transform)
        check_on_error(on_error)
        if split not in SPLITS:
            raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
        if annotations not in ANNOTATIONS:
            known = ", ".join(ANNOTATIONS)
            raise ValueError(f"annotations must be one of {known}, got {annotations!r}")
        if max_samples is not None and max_samples <= 0:
            raise ValueError(f"max_samples must be positive, got {max_samples}")
        self.split, self.annotations, self.on_error = split, annotations, on_error
        self.max_samples = max_samples
        self._open()
        self._subset = None
        if classes is not None:
            self._subset = find_classes(classes, Classes.of_arrays(self._index))
        self.problems.report(on_error, "the annotations")
        self._derive()
        if on_error != "raise":
            self._missing_files().report(on_error, "the pictures and masks")

    @property
    def ids(self) -> np.ndarray:
        """The id of each sample, (N,) uint64; ``f"{id:016x}"`` is its usual form."""
        return self._index["id"][self._images]

    @property
    def missing(self) -> np.ndarray:
        """Ids of chosen pictures that are not on the disk or lack a mask, uint64."""
        return self._index["id"][self._chosen[self._is_missing]]

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        picture: Any = self.load(index)
        target: Any = self.load_target(index, picture.size)
        return (picture, target) if self.transforms is None else self.transforms(picture, target)

    def load(self, index: int) -> Image.Image:
        """The picture itself, in mode RGB, without a transform."""
        path = self.describe(index)
        if self._places[index] < 0 and self.on_error == "raise":
            raise FileNotFoundError(
                f"{path}: the picture is missing, as files of {len(self.missing)} samples are; "
                "write_ids() lists the pictures for the downloader, on_error='skip' leaves these out"
            )
        return load_picture(path, self.on_error)

    def load_target(self, index: int, size: tuple[int, int]) -> dict[str, Any]:
        """The target without a transform, for a picture of ``size`` (width, height)."""
        rows = self._rows(index)
        number = self._number[self._index["label"][rows]]
        target: dict[str, Any] = {"image_id": f"{self._id(index):016x}"}
        if self.annotations == "labels":
            positive = self._index["positive"][rows] == 1
            seen = np.unique(number[positive])
            return target | {
                "labels": seen,
                "negative_labels": np.setdiff1d(number[~positive], seen),
            }
        target["labels"] = number
        target["boxes"] = self._index["box"][rows] * np.array([*size, *size], np.float32)
        if self.annotations == "boxes":
            return target | dict(zip(_FLAGS, self._index["flags"][rows].T.copy(), strict=True))
        masks = [self._masks.load(row, size, self.on_error) for row in rows.tolist()]
        target["masks"] = np.stack(masks)
        target["predicted_iou"] = self._index["predicted_iou"][rows]
        return target

    def describe(self, index: int) -> str:
        """The picture's path."""
        return self._pictures.path(self._id(index), int(self._places[index]))

    def write_ids(self, path: str | os.PathLike[str]) -> None:
        """Writes the ids of all chosen pictures, also of those that are missing, one in a line.

        The official ``downloader.py`` takes such a file: lines are like ``train/0000b9fcba019d36``.
        """
        with replacing(path) as file:
            for image_id in self._index["id"][self._chosen].tolist():
                file.write(f"{self.split}/{image_id:016x}\n".encode())

    def verify(self, num_workers: int = 2) -> list[tuple[str, str]]:
        """Decodes every picture and mask, in ``num_workers`` threads.

        Returns:
            The path and the reason of each broken or missing one.
        """
        pictures, rows = len(self), np.empty(0, np.int64)
        if self.annotations == "masks":
            rows = np.concatenate([rows, *(self._rows(i) for i in range(pictures))])

        def load(i: int) -> object:
            if i < pictures:
                return load_picture(self.describe(i), "skip")
            return self._masks.load(int(rows[i - pictures]), (1, 1))

        def path(i: int) -> str:
            return self.describe(i) if i < pictures else self._masks.path(int(rows[i - pictures]))

        return broken_pictures(load, path, pictures + len(rows), num_workers)

    def extra_repr(self) -> str:
        """The split, what is annotated, and how much is wrong or missing."""
        lines = [f"Split: {self.split}", f"Annotations: {self.annotations}"]
        lines.append(f"Classes: {len(self.classes)}")
        if self.problems:
            lines.append(f"Broken rows and zips: {len(self.problems)}")
        if missing := np.count_nonzero(self._is_missing):
            lines.append(f"Missing: {missing} of {len(self._chosen)}")
        return "\n".join(lines)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in _NAMES + _CHOICE}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._derive()

    def _open(self) -> None:
        root = Path(self.root)
        files = AnnotationFiles(root, self.split, self.annotations)

        def build() -> dict[str, np.ndarray]:
            problems = Problems()
            classes = read_classes(files.descriptions, files.chosen, problems)
            source = (files.chosen or files.descriptions).name
            arrays = scan(files.table, self.annotations, classes, source, problems)
            return {**arrays, **classes.arrays(), **problems.arrays()}

        name = f"openimages-{self.split}-{self.annotations}"
        self._index: Index = open_index(name, files.paths(), build, root)
        self.problems = Problems.of_arrays(self._index)
        self._pictures = Pictures(root, self.split)
        if self.annotations == "masks":
            self._masks = Masks(root, self.split, self._index, files.paths())
            found, others = self.problems, self._masks.problems
            self.problems = Problems([*found, *others], found.count + others.count)

    def _derive(self) -> None:
        """Makes what follows from the indexes."""
        everything = Classes.of_arrays(self._index)
        chosen = range(len(everything.mids)) if self._subset is None else self._subset
        self.classes = [everything.names[i] for i in chosen]
        self.mids = [everything.mids[i] for i in chosen]
        self.mid_to_idx = {mid: i for i, mid in enumerate(self.mids)}
        self.class_to_idx: dict[str, int] = {}
        for i, name in enumerate(self.classes):
            self.class_to_idx.setdefault(name, i)
        self._number = np.full(len(everything.mids), -1)  # of each class, in the subset
        self._number[list(chosen)] = np.arange(len(chosen))
        self._select()

    def _select(self) -> None:
        """Chooses the pictures."""
        index, count = self._index, self.max_samples
        if self._subset is None:
            images = np.arange(len(index["id"]))
        else:
            chosen = choose_rows(index, self._number)
            images = chosen.images
        places = self._pictures.find(index["id"][images])
        missing = places < 0
        if self.annotations == "masks":
            missing |= self._lacks_mask(images)
        if count is not None and count < len(images):
            if self._subset is None:
                taken = np.sort(np.argsort(missing, kind="stable")[:count])
            else:
                label = self._number[index["label"][chosen.rows]]
                taken = first_pictures(count, images, missing, label, chosen.image_of_row)
            images, places, missing = images[taken], places[taken], missing[taken]
        self._chosen, self._is_missing = images.astype(np.int32), missing
        kept = slice(None) if self.on_error == "raise" else ~missing
        self._images, self._places = self._chosen[kept], places[kept]

    def _id(self, index: int) -> int:
        return int(self._index["id"][self._images[index]])

    def _lacks_mask(self, images: np.ndarray) -> np.ndarray:
        """Whether one of the masks of a picture that belong to chosen classes is missing."""
        lost = (self._number >= 0)[self._index["label"]] & ~self._masks.found
        before = np.concatenate([[0], np.cumsum(lost)])  # lost masks before each row
        first = self._index["first"]
        return before[first[images + 1]] > before[first[images]]

    def _rows(self, index: int) -> np.ndarray:
        """Numbers of the rows of a sample that belong to chosen classes."""
        image = self._images[index]
        rows = np.arange(self._index["first"][image], self._index["first"][image + 1])
        return rows[self._number[self._index["label"][rows]] >= 0]

    def _missing_files(self) -> Problems:
        """The first of the missing pictures and masks, and how many there are."""
        found, missing = [], self.missing
        for image_id in missing[:1000].tolist():
            place = int(self._pictures.find(np.array([image_id], np.uint64))[0])
            reason = "the picture is missing" if place < 0 else "one of its masks is missing"
            found.append(Problem(self._pictures.path(image_id, place), reason))
        return Problems(found, len(missing))
