"""What the datasets of pictures share: transforms, and how they are printed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .dataset import Dataset

__all__ = ["DatasetNotFound", "StandardTransform", "VisionDataset"]


class DatasetNotFound(FileNotFoundError, RuntimeError):
    """A dataset's files are not there; a RuntimeError, too, as torchvision raises one."""


class StandardTransform:
    """Two transforms as one: ``transform`` of the picture, ``target_transform`` of its target."""

    def __init__(
        self,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
    ) -> None:
        self.transform, self.target_transform = transform, target_transform

    def __call__(self, input: Any, target: Any) -> tuple[Any, Any]:
        if self.transform is not None:
            input = self.transform(input)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return input, target

    def __repr__(self) -> str:
        lines = [type(self).__name__]
        for head, transform in (
            ("Transform: ", self.transform),
            ("Target transform: ", self.target_transform),
        ):
            if transform is not None:
                lines.append(head + repr(transform).replace("\n", "\n" + " " * len(head)))
        return "\n".join(lines)


class VisionDataset(Dataset):
    """A dataset of pictures; subclasses define ``__getitem__`` and ``__len__``.

    Args:
        root: where the files are; ``~`` is the home folder.
        transforms: called with a picture and its target, returns both.
        transform, target_transform: instead of ``transforms``, called with one of them each.

    Raises:
        ValueError: if ``transforms`` and one of the others are given.

    As ``torchvision.datasets.VisionDataset``.
    """

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        transforms: Callable[[Any, Any], Any] | None = None,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
    ) -> None:
        self.root: Any = root
        if isinstance(root, (str, Path)):
            self.root = type(root)(os.path.expanduser(root))
        separate = transform is not None or target_transform is not None
        if transforms is not None and separate:
            raise ValueError("either transforms or transform and target_transform may be given")
        self.transform, self.target_transform = transform, target_transform
        self.transforms = StandardTransform(transform, target_transform) if separate else transforms

    def _transformed(self, picture: Any, target: Any) -> tuple[Any, Any]:
        """A sample; ``transform`` and ``target_transform`` may have been changed since the start."""
        if self.transform is not None:
            picture = self.transform(picture)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return picture, target

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} must define __len__()")

    def extra_repr(self) -> str:
        """What ``repr`` shows between the root and the transforms; nothing by default."""
        return ""

    def __repr__(self) -> str:
        lines = [f"Number of datapoints: {len(self)}"]
        if self.root is not None:
            lines.append(f"Root location: {self.root}")
        lines += self.extra_repr().splitlines()
        if getattr(self, "transforms", None) is not None:
            lines.append(repr(self.transforms))
        return "\n    ".join([f"Dataset {type(self).__name__}", *lines])
