"""Which pictures of Open Images to take, and which of their annotations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from .scan import begins_of_runs

__all__ = ["Chosen", "choose_rows", "first_pictures"]


class Chosen(NamedTuple):
    """Rows of some classes.

    Attributes:
        images: numbers of the pictures that have such rows, (N,) int64, ascending.
        rows: numbers of these rows, (R,) int64; those of a picture follow each other.
        image_of_row: the picture of each, (R,) int64.
    """

    images: np.ndarray
    rows: np.ndarray
    image_of_row: np.ndarray


def choose_rows(index: Mapping[str, np.ndarray], number: np.ndarray) -> Chosen:
    """The rows of some classes.

    Args:
        index: what :func:`~.scan.scan` found.
        number: of each class in the subset, (C,) int64; -1 if it is not in it.

    Labels that say that a class is not there choose no picture.
    """
    wanted = (number >= 0)[index["label"]]
    if "positive" in index:
        wanted &= index["positive"] == 1
    rows = np.flatnonzero(wanted)
    image_of_row = np.searchsorted(index["first"], rows, side="right") - 1
    return Chosen(image_of_row[begins_of_runs(image_of_row)], rows, image_of_row)


def first_pictures(
    count: int, images: np.ndarray, missing: np.ndarray, label: np.ndarray, image: np.ndarray
) -> np.ndarray:
    """The first pictures in rounds: the first one of each class, the second of each, and so on.

    Args:
        count: how many.
        images: numbers of all pictures, (N,), ascending.
        missing: whether each is missing, (N,) bool; these come last.
        label, image: class and picture of each annotation, (R,) each.

    Returns:
        Which to take, positions in ``images``, ascending.
    """
    position = np.searchsorted(images, image)
    # A number for each class and picture in it: by class, missing ones last, then by picture.
    pairs = np.sort((label * 2 + missing[position]) * len(images) + position)
    pairs = pairs[begins_of_runs(pairs)]
    label, position = pairs // (2 * len(images)), pairs % len(images)
    begins = np.searchsorted(label, label)  # of each class, among the pairs
    round_ = np.full(len(images), len(pairs))
    np.minimum.at(round_, position, np.arange(len(pairs)) - begins)
    order = np.lexsort((round_, missing))
    return np.sort(order[:count])
