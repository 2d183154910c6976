"""Adds borders to pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from ..ops.pad import pad as pad_tensor
from ..tensor import Tensor
from ._arguments import Picture, Transform, check_picture, check_tensor

PADDING_MODES = ("constant", "edge", "reflect", "symmetric")
Fill = float | Sequence[float] | None


def pad(
    img: Picture,
    padding: int | Sequence[int],
    fill: Fill = 0,
    padding_mode: str = "constant",
) -> Picture:
    """Adds borders to a picture, or cuts them off where a number is negative.

    Args:
        img: a PIL image or a tensor (…, H, W).
        padding: pixels on all sides, or (left and right, top and bottom), or (left, top, right,
            bottom).
        fill: value of the new pixels in mode ``"constant"``, one number or, for PIL images, one for
            each channel.
        padding_mode: ``"constant"``, ``"edge"`` (repeats the outermost pixels), ``"reflect"``
            (mirrors without repeating them) or ``"symmetric"`` (mirrors and repeats them).

    Raises:
        ValueError: for another ``padding_mode``, or for other than 1, 2 or 4 numbers.
        TypeError: for a sequence as ``fill`` of a tensor.
    """
    if isinstance(img, Tensor):
        if isinstance(fill, Sequence):
            raise TypeError(f"fill must be one number for a tensor, got {fill}")
        sides = check_padding(padding, padding_mode)
        return _pad_tensor(check_tensor(img), sides, fill or 0, padding_mode)
    left, top, right, bottom = sides = check_padding(padding, padding_mode)
    if padding_mode == "constant":
        color: Any = fill_color(fill, img)  # Pillow's annotation leaves out the floats of mode F
        out = ImageOps.expand(check_picture(img), sides, color)
    else:
        rows, columns = _kept(img.height, top, bottom), _kept(img.width, left, right)
        array = np.asarray(check_picture(img))[rows, columns]
        widths = [(max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0))]
        rest = [(0, 0)] * (array.ndim - 2)
        mode: Any = padding_mode
        out = Image.fromarray(np.pad(array, widths + rest, mode))
    if img.mode == "P":
        palette = img.getpalette()
        assert palette is not None  # mode P always has one
        out.putpalette(palette)
    return out


def _pad_tensor(
    img: Tensor, sides: tuple[int, int, int, int], fill: float, padding_mode: str
) -> Tensor:
    left, top, right, bottom = sides
    if padding_mode == "constant":
        return pad_tensor(img, (left, right, top, bottom), value=fill)
    rows = _repeated(img.shape[-2], top, bottom, padding_mode)
    columns = _repeated(img.shape[-1], left, right, padding_mode)
    return img[..., rows[:, None], columns]


def _kept(size: int, before: int, after: int) -> slice:
    """What negative borders leave of ``size`` pixels."""
    return slice(max(-before, 0), size + min(after, 0))


def _repeated(size: int, before: int, after: int, padding_mode: Any) -> np.ndarray:
    """Which of ``size`` pixels stands at each place after padding."""
    kept = np.arange(size)[_kept(size, before, after)]
    return np.pad(kept, (max(before, 0), max(after, 0)), padding_mode)


def check_padding(padding: int | Sequence[int], padding_mode: str) -> tuple[int, int, int, int]:
    if padding_mode not in PADDING_MODES:
        raise ValueError(f"padding_mode must be one of {PADDING_MODES}, got {padding_mode!r}")
    if not isinstance(padding, (int, list, tuple)):
        raise TypeError(f"padding must be 1, 2 or 4 integers, got {padding!r}")
    sides = [padding] if isinstance(padding, int) else list(padding)
    if len(sides) not in (1, 2, 4):
        raise ValueError(f"padding must be 1, 2 or 4 numbers, got {tuple(sides)}")
    left, top, right, bottom = sides * (4 // len(sides))
    return left, top, right, bottom


def fill_color(fill: Fill, img: Image.Image) -> float | tuple[float, ...]:
    """The fill value in the form that Pillow takes for the image's mode.

    Raises:
        ValueError: if there is neither one value nor one for each channel.
    """
    channels = len(check_picture(img).getbands())
    values: list[float] = list(fill) if isinstance(fill, Sequence) else [fill or 0]
    if len(values) not in (1, channels):
        raise ValueError(f"fill must be 1 or {channels} numbers for this image, got {values}")
    if img.mode != "F":
        values = [int(value) for value in values]
    return tuple(values * (channels // len(values))) if channels > 1 else values[0]


def check_fill(fill: Fill) -> float | Sequence[float]:
    """``fill`` as transforms keep it: 0 for None.

    Raises:
        TypeError: for anything but a number or a sequence.
    """
    if isinstance(fill, str) or not isinstance(fill, (int, float, Sequence, type(None))):
        raise TypeError(f"fill must be a number or a sequence, got {fill!r}")
    return 0 if fill is None else fill


class Pad(Transform):
    """Adds borders. See :func:`pad`."""

    shown = ("padding", "fill", "padding_mode")

    def __init__(
        self,
        padding: int | Sequence[int],
        fill: float | Sequence[float] = 0,
        padding_mode: str = "constant",
    ) -> None:
        super().__init__()
        if fill is None:
            raise TypeError("fill must be a number or a sequence, got None")
        check_padding(padding, padding_mode)
        self.padding, self.fill, self.padding_mode = padding, check_fill(fill), padding_mode

    def forward(self, img: Picture) -> Picture:
        return pad(img, self.padding, self.fill, self.padding_mode)
