"""Max-pooling on the CPU: the maximum of each window, its place, and the gradients.

Everything runs over N, H, W, C views, some rows of windows at a time. A pass takes one position (kh
or kw) of all these windows, which is a long stretch of memory: first the maxima of every column of
pixels, then those of the windows along the rows. Before the latter, columns that a stride sets
apart are dealt out: copying them once takes less time than reading runs of C numbers over and over.
Padding is never stored; a position skips the windows for which it lies outside the input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..geometry import Geometry
from .pool import for_each_image_block, images_per_block, windows_inside, write_sums
from .runtime.layout import channels_last_empty
from .runtime.masking import clip_negative, select
from .runtime.precision import compute_type
from .runtime.threads import for_each_slice, num_threads, scratch
from .runtime.windows import even_slices, nhwc, rows_of

__all__ = ["max_pool2d", "max_pool2d_gather", "max_pool2d_scatter"]

# Of the larger image, that a thread works on at a time. Its passes run in the cache that cores
# share: the shorter ones of smaller blocks would make threads queue for the interpreter lock.
_BLOCK_BYTES = 1 << 22
_MIN_THREADED_BYTES = 1 << 21  # with fewer, threads cost more than they save
_BOOL = np.dtype(bool)
_ALL = slice(None)

Index = tuple[slice, slice, slice]  # images, rows, columns
Position = tuple[Index, np.ndarray]  # the windows for which it lies in the input, and its pixels


def max_pool2d(
    x: np.ndarray, geometry: Geometry, relu: bool = False, with_argmax: bool = True
) -> tuple[np.ndarray, np.ndarray | None]:
    """The maximum of each window and its place, kh * KW + kw.

    As ``torch.nn.functional.max_pool2d``: padding counts as -inf, of equal maxima the first in
    (kh, kw) order is meant; NaN is larger than everything, and of several the last is meant.

    Args:
        x: (N, C, H, W).
        geometry: where the windows lie.
        relu: whether negative maxima become 0. Where the maximum is not positive, the place is
            then KH * KW: no pixel, for :func:`max_pool2d_scatter` and :func:`max_pool2d_gather`.
        with_argmax: whether to find the places, which takes longer than finding the maxima.

    Returns:
        (N, C, OH, OW) both, the places uint8 if they fit, else int32; None for places not wanted.

    Raises:
        ValueError: if dilation lays a window around the whole input. (PyTorch gives -inf there, and
            an index outside the input.)
    """
    _check_coverage(geometry)
    KH, KW = geometry.kernel_size
    out = channels_last_empty((*x.shape[:2], *geometry.output_size), x.dtype)
    argmax = None
    if with_argmax:
        argmax = channels_last_empty(out.shape, np.uint8 if KH * KW < 256 else np.int32)
    images, maxima = nhwc(x), nhwc(out)

    def pool(block: slice, rows: slice) -> None:
        pixels, best, here = images[block], maxima[block, rows], rows_of(geometry, rows)
        n, _, W, C = pixels.shape
        column_max = scratch("max_pool2d.column_max", (n, here.output_size[0], W, C), x.dtype)
        by_row = _row_positions(pixels, here)
        _maximum(by_row, column_max)
        by_column = _column_positions(column_max, here, "max_pool2d.dealt")
        _maximum(by_column, best)

        if argmax is not None:
            # Of the places where the maximum is found the first has the highest rank.
            place = nhwc(argmax)[block, rows]
            row_rank = scratch("max_pool2d.row_rank", column_max.shape, place.dtype)
            ranks = [place.dtype.type(KW * (KH - kh)) for kh in range(KH)]
            _highest_rank(by_row, ranks, column_max, row_rank)
            row_ranks = _column_positions(row_rank, here, "max_pool2d.dealt_rank")
            ranks = [rank - kw for kw, (_, rank) in enumerate(row_ranks)]
            _highest_rank(by_column, ranks, best, place)
            has_nan = place.min(initial=1) == 0  # NaN is not even equal to itself
            if relu:
                positive = np.greater(best, 0, out=scratch("max_pool2d.equal", best.shape, _BOOL))
                np.multiply(place, positive.view(np.uint8), out=place)
            np.subtract(KH * KW, place, out=place)
            if has_nan:
                _find_nan(pixels, place, here)
        if relu:
            clip_negative(best, out=best)

    _for_each_block(maxima, x.nbytes, pool)
    return out, argmax


def _row_positions(pixels: np.ndarray, geometry: Geometry) -> list[Position]:
    """The positions kh = 0, 1, ... in every column of pixels (n, H, W, C)."""
    positions = []
    for kh in range(geometry.kernel_size[0]):
        windows, rows = windows_inside(geometry, 0, kh)
        positions.append(((_ALL, windows, _ALL), pixels[:, rows]))
    return positions


def _column_positions(columns: np.ndarray, geometry: Geometry, name: str) -> list[Position]:
    """The positions kw = 0, 1, ... in every row of columns (n, OH, W, C), dealt out."""
    (n, OH, W, C), stride = columns.shape, geometry.stride[1]
    dealt = columns[None]
    if stride > 1:
        dealt = scratch(name, (stride, n, OH, -(-W // stride), C), columns.dtype)
        for phase in range(min(stride, W)):
            part = columns[:, :, phase::stride]
            dealt[phase, :, :, : part.shape[2]] = part

    positions = []
    for kw in range(geometry.kernel_size[1]):
        windows, phase, columns_there = _dealt_columns(geometry, kw)
        positions.append(((_ALL, _ALL, windows), dealt[phase, :, :, columns_there]))
    return positions


def _dealt_columns(geometry: Geometry, kw: int) -> tuple[slice, int, slice]:
    """The windows for which ``kw`` lies in the input, and there its columns: every SW-th from
    ``phase`` on, of which they are a slice."""
    windows, columns = windows_inside(geometry, 1, kw)
    first, phase = divmod(columns.start, geometry.stride[1])
    return windows, phase, slice(first, first + windows.stop - windows.start)


def _maximum(positions: list[Position], out: np.ndarray) -> None:
    """Write the maximum over all positions."""
    (_, best), *others = positions
    if not (others and best.shape == others[0][1].shape == out.shape):
        out.fill(-np.inf if out.dtype.kind in "fV" else np.iinfo(out.dtype).min)
        best, others = out, positions
    for at, values in others:
        np.maximum(values, best[at], out=out[at])
        best = out


def _highest_rank(
    positions: list[Position], ranks: Sequence[Any], maxima: np.ndarray, out: np.ndarray
) -> None:
    """Write the highest rank of the positions that hold the maximum, 0 if none does."""
    out.fill(0)
    equal = scratch("max_pool2d.equal", out.shape, _BOOL)
    rank_there = scratch("max_pool2d.rank_there", out.shape, out.dtype)
    for (at, values), rank in zip(positions, ranks, strict=True):
        np.equal(values, maxima[at], out=equal[at])
        np.multiply(equal[at].view(np.uint8), rank, out=rank_there[at])
        np.maximum(out[at], rank_there[at], out=out[at])


def _find_nan(pixels: np.ndarray, place: np.ndarray, geometry: Geometry) -> None:
    """Set place (n, OH, OW, C) to the last NaN of each window that holds one."""
    for kh, kw, windows, there in _positions(geometry):
        is_nan = np.isnan(pixels[there])
        np.copyto(place[windows], kh * geometry.kernel_size[1] + kw, where=is_nan)


def max_pool2d_scatter(grad: np.ndarray, argmax: np.ndarray, geometry: Geometry) -> np.ndarray:
    """(N, C, H, W): the sum of ``grad`` (N, C, OH, OW) where the maxima of the windows lie."""
    out = channels_last_empty((*grad.shape[:2], *geometry.input_size), grad.dtype)
    extents = [(k - 1) * d + 1 for k, d in zip(geometry.kernel_size, geometry.dilation)]
    apart = all(stride >= extent for stride, extent in zip(geometry.stride, extents))
    scatter = _scatter_apart if apart else _scatter_overlapping
    scatter(nhwc(grad), nhwc(argmax), nhwc(out), geometry)
    return out


def _scatter_apart(
    grads: np.ndarray, places: np.ndarray, images: np.ndarray, geometry: Geometry
) -> None:
    """Write the gradients to images (N, H, W, C), position by position: no pixel gets two."""
    (KH, KW), (PH, PW), stride = geometry.kernel_size, geometry.padding, geometry.stride[1]
    columns = np.arange(KW, dtype=places.dtype).reshape(KW, 1, 1, 1, 1)

    def scatter(block: slice, rows: slice) -> None:
        image = images[block, rows]
        n, H, W, C = image.shape
        here = replace(geometry, input_size=(H, W), padding=(PH + rows.start, PW))
        dealt_shape = (stride, n, H, -(-W // stride), C)
        dealt = scratch("max_pool2d.dealt", dealt_shape, grads.dtype)
        dealt.fill(0)
        for kh in range(KH):
            windows_h, pixel_rows = windows_inside(here, 0, kh)
            place = places[block, windows_h]
            meant = scratch("max_pool2d.equal", (KW, *place.shape), _BOOL)
            chosen = scratch("max_pool2d.chosen", meant.shape, grads.dtype)
            np.equal(place, columns + columns.dtype.type(kh * KW), out=meant)
            select(grads[block, windows_h], meant, out=chosen)
            for kw in range(KW):
                windows, phase, part = _dealt_columns(here, kw)
                dealt[phase, :, pixel_rows, part] = chosen[kw, :, :, windows]
        for phase in range(min(stride, W)):
            pixels = image[:, :, phase::stride]
            pixels[...] = dealt[phase, :, :, : pixels.shape[2]]

    _for_each_block(images, images.nbytes, scatter)


def _scatter_overlapping(
    grads: np.ndarray, places: np.ndarray, images: np.ndarray, geometry: Geometry
) -> None:
    """Write to images (N, H, W, C) the sums of gradients, found by their addresses."""
    per_block, sum_dtype = images_per_block(images), compute_type(grads)
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
        write_sums(images[block], index, values)

    for_each_image_block(images, scatter)


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
    images, places, values = nhwc(x), nhwc(argmax), nhwc(out)
    values[...] = 0

    def gather(block: slice, rows: slice) -> None:
        place, chosen = places[block, rows], values[block, rows]
        for kh, kw, windows, pixels in _positions(rows_of(geometry, rows)):
            here = place[windows] == kh * geometry.kernel_size[1] + kw
            np.copyto(chosen[windows], images[block][pixels], where=here)

    _for_each_block(values, x.nbytes, gather)
    return out


def _for_each_block(images: np.ndarray, nbytes: int, work: Callable[[slice, slice], None]) -> None:
    """Call ``work(block, rows)`` for slices of the images and of their rows, on all threads.

    Args:
        images: (N, H, ...).
        nbytes: of all that is to be read or written for them.
    """
    N, H = images.shape[:2]
    threads = num_threads() if nbytes >= _MIN_THREADED_BYTES else 1
    count = threads * -(-nbytes // (threads * _BLOCK_BYTES))
    blocks = [
        (block, rows)
        for block in even_slices(N, count)
        for rows in even_slices(H, -(-count // max(1, N)))
    ]

    def run(start: int, stop: int) -> None:
        for block, rows in blocks[start:stop]:
            work(block, rows)

    for_each_slice(len(blocks), run)


def _check_coverage(geometry: Geometry) -> None:
    """Raise ValueError if dilation lays a window around the input, so that it has no maximum."""
    for axis in (0, 1):
        windows = np.zeros(geometry.output_size[axis], bool)
        for k in range(geometry.kernel_size[axis]):
            windows[windows_inside(geometry, axis, k)[0]] = True
        if not windows.all():
            raise ValueError(
                f"max_pool2d expects every window to meet the input, got {geometry}, "
                f"whose window {int(windows.argmin())} along axis {axis} lies around it"
            )


def _positions(geometry: Geometry) -> Iterator[tuple[int, int, Index, Index]]:
    """Each kh and kw, the windows for which they lie inside the input, and those pixels."""
    for kh in range(geometry.kernel_size[0]):
        windows_h, rows = windows_inside(geometry, 0, kh)
        for kw in range(geometry.kernel_size[1]):
            windows_w, columns = windows_inside(geometry, 1, kw)
            yield kh, kw, (_ALL, windows_h, windows_w), (_ALL, rows, columns)
