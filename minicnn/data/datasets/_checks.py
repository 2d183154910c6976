"""Errors about a dataset's files: missing, damaged or not the published ones."""

from __future__ import annotations

import os
from collections.abc import Iterable

from ..vision_dataset import DatasetNotFound
from .utils import calculate_md5

__all__ = ["check_md5_if_whole", "check_there", "unusable"]

_ADVICE = "Delete it and pass download=True"


def check_there(name: str, paths: Iterable[str | os.PathLike[str]], source: str) -> None:
    """Raises an error unless all files or folders of a dataset are there.

    Args:
        name: the dataset.
        paths: what must be there.
        source: an address where a person finds the files.
    """
    missing = [os.fspath(path) for path in paths if not os.path.exists(path)]
    if missing:
        raise DatasetNotFound(
            f"{name} is not there: {missing[0]!r} is missing. Pass download=True, or get the files "
            f"from {source}"
        )


def check_md5_if_whole(
    path: str | os.PathLike[str], md5: str, count: int, published_count: int
) -> None:
    """Raises a RuntimeError if a file has as many samples as the published one, but another MD5.

    torchvision refuses all files with another MD5. Here a part of a dataset, or one of your own in
    its format, can be read as well.
    """
    if count == published_count:
        found = calculate_md5(path)
        if found != md5:
            raise unusable(f"{os.fspath(path)!r} is damaged: its MD5 must be {md5}, got {found}")


def unusable(reason: object) -> RuntimeError:
    """The error for a file that is damaged or of another kind, with what to do about it."""
    return RuntimeError(f"{reason}. {_ADVICE}")
