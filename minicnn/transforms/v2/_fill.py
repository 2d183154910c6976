"""The values of new pixels, which may depend on what is filled: an image or a mask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["Fill", "FillByKind", "check_fill", "fill_for"]

Fill = float | Sequence[float] | None
FillByKind = Fill | dict[type | str, Fill]


def check_fill(fill: FillByKind) -> FillByKind:
    """``fill`` itself.

    Raises:
        TypeError: for anything but a number, a sequence or None, or a dict of them.
    """
    for value in fill.values() if isinstance(fill, Mapping) else (fill,):
        if isinstance(value, str) or not isinstance(value, (int, float, Sequence, type(None))):
            raise TypeError(f"fill must be a number, a sequence or a dict of them, got {fill!r}")
    return fill


def fill_for(fill: FillByKind, kind: type) -> Fill:
    """The value for inputs of a class: of a dict what stands there for it, or for ``"others"``."""
    if isinstance(fill, Mapping):
        return fill.get(kind, fill.get("others"))
    return fill
