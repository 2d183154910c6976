"""Adds borders to inputs of all kinds."""

from __future__ import annotations

from collections.abc import Sequence

from ....ops.shape import stack
from ....tensor import Tensor
from ....tv_tensors import BoundingBoxes, KeyPoints, Mask
from ... import pad as pictures
from ..._arguments import Picture
from ._boxes import Points, shifted
from ._kernels import functional, kernel

__all__ = ["pad"]

Fill = float | Sequence[float] | None


@functional
def pad(
    inpt: Picture,
    padding: int | Sequence[int],
    fill: Fill = None,
    padding_mode: str = "constant",
) -> Picture:
    """Adds borders to an input of any kind, or cuts them off where a number is negative.

    Args:
        inpt: the input.
        padding: pixels on all sides, or (left and right, top and bottom), or (left, top, right,
            bottom).
        fill: value of the new pixels in mode ``"constant"``, one number or one for each channel; 0
            if None.
        padding_mode: ``"constant"``, ``"edge"``, ``"reflect"`` or ``"symmetric"``; for boxes and
            points only the first one.

    Raises:
        ValueError: for another ``padding_mode``, for other than 1, 2 or 4 numbers, or for several
            values of a mask.
    """
    if not (isinstance(inpt, Tensor) and isinstance(fill, Sequence)):
        return pictures.pad(inpt, padding, fill or 0, padding_mode)
    channels = inpt.unbind(-3)
    if len(fill) not in (1, len(channels)):
        raise ValueError(f"fill must be 1 or {len(channels)} numbers, got {list(fill)}")
    values = list(fill) * (len(channels) // len(fill))
    padded = [
        pictures.pad(channel, padding, value, padding_mode)
        for channel, value in zip(channels, values)
    ]
    return stack([part for part in padded if isinstance(part, Tensor)], -3)


@kernel(pad, Mask)
def _pad_mask(
    mask: Tensor, padding: int | Sequence[int], fill: Fill = None, padding_mode: str = "constant"
) -> Picture:
    if isinstance(fill, Sequence):
        raise ValueError(f"fill must be one number for a mask, got {fill}")  # noqa: TRY004
    return pictures.pad(mask, padding, fill or 0, padding_mode)


@kernel(pad, BoundingBoxes, KeyPoints)
def _pad_points(
    inpt: Points,
    padding: int | Sequence[int],
    fill: Fill = None,
    padding_mode: str = "constant",
) -> Points:
    if padding_mode != "constant":
        raise ValueError(f"{type(inpt).__name__} are not padded in mode {padding_mode!r}")
    left, top, right, bottom = pictures.check_padding(padding, padding_mode)
    height, width = inpt.canvas_size
    return shifted(inpt, left, top, (height + top + bottom, width + left + right))
