"""The classes of ImageNet (ILSVRC 2012): their ids and names, and the class of each validation picture.

The ids are WordNet's. Sorted, they are in the order in which networks are published.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

__all__ = ["synsets", "validation_labels"]

_FOLDER = Path(__file__).parent


@functools.cache
def synsets() -> dict[str, tuple[str, ...]]:
    """The names of each class by its id, such as ``n01440764``, in the order of the classes."""
    lines = (_FOLDER / "imagenet_synsets.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split(" ", 1) for line in lines)
    return {wnid: tuple(names.split(", ")) for wnid, names in pairs}


@functools.cache
def validation_labels() -> np.ndarray:
    """The class, 0 to 999, of the validation pictures 1 to 50,000, (50000,) int16."""
    return np.fromfile(_FOLDER / "imagenet_val.int16", "<i2").astype(np.int16, copy=False)
