"""How each mode of interpolation computes an output pixel from input pixels, along one axis.

``scale`` is the distance of output pixels in input pixels. Positions and weights are computed in
``dtype``, which decides how they round.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from ..kernels.geometry import adaptive_windows
from .resample import Axis, spans

Filter = Callable[[np.ndarray], np.ndarray]


@functools.lru_cache(maxsize=64)
def nearest(size: int, output_size: int, scale: float, exact: bool) -> Axis:
    """Output pixel i is input pixel floor(i * scale), or floor((i + 0.5) * scale) if ``exact``."""
    i = np.arange(output_size, dtype=np.float32)  # as in torch, for every dtype
    position = (i + np.float32(0.5) if exact else i) * np.float32(scale)
    inputs = np.minimum(np.floor(position).astype(np.intp), size - 1)
    return Axis(size, output_size, np.arange(output_size), inputs)


@functools.lru_cache(maxsize=64)
def linear(size: int, output_size: int, scale: float, align_corners: bool, dtype: np.dtype) -> Axis:
    """The two input pixels around the output pixel's position; a size that stays is copied."""
    i = np.arange(output_size)
    if output_size == size:
        return Axis(size, size, np.tile(i, 2), np.tile(i, 2), np.repeat([1, 0], size).astype(dtype))
    position = np.maximum(_positions(output_size, scale, align_corners, dtype), 0)
    low, fraction = _split(position, size)
    high = np.minimum(low + 1, size - 1)
    weights = np.concatenate([1 - fraction, fraction])
    return Axis(size, output_size, np.tile(i, 2), np.concatenate([low, high]), weights)


@functools.lru_cache(maxsize=64)
def cubic(size: int, output_size: int, scale: float, align_corners: bool, dtype: np.dtype) -> Axis:
    """The four input pixels around the output pixel's position; pixels at the border repeat."""
    low, fraction = _split(_positions(output_size, scale, align_corners, dtype), size)
    offsets = np.arange(-1, 3)[:, None]
    weights = _cubic_filter(fraction - offsets.astype(dtype), -0.75)
    inputs = np.clip(low + offsets, 0, size - 1)
    return Axis(
        size, output_size, np.tile(np.arange(output_size), 4), inputs.ravel(), weights.ravel()
    )


@functools.lru_cache(maxsize=64)
def antialiased(mode: str, size: int, output_size: int, scale: float, dtype: np.dtype) -> Axis:
    """All input pixels under the filter of a mode, which grows with the distance of output pixels.

    A size that stays is copied. As torch's ``antialias=True`` and Pillow's ``resize``.
    """
    if output_size == size:
        return Axis(size, size, np.arange(size), np.arange(size))
    filter, radius = _FILTERS[mode]
    stretch = max(scale, 1.0)
    center = dtype.type(scale) * (np.arange(output_size) + 0.5).astype(dtype)
    reach = dtype.type(radius * stretch)
    begin = np.maximum((center - reach + dtype.type(0.5)).astype(int), 0)
    end = np.minimum((center + reach + dtype.type(0.5)).astype(int), size)
    outputs, inputs = spans(begin, end)
    weights = filter((inputs - center[outputs] + dtype.type(0.5)) / dtype.type(stretch))
    totals = np.bincount(outputs, weights, output_size)
    return Axis(size, output_size, outputs, inputs, (weights / totals[outputs]).astype(dtype))


@functools.lru_cache(maxsize=64)
def windows(size: int, output_size: int, dtype: np.dtype) -> Axis:
    """The means of the windows of adaptive pooling."""
    begin, end = np.array(adaptive_windows(size, output_size)).T
    outputs, inputs = spans(begin, end)
    return Axis(size, output_size, outputs, inputs, (1 / (end - begin)[outputs]).astype(dtype))


def _positions(output_size: int, scale: float, align_corners: bool, dtype: np.dtype) -> np.ndarray:
    """Where the centres of output pixels lie, in input pixels."""
    i, step = np.arange(output_size), np.float64(dtype.type(scale))
    # rounded once: torch multiplies and subtracts in one instruction
    return (i * step if align_corners else (i + 0.5) * step - 0.5).astype(dtype)


def _split(position: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The pixel below each position, and how far the position is above it, from 0 to 1."""
    low = np.minimum(np.floor(position.astype(np.float32)).astype(np.intp), size - 1)
    return low, np.clip(position - low.astype(position.dtype), 0, 1)


def _cubic_filter(x: np.ndarray, a: float) -> np.ndarray:
    """Keys' cubic convolution: weights of pixels at a distance x (IEEE Trans. ASSP 29, 1981)."""
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0)).astype(x.dtype)


def _lanczos_filter(x: np.ndarray) -> np.ndarray:
    """A sinc, windowed by another that is three times as wide."""
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)


# Filters of antialiased modes, and how many pixels they reach to each side.
_FILTERS: dict[str, tuple[Filter, int]] = {
    "bilinear": (lambda x: np.maximum(1 - np.abs(x), 0), 1),
    "bicubic": (functools.partial(_cubic_filter, a=-0.5), 2),
    "lanczos": (_lanczos_filter, 3),
}
