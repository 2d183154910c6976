"""What ``--data`` names: a path, and the dataset that is there."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

__all__ = ["DataSource", "data_source"]

_KIND = re.compile(r"([a-z]{2,}):(.*)", re.DOTALL)  # no single letter: it is a drive of Windows


class DataSource(NamedTuple):
    """What ``--data`` names.

    Attributes:
        kind: the dataset's name before the colon; empty for a path alone.
        path: where it is.
    """

    kind: str
    path: Path

    def __str__(self) -> str:
        return f"{self.kind}:{self.path}" if self.kind else str(self.path)


def data_source(*kinds: str) -> Callable[[str], DataSource]:
    """The type of an option that takes ``PATH``, or ``KIND:PATH`` for a dataset with a reader of its own.

    A path that exists is always meant as it stands.

    Args:
        kinds: the datasets that the script reads, such as ``"imagenet"``.
    """

    def parse(text: str) -> DataSource:
        found = _KIND.fullmatch(text)
        if found is None or os.path.exists(text):
            return DataSource("", Path(text))
        kind, path = found.groups()
        if kind not in kinds:
            known = ", ".join(f"{name}:FOLDER" for name in kinds)
            raise argparse.ArgumentTypeError(f"must be a path or one of {known}, got {text}")
        return DataSource(kind, Path(path).expanduser())

    return parse
