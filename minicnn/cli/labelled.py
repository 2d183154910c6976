"""Labelled pictures to measure a network on: those of its run that it has not trained on, or others."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import numpy as np

from ..data import Dataset, DogsVsCats, ImageFolder, ImageNet, Subset, load_picture
from ..data.datasets.imagenet_classes import synsets
from ..data.dogs_vs_cats import picture_key
from ..data.split import targets_of
from ..tensor import Tensor
from ..transforms.functional import pil_to_tensor
from .network import Network

__all__ = ["Labelled", "LabelledPictures", "open_labelled", "some_of"]


class Labelled(NamedTuple):
    """Pictures (N, 3, H, W) of bytes with the network's classes, and in words which they are."""

    pictures: LabelledPictures
    what: str


class LabelledPictures(Dataset[tuple[Tensor, int]]):
    """A dataset of pictures and classes, prepared for a network.

    Args:
        dataset: gives pictures and classes.
        cut: called with a picture, returns the part that the network sees.
        numbers: the network's class for each of the dataset's.
    """

    def __init__(self, dataset: Any, cut: Callable[[Any], Any], numbers: Sequence[int]) -> None:
        self.dataset, self.cut, self.numbers = dataset, cut, numbers

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        picture, label = self.dataset[index]
        return pil_to_tensor(self.cut(picture)), self.numbers[label]

    def __len__(self) -> int:
        return len(self.dataset)

    def describe(self, index: int) -> str:
        """The picture's path."""
        return self.dataset.describe(index)


def open_labelled(network: Network, run_folder: Path | None, data: list[str] | None) -> Labelled:
    """The pictures to measure a network on.

    Args:
        network: with its run's metrics, if it is of a run.
        run_folder: of the run.
        data: where the pictures are; None for the run's own place.

    Raises:
        FileNotFoundError: if they are not there.
        ValueError: if the run does not tell which pictures it has trained on, if all of them are
            among these, or if a class is none of the network's.
    """
    settings = network.metrics.get("settings", {})
    paths = data or _of_run(settings, run_folder)
    classes = [name.lower() for name in network.classes]
    if paths[0].startswith("imagenet:"):
        dataset: Any = ImageNet(
            paths[0].partition(":")[2], "val", wnids=_wnids(network), on_error="warn"
        )
        numbers: Sequence[int] = range(len(classes))
        chosen, what = None, "of ImageNet's validation pictures"
    elif sorted(classes) == ["cat", "dog"]:
        if not _tells_apart(picture_key, settings):
            paths = [str(_held_out(path)) for path in paths]
        dataset = DogsVsCats(paths, on_error="warn")
        numbers = [classes.index(name) for name in dataset.classes]
        chosen, what = _chosen(dataset, settings, picture_key)
    else:
        dataset = _folder(paths)
        numbers = _numbers(dataset.classes, network.classes)
        chosen, what = _chosen(dataset, settings, lambda path: PurePath(path).parts[-2:])
    if chosen is not None:
        dataset = Subset(dataset, chosen)
    cut = network.description.preset().cut
    return Labelled(LabelledPictures(dataset, cut, numbers), f"{len(dataset)} {what}")


def _of_run(settings: dict[str, Any], folder: Path | None) -> list[str]:
    """Where a run had its pictures."""
    if folder is None:
        raise ValueError("there is no --data, the labelled pictures, and no run that had some")
    found = settings.get("data")
    if found is None:  # they were drawn, into the run's own folder
        drawn = {PurePath(name).parts[0] for name in settings["pictures"]["val"]}
        paths = [str(folder / name) for name in sorted(drawn)]
    else:
        paths = [found] if isinstance(found, str) else found
    for path in paths:
        if not path.startswith("imagenet:") and not Path(path).exists():
            raise FileNotFoundError(
                f"the run's pictures are no longer at {path}: tell where they are, --data PATH"
            )
    return paths


def _wnids(network: Network) -> list[str]:
    """ImageNet's ids of the network's classes."""
    if len(network.classes) == len(synsets()):
        return list(synsets())
    return [name.partition(" ")[0] for name in network.classes]  # of train_classifier.py


def _folder(paths: Sequence[str]) -> ImageFolder:
    """A folder for each class."""
    if len(paths) > 1:
        raise ValueError(f"--data must be one folder of classes, got {' '.join(paths)}")
    return ImageFolder(_held_out(paths[0]), loader=functools.partial(load_picture, on_error="warn"))


def _held_out(path: str) -> Path:
    """The folder ``val`` where there is one beside a folder ``train``, or the path itself."""
    root = Path(path)
    return root / "val" if (root / "train").is_dir() and (root / "val").is_dir() else root


def _numbers(folders: Sequence[str], classes: Sequence[str]) -> list[int]:
    """The number of each folder's class."""
    known = {name: number for number, name in enumerate(classes)}
    if strange := [name for name in folders if name not in known]:
        raise ValueError(
            f"each folder must be one of the network's {len(classes)} classes ({some_of(classes)}), "
            f"got {some_of(strange)}"
        )
    return [known[name] for name in folders]


def some_of(names: Sequence[str]) -> str:
    """The first names, for a message."""
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")


def _chosen(
    dataset: Any, settings: dict[str, Any], identity: Callable[[str], Any]
) -> tuple[np.ndarray | None, str]:
    """Which pictures were not trained on, and what they are; ``identity`` is the same in any place."""
    if not settings:
        return None, "pictures"
    if "pictures" not in settings:
        raise ValueError(
            "the run does not list its pictures (it is of an earlier version), so nobody can tell "
            "which of these it has trained on"
        )
    if not _tells_apart(identity, settings):
        identity = _in_its_part
    places = {identity(dataset.describe(i)): i for i in range(len(targets_of(dataset)))}
    train, val = (
        {identity(name) for name in settings["pictures"][part]} for part in ("train", "val")
    )
    found = sorted(place for key, place in places.items() if key in val)
    if found:
        return np.array(found), f"of the run's {len(val)} validation pictures"
    others = sorted(place for key, place in places.items() if key not in train)
    if not others:
        raise ValueError(f"the run has trained on all of these {len(places)} pictures")
    return np.array(others), "pictures that the run does not know"


def _tells_apart(identity: Callable[[str], Any], settings: dict[str, Any]) -> bool:
    """Whether a run's training pictures have other identities than its validation pictures."""
    pictures = settings.get("pictures", {"train": [], "val": []})
    return set(map(identity, pictures["train"])).isdisjoint(map(identity, pictures["val"]))


def _in_its_part(path: str) -> tuple[str, ...]:
    """The identity of pictures that are numbered in train and val anew, such as train/cat/1.jpg."""
    return PurePath(path).parts[-3:]
