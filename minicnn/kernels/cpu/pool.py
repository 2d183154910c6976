"""Pooling on the CPU: maximum and average over windows, and their gradients.

Everything runs over N, H, W, C views, a few images at a time so that they stay in cache, and takes
one window position (kh, kw) after the other: a strided view of the input, as large as the output.
Padding is never stored; a position skips the windows for which it lies outside the input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ..geometry import Geometry, Pair
from .layout import channels_last_empty
from .masking import select
from .precision import compute_type
from .threads import for_each_slice, scratch

__all__ = [
    "adaptive_max_pool2d",
    "avg_pool2d",
    "avg_pool2d_scatter",
    "max_pool2d",
    "max_pool2d_gather",
    "max_pool2d_scatter",
    "plane_gather",
    "plane_scatter",
]

_BLOCK_BYTES = 1 << 21  # of the larger image that a thread works on at a time
_BOOL = np.dtype(bool)
_ALL = slice(None)

Index = tuple[slice, slice, slice]  # images, rows, columns


def max_pool2d(
    x: np.ndarray, geometry: Geometry, relu: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The maximum of each window and its place, kh * KW + kw.

    As ``torch.nn.functional.max_pool2d``: padding counts as -inf, of equal maxima the first in
    (kh, kw) order is meant; NaN is larger than everything, and of several the last is meant.

    Args:
        x: (N, C, H, W).
        geometry: where the windows lie.
        relu: whether negative maxima become 0. Where the maximum is not positive, the place is
            then KH * KW: no pixel, for :func:`max_pool2d_scatter` and :func:`max_pool2d_gather`.

    Returns:
        (N, C, OH, OW) both, the places uint8 if they fit, else int32.

    Raises:
        ValueError: if dilation lays a window around the whole input. (PyTorch gives -inf there, and
            an index outside the input.)
    """
    _check_coverage(geometry)
    KH, KW = geometry.kernel_size
    shape = (*x.shape[:2], *geometry.output_size)
    out = channels_last_empty(shape, x.dtype)
    argmax = channels_last_empty(shape, np.uint8 if KH * KW < 256 else np.int32)
    images, maxima, places = _nhwc(x), _nhwc(out), _nhwc(argmax)

    def pool(block: slice) -> None:
        x, out, place = images[block], maxima[block], places[block]
        n, H, _, C = x.shape
        row_shape = (n, H, geometry.output_size[1], C)
        row_max = scratch("max_pool2d.row_max", row_shape, x.dtype)
        row_place = scratch("max_pool2d.row_place", row_shape, place.dtype)
        # Rows first: then the first kh, and for it the first kw, is the first place.
        positions = _row_positions(x, place.dtype, geometry)
        _running_max(positions, row_max, row_place, axis=1)
        positions = _column_positions(row_max, row_place, geometry)
        _running_max(positions, out, place, axis=0)
        if out.dtype.kind in "fV" and np.isnan(out.max()):
            _find_nan(x, place, geometry)
        if relu:
            _clip(out, place, KH * KW)

    _for_each_block(images, pool)
    return out, argmax


# What one position (kh or kw) gives: the windows for which it lies inside the input, its pixels
# there, and the places that these stand for, which are larger than those of earlier positions.
Position = tuple[slice, np.ndarray, np.ndarray]


