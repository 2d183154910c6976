"""What an iterable dataset can ask the loader that iterates over it, and tell it.

A generator ends with the first error that it raises, so it cannot raise :class:`SkipSample` for one
broken sample and go on with the next, as ``dataset[index]`` can.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Loading", "current_loading", "use_loading"]

_local = threading.local()


class Loading:
    """An epoch of a loader, as one of its workers loads it.

    Attributes:
        epoch: its number, from 0.
    """

    def __init__(self) -> None:
        self.epoch = 0
        self._left_out: list[tuple[str, str, bool]] = []

    def leave_out(self, place: str, reason: str, warn: bool) -> None:
        """Says that a sample is left out: ``DataLoader.skipped`` then has the reason by the place.

        Args:
            place: the file and the member in it.
            reason: what is wrong with it.
            warn: about this one by itself, not once for all at the end of the epoch.
        """
        self._left_out.append((place, reason, warn))

    def take_left_out(self) -> list[tuple[str, str, bool]]:
        """What was left out since the last call."""
        taken, self._left_out = self._left_out, []
        return taken


def current_loading() -> Loading | None:
    """The epoch that this code is run for; None outside of loaders."""
    return getattr(_local, "loading", None)


@contextmanager
def use_loading(loading: Loading) -> Iterator[None]:
    """Makes ``loading`` the current one of this thread inside a ``with`` block."""
    before = current_loading()
    _local.loading = loading
    try:
        yield
    finally:
        _local.loading = before
