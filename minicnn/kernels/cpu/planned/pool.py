"""Pooling steps: a band is pooled along its columns, then along its rows, one tap of all windows at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ...geometry import Geometry
from ..runtime.taps import inside
from ..runtime.windows import even_slices, rows_of
from .epilogue import limited
from .step import FLOAT, Call, Limits, Part, Scratch, Step

__all__ = ["avg_pool2d", "max_pool2d", "spatial_sum"]

# The calls for a band: its images, its geometry, its part of the output, scratch memory.
Band = Callable[[np.ndarray, Geometry, np.ndarray, Scratch], list[Call]]

_BAND_VALUES = 1 << 17  # of the input, in a band that stays in a core's cache


def max_pool2d(
    x: np.ndarray,
    geometry: Geometry,
    out: np.ndarray,
    limits: Limits | None = None,
    threads: int = 1,
    scratch: Sequence[Scratch] | None = None,
) -> Step:
    """``out`` (N, OH, OW, C) = the maximum of each window of ``x`` (N, H, W, C), without argmax.

    Padding counts as -inf; NaN is larger than every number.
    """

    def band(images: np.ndarray, part: Geometry, target: np.ndarray, memory: Scratch) -> list[Call]:
        OH, W = part.output_size[0], images.shape[2]
        columns = memory.take(len(images), OH, W, images.shape[3])
        calls = _combine(np.maximum, _taps(part, 0, images), columns, axis=1, empty=-np.inf)
        calls += _combine(np.maximum, _taps(part, 1, columns), target, axis=2, empty=-np.inf)
        return calls + limited(target, limits)

    return _by_bands("max_pool2d", x, geometry, out, band, threads, scratch)


def avg_pool2d(
    x: np.ndarray,
    scale: np.ndarray,
    geometry: Geometry,
    out: np.ndarray,
    threads: int = 1,
    scratch: Sequence[Scratch] | None = None,
) -> Step:
    """``out`` (N, OH, OW, C) = the sum of each window of ``x`` (N, H, W, C), times ``scale`` (OH, OW)."""
    whole = geometry.kernel_size == geometry.input_size and geometry.padding == (0, 0)
    if whole and geometry.output_size == (1, 1):
        return spatial_sum(x, float(scale[0, 0]), out.reshape(len(out), -1), threads)
    factors = scale[..., None].astype(FLOAT)  # OH, OW, 1
    first_row = geometry.padding[0]

    def band(images: np.ndarray, part: Geometry, target: np.ndarray, memory: Scratch) -> list[Call]:
        OH, W = part.output_size[0], images.shape[2]
        top = (first_row - part.padding[0]) // geometry.stride[0]
        columns = memory.take(len(images), OH, W, images.shape[3])
        calls = _combine(np.add, _taps(part, 0, images), columns, axis=1, empty=0)
        calls += _combine(np.add, _taps(part, 1, columns), target, axis=2, empty=0)
        return [*calls, partial(np.multiply, target, factors[top : top + OH], target)]

    return _by_bands("avg_pool2d", x, geometry, out, band, threads, scratch)


def spatial_sum(x: np.ndarray, scale: float, out: np.ndarray, threads: int = 1) -> Step:
    """``out`` (N, C) = the sum of each image of ``x`` (N, H, W, C) times ``scale``.

    BLAS sums the pixels, of some channels on each thread, unless ``x`` lacks columns of a wider image.
    """
    N, H, W, C = x.shape
    image, row, pixel, channel = x.strides
    if H > 1 and row != W * pixel:
        calls = [partial(np.sum, x, (1, 2), None, out), partial(np.multiply, out, scale, out)]
        return Step("spatial_sum", [Part(calls)])
    pixels = as_strided(x, (N, H * W, C), (image, pixel, channel))
    factors = np.full((1, H * W), scale, FLOAT)
    parts = [
        Part([partial(np.matmul, factors, pixels[..., some], out[:, None, some])])
        for some in even_slices(C, threads)
    ]
    return Step("spatial_sum", parts)


def _by_bands(
    name: str,
    x: np.ndarray,
    geometry: Geometry,
    out: np.ndarray,
    band: Band,
    threads: int,
    scratch: Sequence[Scratch] | None,
) -> Step:
    """A step that calls ``band`` for some images and rows at a time, shared among threads."""
    N, OH = out.shape[:2]
    count = threads * -(-x.size // (threads * _BAND_VALUES))
    by_image = even_slices(N, count)
    bands = [
        (images, rows)
        for images in by_image
        for rows in even_slices(OH, -(-count // len(by_image)))
    ]
    parts = []
    memories = scratch or [Scratch() for _ in range(threads)]
    for some, memory in zip(even_slices(len(bands), threads), memories):
        calls: list[Call] = []
        for images, rows in bands[some]:
            memory.release()
            calls += band(x[images], rows_of(geometry, rows), out[images, rows], memory)
        parts.append(Part(calls))
    return Step(name, parts)


def _taps(geometry: Geometry, axis: int, images: np.ndarray) -> list[tuple[slice, np.ndarray]]:
    """For each tap along an axis of (n, H, W, C): the windows it is inside of, and its pixels."""
    found = []
    for k in range(geometry.kernel_size[axis]):
        windows, pixels = inside(geometry, axis, k)
        if windows.stop > windows.start:
            found.append((windows, images[:, pixels] if axis == 0 else images[:, :, pixels]))
    return found


def _combine(
    function: np.ufunc,
    taps: list[tuple[slice, np.ndarray]],
    out: np.ndarray,
    axis: int,
    empty: float,
) -> list[Call]:
    """The calls that combine the taps of each window by ``function``; ``empty`` without a tap."""

    def at(array: np.ndarray, start: int, stop: int) -> np.ndarray:
        return array[:, start:stop] if axis == 1 else array[:, :, start:stop]

    size = out.shape[axis]
    taps = sorted(taps, key=lambda tap: tap[0].start - tap[0].stop)  # those in most windows first
    if not taps or taps[0][0] != slice(0, size):
        calls: list[Call] = [partial(out.fill, empty)]
        rest = taps
    elif len(taps) == 1:
        calls, rest = [partial(np.copyto, out, taps[0][1])], []
    else:
        (_, first), (windows, second), *rest = taps
        start, stop = windows.start, windows.stop
        target = at(out, start, stop)
        calls = [partial(function, at(first, start, stop), second, out=target)]
        for begin, end in ((0, start), (stop, size)):
            if end > begin:
                calls.append(partial(np.copyto, at(out, begin, end), at(first, begin, end)))
    for windows, pixels in rest:
        target = at(out, windows.start, windows.stop)
        calls.append(partial(function, target, pixels, out=target))
    return calls
