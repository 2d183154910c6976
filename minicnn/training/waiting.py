"""How long a training waits for its data."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

__all__ = ["Waiting"]

Item = TypeVar("Item")


class Waiting(Iterator[Item], Generic[Item]):
    """The items of an iterable, such as the batches of a loader; it measures how long each takes to come.

    Where a GPU computes while the program waits, not all of that time is lost.

    Args:
        items: any iterable.
        seconds: waited before.

    Attributes:
        seconds: waited so far.
    """

    def __init__(self, items: Iterable[Item], seconds: float = 0.0) -> None:
        self._items = iter(items)
        self.seconds = seconds

    def __next__(self) -> Item:
        start = time.perf_counter()
        try:
            return next(self._items)
        finally:
            self.seconds += time.perf_counter() - start
