"""One iteration over the shards: its random numbers, and what turns out to be broken."""

from __future__ import annotations

from ...output import printable
from ...random import Generator
from ..loading import Loading
from ..problems import Problems

__all__ = ["BrokenSample", "Reading"]


class BrokenSample(ValueError):
    """A sample that cannot be read; the message gives its shard, its member and the reason."""


class Reading:
    """One iteration over the shards.

    Args:
        on_error: what happens with broken things: ``"raise"``, ``"skip"`` or ``"warn"``.
        known: the reason for each thing found broken, by its place; new ones are added.
        loading: the loader that asks for the samples, if one does.

    Attributes:
        generator: draws the order of the samples.
        new: what was left out and not known, unless a loader was told.
    """

    def __init__(self, on_error: str, known: dict[str, str], loading: Loading | None) -> None:
        self.on_error = on_error
        self.generator = Generator()
        self._known, self._loading = known, loading
        self.new = Problems()

    def broken(self, place: str, reason: str, error: Exception | None = None) -> None:
        """Leaves something out.

        Args:
            place: the shard, and the member in it.
            reason: what is wrong.
            error: what told so.

        Raises:
            BrokenSample: if ``on_error`` is ``"raise"``.
        """
        place, reason = printable(place), printable(reason)
        if self.on_error == "raise":
            raise BrokenSample(f"{place}: {reason}") from error
        is_new = place not in self._known
        self._known[place] = reason
        if self._loading is not None:
            self._loading.leave_out(place, reason, self.on_error == "warn")
        elif is_new:
            self.new.note(place, reason)
