"""Where minicnn differs from torch's databases, and why."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

from .judge import Disagreement

# By operation, module or optimizer. An entry allows an error where torch answers, or a value that one
# half of torch gives and the other does not: never a number that torch does not give.
_AT_NAN = (
    "at NaN, the gradient passes, as in torch's plain loops; its vectorised ones give NaN or 0"
)
_WITH_NAN = ("celu", "elu", "hardshrink", "hardtanh", "relu6", "selu", "softshrink")
DEVIATIONS = dict.fromkeys(_WITH_NAN, _AT_NAN) | {
    "addbmm": "in place, torch gives a tensor without dimensions the shape of the result",
    "matrix_exp": "in half precision, torch's gradient may be NaN",
}


def is_stated(name: str, disagreement: Disagreement) -> bool:
    """Whether a disagreement about an operation, a module or an optimizer is one of those above."""
    bare = name.rpartition(".")[2]
    return bare in DEVIATIONS and disagreement.kind in ("refused", "contradiction")


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
    rest = [d for d in found if not is_stated(name, d)]
    assert not rest, f"{len(rest)} disagreements, the first:\n" + "\n".join(map(str, rest[:8]))