def _row_positions(x: np.ndarray, place_dtype: np.dtype, geometry: Geometry) -> list[Position]:
    """The pixels kw = 0, 1, ... of the windows along the rows of x (n, H, W, C).

    With a stride, x is first dealt out into images of every SW-th column: copying them once takes
    less time than reading pixels far apart over and over.
    """
    stride, (n, H, W, C) = geometry.stride[1], x.shape
    if stride == 1:
        images = np.ascontiguousarray(x)[None]
    else:
        images = scratch("max_pool2d.images", (stride, n, H, -(-W // stride), C), x.dtype)
        for phase in range(min(stride, W)):
            part = x[:, :, phase::stride]
            images[phase, :, :, : part.shape[2]] = part

    positions = []
    for kw in range(geometry.kernel_size[1]):
        windows, pixels = _overlap(geometry, 1, kw)
        first, phase = divmod(pixels.start, stride)
        values = images[phase, :, :, first : first + windows.stop - windows.start]
        positions.append((windows, values, np.asarray(kw, place_dtype)))
    return positions


def _column_positions(
    row_max: np.ndarray, row_place: np.ndarray, geometry: Geometry
) -> list[Position]:
    """The maxima of the rows kh = 0, 1, ... of the windows, from those of all rows (n, H, OW, C)."""
    positions = []
    for kh in range(geometry.kernel_size[0]):
        windows, rows = _overlap(geometry, 0, kh)
        first_place = row_place.dtype.type(kh * geometry.kernel_size[1])
        positions.append((windows, row_max[:, rows], row_place[:, rows] + first_place))
    return positions


def _running_max(positions: list[Position], out: np.ndarray, place: np.ndarray, axis: int) -> None:
    """Write the maximum of all positions of the windows along ``axis``, and its place."""
    greater = scratch("max_pool2d.greater", out.shape, _BOOL)
    later = scratch("max_pool2d.later", out.shape, place.dtype)
    every_window = slice(0, out.shape[1 + axis])
    (windows, values, values_place), *others = positions
    if others and windows == others[0][0] == every_window:
        best, covered = values, 0  # spares a copy
        place[...] = values_place
        positions = others
    else:
        best, covered = out, every_window.stop  # the windows from here on have a maximum
        out.fill(_lowest(out.dtype))
        place.fill(0)

    for windows, values, values_place in positions:
        at = _along(axis, windows)
        np.greater(values, best[at], out=greater[at])
        greater[_along(axis, slice(windows.start, covered))] = True  # even if all are -inf
        np.maximum(values, best[at], out=out[at])
        np.multiply(greater[at].view(np.uint8), values_place, out=later[at])
        np.maximum(place[at], later[at], out=place[at])
        best, covered = out, min(covered, windows.start)


def _find_nan(x: np.ndarray, place: np.ndarray, geometry: Geometry) -> None:
    """Set place (n, OH, OW, C) to the last NaN of each window that holds one."""
    for kh, kw, windows, pixels in _positions(geometry):
        np.copyto(place[windows], kh * geometry.kernel_size[1] + kw, where=np.isnan(x[pixels]))


def _clip(out: np.ndarray, place: np.ndarray, no_pixel: int) -> None:
    """max(out, 0), with the place ``no_pixel``, which is the largest, where ``out`` is not above."""
    clipped = np.less_equal(out, 0, out=scratch("max_pool2d.greater", out.shape, _BOOL))
    later = scratch("max_pool2d.later", out.shape, place.dtype)
    np.multiply(clipped.view(np.uint8), place.dtype.type(no_pixel), out=later)
    np.maximum(place, later, out=place)
    np.maximum(out, 0, out=out)


def max_pool2d_scatter(grad: np.ndarray, argmax: np.ndarray, geometry: Geometry) -> np.ndarray:
    """(N, C, H, W): the sum of ``grad`` (N, C, OH, OW) where the maxima of the windows lie."""
    out = channels_last_empty((*grad.shape[:2], *geometry.input_size), grad.dtype)
    grads, places, images = _nhwc(grad), _nhwc(argmax), _nhwc(out)
    per_block, sum_dtype = _images_per_block(images), compute_type(grad)
    corners, steps = _memory_offsets(images[:per_block].shape, geometry)

    def scatter(block: slice) -> None:
        place, values = places[block], np.ascontiguousarray(grads[block], sum_dtype)
        index = scratch("max_pool2d_scatter.index", place.shape, corners.dtype)
        np.take(steps, place, out=index, mode="clip")
        np.add(index, corners[: len(index)], out=index)
        if place.max(initial=0) == len(steps):  # for "no pixel" add 0 to the first pixel
            meant = scratch("max_pool2d_scatter.meant", place.shape, _BOOL)
            np.less(place, len(steps), out=meant)
            np.multiply(index, meant, out=index)
            kept = scratch("max_pool2d_scatter.kept", place.shape, sum_dtype)
            select(values, meant, out=kept)
            values = kept
        _write_sums(images[block], index, values)

    _for_each_block(images, scatter)
    return out


def _write_sums(images: np.ndarray, index: np.ndarray, values: np.ndarray) -> None:
    """Write to dense ``images`` the sums of the values that have the same index in their memory."""
    sum_dtype = compute_type(values)
    total = images if images.dtype == sum_dtype else np.empty(images.shape, sum_dtype)
    total.fill(0)
    values = np.ascontiguousarray(values, sum_dtype)
    np.add.at(total.reshape(-1), index.reshape(-1), values.reshape(-1))
    if total is not images:
        images[...] = total


def _memory_offsets(shape: tuple[int, ...], geometry: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """Where the windows' position (0, 0) lies in dense memory of ``shape`` (n, H, W, C), and how
    much further each of their positions: (n, OH, OW, C) and (KH * KW,), in elements."""
    n, H, W, C = shape
    (OH, OW), (KH, KW) = geometry.output_size, geometry.kernel_size
    rows = np.arange(OH) * geometry.stride[0] - geometry.padding[0]
    columns = np.arange(OW) * geometry.stride[1] - geometry.padding[1]
    pixels = (np.arange(n)[:, None, None] * H + rows[:, None]) * W + columns
    steps = (
        np.arange(KH)[:, None] * (geometry.dilation[0] * W) + np.arange(KW) * geometry.dilation[1]
    )
    return pixels[..., None] * C + np.arange(C), steps.reshape(-1) * C


def max_pool2d_gather(x: np.ndarray, argmax: np.ndarray, geometry: Geometry) -> np.ndarray:
    """(N, C, OH, OW): the pixel of ``x`` (N, C, H, W) where the maximum of each window lies."""
    out = channels_last_empty(argmax.shape, x.dtype)
    images, places, values = _nhwc(x), _nhwc(argmax), _nhwc(out)
    values[...] = 0

    def gather(block: slice) -> None:
        place, chosen = places[block], values[block]
        for kh, kw, windows, pixels in _positions(geometry):
            here = place[windows] == kh * geometry.kernel_size[1] + kw
            np.copyto(chosen[windows], images[block][pixels], where=here)

    _for_each_block(images, gather)
    return out


def avg_pool2d(x: np.ndarray, scale: np.ndarray, geometry: Geometry) -> np.ndarray:
    """(N, C, OH, OW): the sum of each window of ``x`` (N, C, H, W) times ``scale`` (OH, OW)."""
    out = channels_last_empty((*x.shape[:2], *geometry.output_size), x.dtype)
    images, sums = _nhwc(x), _nhwc(out)
    dtype = compute_type(x)
    scale = scale[..., None].astype(dtype)

    def pool(block: slice) -> None:
        image = images[block]
        n, _, W, C = image.shape
        OH, OW = geometry.output_size
        columns = scratch("avg_pool2d.columns", (n, OH, W, C), dtype)
        columns.fill(0)
        for kh in range(geometry.kernel_size[0]):
            windows, rows = _overlap(geometry, 0, kh)
            columns[:, windows] += image[:, rows]
        total = scratch("avg_pool2d.total", (n, OH, OW, C), dtype)
        total.fill(0)
        for kw in range(geometry.kernel_size[1]):
            windows, pixels = _overlap(geometry, 1, kw)
            total[:, :, windows] += columns[:, :, pixels]
        np.multiply(total, scale, out=sums[block], casting="same_kind")

    _for_each_block(images, pool)
    return out


def avg_pool2d_scatter(grad: np.ndarray, scale: np.ndarray, geometry: Geometry) -> np.ndarray:
    """(N, C, H, W): each ``grad`` (N, C, OH, OW) times ``scale`` added to its whole window."""
    out = channels_last_empty((*grad.shape[:2], *geometry.input_size), grad.dtype)
    grads, images = _nhwc(grad), _nhwc(out)
    dtype = compute_type(grad)
    scale = scale[..., None].astype(dtype)

    def scatter(block: slice) -> None:
        n, H, W, C = images[block].shape
        values = grads[block] * scale
        columns = scratch("avg_pool2d.columns", (n, geometry.output_size[0], W, C), dtype)
        columns.fill(0)
        for kw in range(geometry.kernel_size[1]):
            windows, pixels = _overlap(geometry, 1, kw)
            columns[:, :, pixels] += values[:, :, windows]
        total = scratch("avg_pool2d.total", (n, H, W, C), dtype)
        total.fill(0)
        for kh in range(geometry.kernel_size[0]):
            windows, rows = _overlap(geometry, 0, kh)
            total[:, rows] += columns[:, windows]
        images[block] = total

    _for_each_block(images, scatter)
    return out


def adaptive_max_pool2d(x: np.ndarray, output_size: Pair) -> tuple[np.ndarray, np.ndarray]:
    """The maximum of each window and its int64 index h * W + w, both (N, C, OH, OW).

    Window i of o takes rows floor(i * H / o) up to ceil((i + 1) * H / o), and columns likewise. Of
    equal maxima the first is meant, as in ``torch.nn.functional.adaptive_max_pool2d``.
    """
    N, C, H, W = x.shape
    out = channels_last_empty((N, C, *output_size), x.dtype)
    indices = channels_last_empty(out.shape, np.int64)
    images, maxima, places = _nhwc(x), _nhwc(out), _nhwc(indices)

    def pool(block: slice) -> None:
        for oh, (top, bottom) in enumerate(_adaptive_windows(H, output_size[0])):
            for ow, (left, right) in enumerate(_adaptive_windows(W, output_size[1])):
                window = images[block, top:bottom, left:right]
                pixels = window.reshape(len(window), -1, C)
                place = pixels.argmax(axis=1)  # (n, C)
                h, w = np.divmod(place, right - left)
                places[block, oh, ow] = (top + h) * W + left + w
                maxima[block, oh, ow] = np.take_along_axis(pixels, place[:, None], axis=1)[:, 0]

    _for_each_block(images, pool)
    return out, indices


def plane_scatter(grad: np.ndarray, indices: np.ndarray, input_size: Pair) -> np.ndarray:
    """(N, C, H, W): ``grad`` added at ``indices`` h * W + w (both N, C, OH, OW), others 0."""
    N, C = grad.shape[:2]
    H, W = input_size
    out = channels_last_empty((N, C, H, W), grad.dtype)
    grads, places, images = _nhwc(grad), _nhwc(indices), _nhwc(out)
    channels = np.arange(C)

    def scatter(block: slice) -> None:
        first = np.arange(len(grads[block])).reshape(-1, 1, 1, 1) * (H * W)
        _write_sums(images[block], (places[block] + first) * C + channels, grads[block])

    _for_each_block(images, scatter)
    return out


def plane_gather(x: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """(N, C, OH, OW): ``x`` (N, C, H, W) at ``indices`` h * W + w of the same shape."""
    _, C, H, W = x.shape
    out = channels_last_empty(indices.shape, x.dtype)
    images, places, values = _nhwc(x), _nhwc(indices), _nhwc(out)

    def gather(block: slice) -> None:
        pixels = images[block].reshape(-1, H * W, C)
        place = places[block].reshape(len(pixels), -1, C)
        taken = np.take_along_axis(pixels, place, axis=1)
        values[block] = taken.reshape(values[block].shape)

    _for_each_block(images, gather)
    return out


def _nhwc(x: np.ndarray) -> np.ndarray:
    return x.transpose(0, 2, 3, 1)


def _lowest(dtype: np.dtype) -> float:
    return -np.inf if dtype.kind in "fV" else np.iinfo(dtype).min


def _images_per_block(images: np.ndarray) -> int:
    return max(1, _BLOCK_BYTES // max(1, images[:1].nbytes))


def _for_each_block(images: np.ndarray, work: Callable[[slice], None]) -> None:
    """Call ``work`` for slices of a few images, on all threads."""
    per_block = _images_per_block(images)

    def run(start: int, stop: int) -> None:
        for first in range(start, stop, per_block):
            work(slice(first, min(first + per_block, stop)))

    for_each_slice(len(images), run)


def _along(axis: int, part: slice) -> Index:
    """The index of a part of the rows (axis 0) or columns (axis 1) of (n, H, W, C)."""
    return (_ALL, part, _ALL) if axis == 0 else (_ALL, _ALL, part)


def _check_coverage(geometry: Geometry) -> None:
    """Raise ValueError if dilation lays a window around the input, so that it has no maximum."""
    for axis in (0, 1):
        windows = np.zeros(geometry.output_size[axis], bool)
        for k in range(geometry.kernel_size[axis]):
            windows[_overlap(geometry, axis, k)[0]] = True
        if not windows.all():
            raise ValueError(
                f"max_pool2d expects every window to meet the input, got {geometry}, "
                f"whose window {int(windows.argmin())} along axis {axis} lies around it"
            )


def _overlap(geometry: Geometry, axis: int, k: int) -> tuple[slice, slice]:
    """The windows whose position ``k`` lies inside the input along ``axis``, and those pixels."""
    stride = geometry.stride[axis]
    offset = k * geometry.dilation[axis] - geometry.padding[axis]
    start = max(0, -(offset // stride))  # the first window with window * stride + offset >= 0
    end = (geometry.input_size[axis] - 1 - offset) // stride + 1
    stop = max(start, min(geometry.output_size[axis], end))
    first = start * stride + offset
    return slice(start, stop), slice(first, first + (stop - start) * stride, stride)


def _positions(geometry: Geometry) -> Iterator[tuple[int, int, Index, Index]]:
    """Each kh and kw, the windows for which they lie inside the input, and those pixels."""
    for kh in range(geometry.kernel_size[0]):
        windows_h, rows = _overlap(geometry, 0, kh)
        for kw in range(geometry.kernel_size[1]):
            windows_w, columns = _overlap(geometry, 1, kw)
            yield kh, kw, (_ALL, windows_h, windows_w), (_ALL, rows, columns)


def _adaptive_windows(size: int, output_size: int) -> list[Pair]:
    return [
        (i * size // output_size, -(-(i + 1) * size // output_size)) for i in range(output_size)
    ]
