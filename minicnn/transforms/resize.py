"""Resizes pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..ops.resize import interpolate
from ..tensor import Tensor
from ..warn import warn
from ._arguments import Picture, Transform, check_picture
from ._batches import in_floats
from .dimensions import get_dimensions
from .interpolation import InterpolationMode


def resize(
    img: Picture,
    size: int | Sequence[int],
    interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> Picture:
    """Resizes a picture.

    Args:
        img: a PIL image or a tensor (…, H, W).
        size: (height, width), or one number for the shorter side; the longer one is then
            ``int(size * long / short)``.
        interpolation: an :class:`InterpolationMode` or a Pillow constant; for a tensor one of
            nearest, nearest-exact, bilinear and bicubic.
        max_size: the longer side's largest allowed length, if ``size`` is one number.
        antialias: for tensors, whether a smaller image averages over all pixels in reach; Pillow
            always does so.

    Raises:
        TypeError: for another ``interpolation``.
        ValueError: if ``max_size`` is not above ``size``, or is given with (height, width).
    """
    mode = InterpolationMode.of(interpolation)
    _, height, width = get_dimensions(img)
    new = resized_size((height, width), size, max_size)
    if new == (height, width):
        return img
    if isinstance(img, Tensor):
        return _resize_tensor(img, new, mode.value, bool(antialias))
    if antialias is False:
        warn("antialias=False has no effect on PIL images")
    return check_picture(img).resize((new[1], new[0]), mode.pil)


def _resize_tensor(img: Tensor, size: tuple[int, int], mode: str, antialias: bool) -> Tensor:
    smooth = mode in ("bilinear", "bicubic")

    def compute(batch: Tensor) -> Tensor:
        align_corners = False if smooth else None
        out = interpolate(
            batch, size, mode=mode, align_corners=align_corners, antialias=antialias and smooth
        )
        return out.clamp(0, 255) if mode == "bicubic" and img.array.dtype == np.uint8 else out

    return in_floats(img, compute)


def resized_size(
    old: tuple[int, int], size: int | Sequence[int], max_size: int | None
) -> tuple[int, int]:
    """(height, width) of a picture that was ``old`` (height, width); arguments as :func:`resize`."""
    sizes = [size] if isinstance(size, int) else list(size)
    if len(sizes) not in (1, 2):
        raise ValueError(f"size must be one number or (height, width), got {tuple(sizes)}")
    if len(sizes) == 2:
        if max_size is not None:
            raise ValueError("max_size needs one number as size, got (height, width)")
        return sizes[0], sizes[1]
    short, long = sizes[0], int(sizes[0] * max(old) / min(old))
    if max_size is not None:
        if max_size <= short:
            raise ValueError(f"max_size must be above size {short}, got {max_size}")
        if long > max_size:
            short, long = int(max_size * short / long), max_size
    return (long, short) if old[0] > old[1] else (short, long)


class Resize(Transform):
    """Resizes to (height, width), or the shorter side to one number. See :func:`resize`."""

    shown = ("size", "interpolation", "max_size", "antialias")

    def __init__(
        self,
        size: int | Sequence[int],
        interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
        max_size: int | None = None,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        if not isinstance(size, (int, Sequence)):
            raise TypeError(f"size must be one number or (height, width), got {size!r}")
        resized_size((1, 1), size, max_size)  # complains about bad arguments now, not later
        self.size, self.max_size, self.antialias = size, max_size, antialias
        self.interpolation = InterpolationMode.of(interpolation)

    def forward(self, img: Picture) -> Picture:
        return resize(img, self.size, self.interpolation, self.max_size, self.antialias)
