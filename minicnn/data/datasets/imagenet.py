"""ImageNet: 1,281,167 photographs of 1,000 kinds of things, and 50,000 to validate."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
from PIL import Image

from ..broken import broken_pictures
from ..image_folder import default_loader
from ..index import open_index
from ..picture import check_on_error, decode_picture
from ..problems import Problems
from ..vision_dataset import DatasetNotFound, VisionDataset
from .imagenet_classes import synsets
from .imagenet_places import ARCHIVE_META, find_files
from .utils import calculate_md5, verify_str_arg

__all__ = ["ARCHIVE_META", "ImageNet"]


class ImageNet(VisionDataset):
    """ImageNet (ILSVRC 2012): sample i is (picture in mode RGB, class).

    Args:
        root: a folder with one of these, of which nothing is unpacked:
            ``ILSVRC2012_img_train.tar``, or the tars that are in it, and ``ILSVRC2012_img_val.tar``;
            ``train`` and ``val`` with a folder of pictures for each class (those of ``val`` may lie
            in it directly); or Kaggle's ``ILSVRC``, with its ``LOC_val_solution.csv`` beside it.
        split: ``"train"`` or ``"val"``.
        transform: called with the picture.
        target_transform: called with the class.
        loader: called with a picture's path, or with a binary file if the picture is in a tar.
        wnids: ids of classes, such as ``["n01440764", "n02102040"]``: reads these alone, and numbers
            them in this order. By default the classes that are there are numbered in the order of
            their ids: those of the whole ImageNet as networks are published, those of a part of it
            from 0 on, as torchvision does it.
        on_error: what happens with what is broken. Of a damaged archive, or a class without pictures:
            ``"raise"`` an error, or leave out what cannot be read, with one warning for all
            (``"skip"``) or for each (``"warn"``). Indexing always raises :class:`~minicnn.data.BrokenPicture` for a picture
            that cannot be decoded; ``on_error`` says whether a ``DataLoader`` leaves it out.

    Attributes:
        wnids: the ids of the classes; ``wnid_to_idx`` gives their numbers.
        classes: the names of each class, a tuple; ``class_to_idx`` gives the number of each name,
            of a name that two classes have, that of the second.
        targets: the class of each picture, (N,) int16.
        samples, imgs: sequences of (path, class).
        problems: what is broken in the archives; a picture is only decoded when it is used.

    Raises:
        FileNotFoundError: if the split is not there (also a RuntimeError, as in torchvision).
        ValueError: for another split, an unknown id, or a damaged archive.

    Pictures are sorted by class and name. They are listed once, into a file beside them; see
    :func:`~minicnn.data.index.open_index`. Russakovsky et al. 2015; as
    ``torchvision.datasets.ImageNet``, which unpacks the archives and needs the development kit. The
    ids, the names and the classes of the validation pictures are part of minicnn.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "train",
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        loader: Callable[[Any], Any] = default_loader,
        *,
        wnids: str | Sequence[str] | None = None,
        on_error: str = "raise",
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.split = verify_str_arg(split, "split", ("train", "val"))
        check_on_error(on_error)
        self.loader, self.on_error = loader, on_error
        self._files = find_files(Path(self.root), split)
        self._index = open_index(
            f"imagenet-{split}",
            self._files.sources,
            self._files.scan,
            self._files.beside,
            version=2,
        )
        self.problems = Problems.of_arrays(self._index)
        self.problems.report(on_error, str(self._files.base))
        self._choose(wnids)
        if not len(self):
            raise DatasetNotFound(f"no picture of these classes in {str(self._files.base)!r}")

    def _choose(self, wnids: str | Sequence[str] | None) -> None:
        """Numbers the classes, and finds their pictures."""
        known = list(synsets())
        there = [known[number] for number in self._index["classes"].tolist()]
        wnids = [wnids] if isinstance(wnids, str) else wnids
        self.wnids = there if wnids is None else list(wnids)
        self.wnid_to_idx = {wnid: number for number, wnid in enumerate(self.wnids)}
        unknown = [wnid for wnid in self.wnids if wnid not in synsets()]
        if unknown or len(self.wnid_to_idx) < len(self.wnids):
            got = unknown or self.wnids
            raise ValueError(f"wnids must be different ids of classes of ImageNet, got {got}")
        self.classes = [synsets()[wnid] for wnid in self.wnids]
        self.class_to_idx = {
            name: number for number, names in enumerate(self.classes) for name in names
        }
        self._choose_rows()

    def _choose_rows(self) -> None:
        """The rows of the index that are used and their classes, if not all of them are."""
        self._rows = self._targets = None
        known = list(synsets())
        if self.wnids != known:
            numbers = np.full(len(known), -1, np.int16)
            numbers[[known.index(wnid) for wnid in self.wnids]] = range(len(self.wnids))
            targets = numbers[self._index["labels"]]
            order = np.argsort(targets, kind="stable")
            self._rows = order[np.searchsorted(targets, 0, sorter=order) :].astype(np.int32)
            self._targets = targets[self._rows]

    def __getstate__(self) -> dict[str, Any]:
        # What follows from the index is not sent to worker processes.
        return {key: value for key, value in vars(self).items() if key not in ("_rows", "_targets")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._choose_rows()

    @property
    def targets(self) -> np.ndarray:
        """The class of each picture, (N,) int16."""
        return self._index["labels"] if self._targets is None else self._targets

    @property
    def samples(self) -> Sequence[tuple[str, int]]:
        """The path and the class of each picture."""
        return _Samples(self)

    imgs = samples

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._transformed(self.load(index), int(self.targets[index]))

    def load(self, index: int) -> Image.Image:
        """The picture itself, without the transform; what the ``loader`` returns, if one was given."""
        row = self._row(index)
        if self.loader is default_loader:
            return decode_picture(
                lambda: self._files.read(self._index, row), self.describe(index), self.on_error
            )
        if self._files.is_archive:
            return self.loader(io.BytesIO(self._files.read(self._index, row)))
        return self.loader(self.describe(index))

    def describe(self, index: int) -> str:
        """The picture's path; in a tar, the tar's path followed by the name in it."""
        return self._files.path(self._index, self._row(index))

    def verify(self, num_workers: int = 2, checksums: bool = False) -> list[tuple[str, str]]:
        """Decodes every picture, in threads.

        Args:
            num_workers: the threads.
            checksums: whether to compare a published tar's MD5 first, too.

        Returns:
            The path and the reason of each broken one, after what is broken in the archives.
        """
        broken: list[tuple[str, str]] = list(self.problems)
        if checksums and self._files.base.is_file():
            expected, found = ARCHIVE_META[self.split][1], calculate_md5(self._files.base)
            if found != expected:
                broken.append((str(self._files.base), f"its MD5 must be {expected}, got {found}"))
        return broken + broken_pictures(self.load, self.describe, len(self), num_workers)

    def extra_repr(self) -> str:
        lines = [f"Split: {self.split}"]
        if self.problems:
            lines.append(f"Left out: {self.problems}")
        return "\n".join(lines)

    def _row(self, index: int) -> int:
        """The row of a picture in the index."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} is out of range for {len(self)} pictures")
        return int(index % len(self) if self._rows is None else self._rows[index])


class _Samples(Sequence[tuple[str, int]]):
    """The path and the class of each picture, made when they are asked for."""

    def __init__(self, dataset: ImageNet) -> None:
        self._dataset = dataset

    def __len__(self) -> int:
        return len(self._dataset)

    @overload
    def __getitem__(self, index: int) -> tuple[str, int]: ...

    @overload
    def __getitem__(self, index: slice) -> list[tuple[str, int]]: ...

    def __getitem__(self, index: int | slice) -> tuple[str, int] | list[tuple[str, int]]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return self._dataset.describe(index), int(self._dataset.targets[index])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]
