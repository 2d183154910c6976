"""A few pictures of a dataset, to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .picture import BrokenPicture

__all__ = ["Preview", "evenly_spaced"]


class Preview(NamedTuple):
    """What :func:`evenly_spaced` returns: a list each of pictures, labels and file names."""

    images: list[Any]
    labels: list[int]
    names: list[str]


def evenly_spaced(pictures: Any, count: int) -> Preview:
    """Pictures at equal distances from the first to the last, without the broken ones.

    Args:
        pictures: a dataset of (picture, label) whose ``describe(index)`` gives a path.
        count: how many, if there are so many.

    Returns:
        The pictures, labels and file names. A line is printed for each picture that is left out.

    Raises:
        BrokenPicture: if none of them can be read.
    """
    found = Preview([], [], [])
    for index in np.linspace(0, len(pictures) - 1, min(count, len(pictures)), dtype=int):
        try:
            image, label = pictures[index]
        except BrokenPicture as error:
            print(f"warning: left out {error}")
            continue
        found.images.append(image)
        found.labels.append(label)
        found.names.append(Path(pictures.describe(index)).name)
    if not found.images:
        raise BrokenPicture("none of the pictures to look at can be read")
    return found
