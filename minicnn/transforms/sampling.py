"""Tensors sampled at the points of a grid, as Pillow transforms its images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..devices import xp_of
from ..dtypes import float32, float64
from ..ops.grid_sample import grid_sample
from ..ops.shape import cat
from ..tensor import Tensor
from ..typing import Array
from ._batches import in_floats
from .interpolation import InterpolationMode

Fill = float | Sequence[float] | None


def sample(img: Tensor, grid: Array, mode: str, fill: Fill) -> Tensor:
    """Reads an image at given points.

    Args:
        img: (…, C, H, W) or (H, W).
        grid: (x, y) of each point, (OH, OW, 2), from -1 to 1 between the image's borders.
        mode: ``"nearest"``, ``"bilinear"`` or ``"bicubic"``.
        fill: the value outside the image, one number or one for each channel; 0 if None.

    Returns:
        The pixels at the points, (…, C, OH, OW).

    Raises:
        ValueError: for another mode, or for a wrong number of values.
    """
    channels = img.shape[-3] if img.ndim > 2 else 1
    values = list(fill) if isinstance(fill, Sequence) else [fill or 0]
    if len(values) not in (1, channels):
        raise ValueError(f"fill must be 1 or {channels} numbers for this image, got {values}")

    def compute(batch: Tensor) -> Tensor:
        x = batch.array
        points = Tensor.of(xp_of(x).asarray(np.broadcast_to(grid, (len(x), *grid.shape)), x.dtype))
        if fill is None:
            return grid_sample(batch, points, mode, "zeros", align_corners=False)
        # A channel of ones tells how much of each point lies inside.
        ones = Tensor.of(xp_of(x).ones_like(x[:, :1]))
        out = grid_sample(cat([batch, ones], 1), points, mode, "zeros", align_corners=False)
        out, inside = out[:, :-1], out[:, -1:]
        color = Tensor.of(xp_of(x).asarray(values, x.dtype).reshape(1, -1, 1, 1))
        if mode == "nearest":
            inside = (inside >= 0.5).to(batch.dtype)
        return out * inside + (1.0 - inside) * color

    return in_floats(img, compute)


def check_mode(mode: InterpolationMode) -> str:
    """The name of a mode that turns tensors.

    Raises:
        ValueError: unless it is nearest or bilinear.
    """
    if mode not in (InterpolationMode.NEAREST, InterpolationMode.BILINEAR):
        raise ValueError(f"tensors are turned with nearest or bilinear pixels, got {mode.value!r}")
    return mode.value


def grid_dtype(img: Tensor) -> np.dtype:
    """The dtype that a grid is computed in, for an image that may be of integers or halves."""
    return float64 if img.array.dtype == np.float64 else float32


def pixel_centers(
    height: int, width: int, first: Sequence[float], dtype: Any
) -> tuple[Array, Array]:
    """x (1, width) and y (height, 1) of all pixels, where the one at top left is ``first`` (x, y)."""
    x = np.arange(width, dtype=dtype) + dtype.type(first[0])
    y = np.arange(height, dtype=dtype) + dtype.type(first[1])
    return x[None], y[:, None]


def linear(x: Array, y: Array, coefficients: Array) -> Array:
    """a x + b y + c at all pixels, (height, width, n), for coefficients (3, n).

    Added in this order and rounded in between, as torch does it, so that points in the middle of two
    pixels belong to the same one.
    """
    a, b, c = coefficients
    out: Array = x[..., None] * a + y[..., None] * b + c
    return out
