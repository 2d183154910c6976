"""Files that a command writes: whole or not at all, and refused before the work begins."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from ..io.atomic import replacing
from ..output import printable

__all__ = ["check_folders", "check_picture_name", "write_csv", "write_picture"]


def check_folders(*paths: Path | None) -> None:
    """Raises a FileNotFoundError for a file whose folder does not exist."""
    for path in paths:
        if path is not None and not path.parent.is_dir():
            raise FileNotFoundError(f"cannot write {path}: there is no folder {path.parent}")


def check_picture_name(path: Path) -> str:
    """The format of a picture's file, by its ending.

    Raises:
        ValueError: for an ending that Pillow does not know.
    """
    known = Image.registered_extensions()
    if path.suffix.lower() not in known:
        raise ValueError(f"cannot write {path}: its name must end as a picture's, such as .png")
    return known[path.suffix.lower()]


def write_picture(picture: Image.Image, path: Path) -> None:
    """Writes a picture in the format of the file's ending."""
    with replacing(path) as file:
        picture.save(file, check_picture_name(path))


def write_csv(path: Path, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Writes a CSV file in UTF-8, with a line of names first."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    with replacing(path) as file:
        file.write(printable(text.getvalue()).encode())
