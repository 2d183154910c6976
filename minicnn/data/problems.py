"""What is broken in the files of a dataset: where, why and how often."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..output import printable
from ..warn import warn
from .packed import PackedStrings
from .picture import check_on_error

__all__ = ["Problem", "Problems", "problems_of"]

_KEPT = 1000  # with their places; the others are counted


class Problem(NamedTuple):
    """A broken thing.

    Attributes:
        where: the file, and the member or the line in it.
        reason: what is wrong with it.
    """

    where: str
    reason: str

    def __str__(self) -> str:
        return printable(f"{self.where}: {self.reason}")


class Problems:
    """The broken things that were found while the files of a dataset were read.

    Args:
        found: of each the place and the reason; :meth:`note` adds more.
        count: how many there are, if only the first were kept.
    """

    def __init__(self, found: list[Problem] | None = None, count: int | None = None) -> None:
        self.found = [] if found is None else found
        self.count = len(self.found) if count is None else count

    def note(self, where: str, reason: str) -> None:
        """Counts a broken thing."""
        self.count += 1
        if len(self.found) < _KEPT:
            self.found.append(Problem(where, reason))

    def report(self, on_error: str, what: str) -> None:
        """Says what was found.

        Args:
            on_error: ``"raise"`` the first, ``"skip"`` all with one warning, ``"warn"`` for each.
            what: where they were found, for the warning: ``"the annotations"``.

        Raises:
            ValueError: if something was found, and ``on_error`` is ``"raise"`` or unknown.
        """
        check_on_error(on_error)
        if not self.count:
            return
        others = f" (and {self.count - 1} more)" if self.count > 1 else ""
        if on_error == "raise":
            raise ValueError(f"{self.found[0]}{others}; on_error='skip' leaves out what is broken")
        if on_error == "skip":
            text = f"left out {self} of {what}, the first: {self.found[0]}"
            warn(text)
            return
        for problem in self.found:
            warn(f"left out {problem}")
        if self.count > len(self.found):
            more = self.count - len(self.found)
            warn(f"left out {more} more broken parts of {what}")

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Problem]:
        return iter(self.found)

    def __repr__(self) -> str:
        return f"Problems({self.count})"

    def __str__(self) -> str:
        return f"{self.count} broken part{'' if self.count == 1 else 's'}"

    def arrays(self) -> dict[str, np.ndarray]:
        """The same as arrays, for an :class:`~minicnn.data.index.Index`."""
        return {
            **PackedStrings.pack(problem.where for problem in self.found).arrays("problems.where"),
            **PackedStrings.pack(problem.reason for problem in self.found).arrays("problems.why"),
            "problems.count": np.array(self.count, np.int64),
        }

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Problems:
        """What :meth:`arrays` put among others."""
        where, why = (
            PackedStrings.of_arrays(arrays, f"problems.{name}") for name in ("where", "why")
        )
        found = [Problem(*pair) for pair in zip(where, why, strict=True)]
        return cls(found, int(arrays["problems.count"]))


def problems_of(dataset: Any) -> list[Problems]:
    """The attribute ``problems`` of a dataset, else those of the datasets that it wraps."""
    if hasattr(dataset, "problems"):
        return [dataset.problems]
    wrapped = getattr(dataset, "datasets", None) or getattr(dataset, "dataset", None)
    if isinstance(wrapped, dict):  # of a StackDataset
        wrapped = list(wrapped.values())
    if not isinstance(wrapped, list | tuple):
        wrapped = [] if wrapped is None else [wrapped]
    return [problems for part in wrapped for problems in problems_of(part)]
