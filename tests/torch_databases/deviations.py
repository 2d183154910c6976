"""What minicnn refuses although torch answers; never another number."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .judge import Disagreement


@dataclass
class Deviation:
    """A refusal that is meant.

    Args:
        name: of the operation, module or optimizer in the databases.
        error: a pattern for minicnn's error.
        reason: why it is refused.
        example: a call of it, given torch or minicnn.
    """

    name: str
    error: str
    reason: str
    example: Callable[[Any], Any]

    def covers(self, name: str, disagreement: Disagreement) -> bool:
        """Whether a disagreement is this one."""
        same = name.partition(".")[0] == self.name or name == self.name
        return (
            same
            and disagreement.kind == "refused"
            and bool(re.search(self.error, disagreement.text))
        )


DEVIATIONS: list[Deviation] = []


def check(name: str, cases: Iterable[Any], share: int | None = None) -> None:
    """Fails if minicnn differs from torch in one of the cases of ``name`` by more than is stated.

    Args:
        cases: of ``operations.py``, ``modules.py`` or ``optimizers.py``.
        share: how many of them to run, always the same; all, if None.
    """
    if share is not None:
        everything = list(cases)
        cases = random.Random(name).sample(everything, min(share, len(everything)))
    found = [disagreement for case in cases if (disagreement := case.disagreement())]
    rest = [d for d in found if not any(e.covers(name, d) for e in DEVIATIONS)]
    assert not rest, f"{len(rest)} disagreements, the first:\n" + "\n".join(map(str, rest[:8]))
