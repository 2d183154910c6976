"""How values between pixels are computed, by a name or as in the first transforms."""

from __future__ import annotations

from ...interpolation import InterpolationMode

__all__ = ["Interpolation", "mode_of"]

Interpolation = InterpolationMode | int | str


def mode_of(interpolation: Interpolation) -> InterpolationMode:
    """The mode of a name such as ``"bilinear"`` or of a constant of Pillow; a mode stays as it is.

    Raises:
        ValueError: for another name.
        TypeError: for anything else.
    """
    if isinstance(interpolation, str):
        return InterpolationMode(interpolation)
    return InterpolationMode.of(interpolation)
