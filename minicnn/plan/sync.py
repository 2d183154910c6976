"""Where the threads of a plan must wait for each other.

Each step has a part for each thread. A thread may go on to its part of the next step while others are
still busy, unless that part touches memory that another thread writes, or writes what another one
reads. Whether it does follows from the arrays of its calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..kernels.cpu.planned import Part, Step

__all__ = ["Touched", "barriers"]

_EXACT = 1000  # how much work NumPy may take to find out whether two arrays overlap


@dataclass
class Touched:
    """Arrays that are read and written."""

    read: list[np.ndarray] = field(default_factory=list)
    written: list[np.ndarray] = field(default_factory=list)

    def add(self, other: Touched) -> None:
        """Adds what another one touches."""
        self.read += other.read
        self.written += other.written

    def conflicts(self, other: Touched) -> bool:
        """Whether either writes what the other one reads or writes."""
        return _overlap(self.written, other.written + other.read) or _overlap(
            self.read, other.written
        )


def _overlap(some: list[np.ndarray], others: list[np.ndarray]) -> bool:
    return any(_share(a, b) for a in some for b in others)


def _share(a: np.ndarray, b: np.ndarray) -> bool:
    if not np.may_share_memory(a, b):
        return False
    try:
        return np.shares_memory(a, b, max_work=_EXACT)  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return True


def barriers(steps: Sequence[Step], blocks: Sequence[np.ndarray]) -> list[bool]:
    """For each step, whether all threads must wait for each other before it.

    Args:
        steps: what the threads run.
        blocks: the memory that they share.
    """
    needed: list[bool] = []
    since: list[Touched] = []  # of each thread, after the last barrier
    for step in steps:
        touched = [_touched(part, blocks) for part in step.parts]
        since += [Touched() for _ in touched[len(since) :]]
        waits = any(
            mine.conflicts(theirs)
            for i, mine in enumerate(touched)
            for j, theirs in enumerate(since)
            if i != j
        )
        needed.append(waits)
        if waits:
            since = [Touched() for _ in since]
        for mine, theirs in zip(since, touched):
            mine.add(theirs)
    return needed


def _touched(part: Part, blocks: Sequence[np.ndarray]) -> Touched:
    """What the calls of a part touch of the blocks."""
    touched = Touched()
    for call in part.calls:
        read, written = _arguments(call)
        touched.read += _within(read, blocks)
        touched.written += _within(written, blocks)
    return touched


def _within(arrays: Iterable[Any], blocks: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [
        a
        for a in arrays
        if isinstance(a, np.ndarray) and any(np.may_share_memory(a, block) for block in blocks)
    ]


def _arguments(call: Any) -> tuple[list[Any], list[Any]]:
    """What a call reads and what it writes; for a function that is not NumPy's, both are everything."""
    function, arguments = call.func, list(call.args)
    others = list(call.keywords.values())
    if function is np.copyto:
        return [*arguments[1:], *others], arguments[:1]
    if isinstance(function, np.ufunc):
        return arguments[: function.nin] + others, arguments[function.nin :] + others
    if function is np.clip:
        return arguments[:3], arguments[3:] + others
    everything = [*arguments, *others, getattr(function, "__self__", None)]
    return everything, everything
