"""The lines of small CSV files, such as lists of classes."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = ["Line", "csv_lines"]


class Line(NamedTuple):
    """A line of a CSV file.

    Attributes:
        number: from 1.
        text: all of it.
        fields: what is between its commas, without quotes; none if it is no CSV.
    """

    number: int
    text: str
    fields: list[str]


def csv_lines(path: Path) -> Iterator[Line]:
    """The lines of a file that are not blank, also as Windows programs write them."""
    text = path.read_bytes().decode("utf-8-sig", "surrogateescape").replace("\0", "?")
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if line.strip():
            yield Line(number, line, _fields(line))


def _fields(line: str) -> list[str]:
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []
