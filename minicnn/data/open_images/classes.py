"""The classes of Open Images: machine ids such as ``/m/01yrx``, and their names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..csv_lines import csv_lines
from ..packed import PackedStrings
from ..problems import Problems

__all__ = ["Classes", "find_classes", "read_classes"]


class Classes(NamedTuple):
    """Classes in the order of their numbers.

    Attributes:
        mids: machine ids.
        names: display names.
    """

    mids: Sequence[str]
    names: Sequence[str]

    def arrays(self) -> dict[str, np.ndarray]:
        """The same as arrays, for an :class:`~minicnn.data.index.Index`."""
        return {
            **PackedStrings.pack(self.mids).arrays("mids"),
            **PackedStrings.pack(self.names).arrays("names"),
        }

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Classes:
        """What :meth:`arrays` put among others."""
        return cls(*(PackedStrings.of_arrays(arrays, name)[:] for name in ("mids", "names")))


def read_classes(descriptions: Path, chosen: Path | None, problems: Problems) -> Classes:
    """The classes of a file of descriptions.

    Args:
        descriptions: a CSV file of machine ids and names, with or without a header.
        chosen: a file with the machine ids of some of them, one in a line; None for all.
        problems: takes what is wrong with their lines.

    Raises:
        ValueError: if there is no class.
    """
    names: dict[str, str] = {}
    for number, line, fields in csv_lines(descriptions):
        where = f"{descriptions}, line {number}"
        if len(fields) != 2 or not fields[0]:
            problems.note(where, f"it should be a class and its name, got {line[:80]!r}")
        elif names.get(fields[0], fields[1]) != fields[1]:
            problems.note(where, f"{fields[0]} is {fields[1]!r} here, {names[fields[0]]!r} before")
        elif not (number == 1 and fields[0] == "LabelName"):
            names[fields[0]] = fields[1]
    mids = list(names)
    if chosen is not None:
        mids = []
        for number, mid, _ in csv_lines(chosen):
            if mid in names and mid not in mids:
                mids.append(mid)
            else:
                problems.note(f"{chosen}, line {number}", f"{mid[:80]!r} is not in {descriptions}")
    if not mids:
        of = f" of {chosen}" if chosen else ""
        raise ValueError(f"no class{of} is in {descriptions}")
    return Classes(mids, [names[mid] for mid in mids])


def find_classes(wanted: str | Iterable[str], classes: Classes) -> list[int]:
    """The numbers of some classes, each given by its display name or its machine id.

    Raises:
        ValueError: if there is none, one is unknown, named twice, or several have its name.
    """
    wanted = [wanted] if isinstance(wanted, str) else list(wanted)
    if not wanted:
        raise ValueError("classes must name at least one class, or be None for all, got none")
    with_name: dict[str, list[int]] = {mid: [i] for i, mid in enumerate(classes.mids)}
    for i, name in enumerate(classes.names):
        with_name.setdefault(name, []).append(i)
    numbers = []
    for name in wanted:
        found = with_name.get(name, [])
        if not found:
            raise ValueError(f"no class is named {name!r}{_suggestion(name, with_name)}")
        if len(found) > 1:
            mids = ", ".join(classes.mids[i] for i in found)
            raise ValueError(f"{len(found)} classes are named {name!r}: give one of {mids}")
        numbers += found
    if len(set(numbers)) < len(numbers):
        raise ValueError(f"classes must differ, got {wanted}")
    return numbers


def _suggestion(name: str, known: Iterable[str]) -> str:
    by_lower = {one.lower(): one for one in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=3)
    return f"; close ones are {', '.join(repr(by_lower[one]) for one in close)}" if close else ""
