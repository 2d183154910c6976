"""Max-pooling on the CPU: the maximum of each window, and the tap that has it.

A tap (kh, kw) is one of the KH * KW positions in a window. Maxima are taken along kh first, in every
column of pixels, and then along kw. Each pass compares one tap of all windows in a band of rows:
these are long stretches of memory in channels-last images, because the pixels of a row are
neighbours. Images in another layout are copied to channels-last, a band at a time.
"""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np

from ..geometry import Geometry
from .runtime.blocks import for_each_band
from .runtime.layout import channels_last_empty, write_channels_last
from .runtime.masking import clip_negative
from .runtime.taps import ALL, Index, extents, inside, taps
from .runtime.threads import scratch
from .runtime.windows import nhwc, rows_of

__all__ = ["max_pool2d", "max_pool2d_relu", "regrouped_columns"]

_BOOL = np.dtype(bool)
_LONG_RUN = 32  # values; shorter runs of memory are copied together before several passes over them

Tap = tuple[Index, np.ndarray]  # the windows where it is inside the input; the pixels under it


def max_pool2d(
    x: np.ndarray, geometry: Geometry, with_argmax: bool = True
) -> tuple[np.ndarray, np.ndarray | None]:
    """The maximum of each window, and its argmax: the tap kh * KW + kw that has it.

    As ``torch.nn.functional.max_pool2d``: padding counts as -inf, and of equal maxima the first is
    the argmax. NaN is larger than every number, and of several NaNs the last is the argmax. A window
    wholly outside the input gives -inf and argmax KH * KW, "no pixel", to which no gradient goes.
    (PyTorch's index is then a pixel outside the input.)

    Args:
        x: (N, C, H, W).
        geometry: where the windows lie.
        with_argmax: whether the argmax is wanted, which takes longer than the maximum.

    Returns:
        Both (N, C, OH, OW); the argmax is uint8 if KH * KW < 256, else int32; None if not wanted.
    """
    return _max_pool2d(x, geometry, with_argmax, relu=False)


def max_pool2d_relu(
    x: np.ndarray, geometry: Geometry, with_argmax: bool = True
) -> tuple[np.ndarray, np.ndarray | None]:
    """ReLU of :func:`max_pool2d`, in the same passes.

    Where the maximum is not above 0, the argmax is KH * KW, "no pixel": no gradient passes.
    """
    return _max_pool2d(x, geometry, with_argmax, relu=True)


def _max_pool2d(
    x: np.ndarray, geometry: Geometry, with_argmax: bool, relu: bool
) -> tuple[np.ndarray, np.ndarray | None]:
    KH, KW = geometry.kernel_size
    out = channels_last_empty((*x.shape[:2], *geometry.output_size), x.dtype)
    argmax = None
    if with_argmax:
        argmax = channels_last_empty(out.shape, np.uint8 if KH * KW < 256 else np.int32)
    images, maxima = nhwc(x), nhwc(out)

    def pool(block: slice, rows: slice) -> None:
        pixels, band = _pixels_under(images[block], rows_of(geometry, rows))
        best = maxima[block, rows]
        row_taps = _row_taps(pixels, band)
        shape = (*best.shape[:2], *pixels.shape[2:])
        column_max = scratch("max_pool2d.column_max", shape, x.dtype)
        _write_maximum(row_taps, column_max)
        column_taps = _column_taps(column_max, band, "max_pool2d.regrouped")
        _write_maximum(column_taps, best)
        if argmax is not None:
            found = nhwc(argmax)[block, rows]
            row_ranks = _row_ranks(row_taps, column_max, band, found.dtype)
            rank_taps = _column_taps(row_ranks, band, "max_pool2d.regrouped_ranks")
            _write_highest_rank(column_taps, rank_taps, best, found)
            found[:, _rows_outside(band)] = 0
            _ranks_to_argmax(found, best, pixels, band, relu)
        if relu:
            clip_negative(best, out=best)

    for_each_band(maxima, x.nbytes, pool)
    return out, argmax


def _pixels_under(images: np.ndarray, band: Geometry) -> tuple[np.ndarray, Geometry]:
    """The pixels (n, H, W, C) under a band of windows, and the band's geometry in them.

    They are ``images`` if these are channels-last in memory, else a copy of the rows in the band.
    """
    if images.strides[3] == images.itemsize or images.shape[3] == 1:
        return images, band
    height = (band.output_size[0] - 1) * band.stride[0] + extents(band)[0]
    top = max(0, -band.padding[0])
    rows = images[:, top : max(top, height - band.padding[0])]
    pixels = scratch("max_pool2d.pixels", rows.shape, images.dtype)
    write_channels_last(rows, out=pixels)
    padding = band.padding[0] + top, band.padding[1]
    return pixels, replace(band, input_size=pixels.shape[1:3], padding=padding)


def _row_taps(pixels: np.ndarray, band: Geometry) -> list[Tap]:
    """The taps kh = 0, 1, ... in every column of pixels (n, H, W, C)."""
    found = []
    for kh in range(band.kernel_size[0]):
        windows, rows = inside(band, 0, kh)
        found.append(((ALL, windows, ALL), pixels[:, rows]))
    return found


def _column_taps(columns: np.ndarray, band: Geometry, name: str) -> list[Tap]:
    """The taps kw = 0, 1, ... in every row of ``columns`` (n, OH, W, C).

    With a stride along the row they are runs of C values. If these are short, the columns are first
    regrouped by index modulo stride, in this thread's scratch memory of that ``name``.
    """
    (n, OH, W, C), stride = columns.shape, band.stride[1]
    taps_of_rows = [inside(band, 1, kw) for kw in range(band.kernel_size[1])]
    if stride == 1 or C >= _LONG_RUN:
        return [((ALL, ALL, windows), columns[:, :, part]) for windows, part in taps_of_rows]

    groups = scratch(name, (stride, n, OH, -(-W // stride), C), columns.dtype)
    for remainder in range(min(stride, W)):
        group = columns[:, :, remainder::stride]
        groups[remainder, :, :, : group.shape[2]] = group
    found = []
    for kw in range(band.kernel_size[1]):
        windows, remainder, part = regrouped_columns(band, kw)
        found.append(((ALL, ALL, windows), groups[remainder, :, :, part]))
    return found


def regrouped_columns(geometry: Geometry, kw: int) -> tuple[slice, int, slice]:
    """Where the columns under tap ``kw`` are after regrouping by index modulo stride.

    Returns:
        The windows whose tap is inside the input, the group of their columns (all have the same
        remainder), and their slice of this group.
    """
    windows, columns = inside(geometry, 1, kw)
    first, remainder = divmod(columns.start, geometry.stride[1])
    return windows, remainder, slice(first, first + windows.stop - windows.start)


def _write_maximum(tap_list: list[Tap], out: np.ndarray) -> None:
    """Write the maximum over all taps, -inf (or the smallest integer) where none is inside."""
    (_, best), *others = tap_list
    if not (others and best.shape == others[0][1].shape == out.shape):
        out.fill(-np.inf if out.dtype.kind in "fV" else np.iinfo(out.dtype).min)
        best, others = out, tap_list
    for windows, values in others:
        np.maximum(values, best[windows], out=out[windows])
        best = out


def _row_ranks(
    row_taps: list[Tap], column_max: np.ndarray, band: Geometry, dtype: np.dtype
) -> np.ndarray:
    """In every column, the rank KW * (KH - kh) of the first tap kh that has the maximum.

    ``kh`` is how many taps come before it, so the last tap need not be compared.
    """
    KH, KW = band.kernel_size
    ranks = scratch("max_pool2d.row_ranks", column_max.shape, dtype)
    is_before = scratch("max_pool2d.is_before", ranks.shape, _BOOL)
    differs = scratch("max_pool2d.differs", ranks.shape, _BOOL)
    ranks.fill(KH)
    for kh, (windows, values) in enumerate(row_taps[:-1]):
        result = differs if kh else is_before
        if values.shape != ranks.shape:
            result.fill(True)
        np.not_equal(values, column_max[windows], out=result[windows])
        if kh:
            np.logical_and(is_before, differs, out=is_before)
        np.subtract(ranks, is_before.view(np.uint8), out=ranks)
    return np.multiply(ranks, dtype.type(KW), out=ranks)


def _write_highest_rank(
    column_taps: list[Tap], rank_taps: list[Tap], maxima: np.ndarray, out: np.ndarray
) -> None:
    """Write the rank KH * KW - tap of the first tap that has the maximum.

    The earlier a tap, the higher its rank, so the first one is the maximum of the ranks. The rank is
    0 if no tap has the maximum: for NaN, which is not equal to itself, and where no tap is inside.
    """
    out.fill(0)
    equal = scratch("max_pool2d.equal", out.shape, _BOOL)
    rank_there = scratch("max_pool2d.rank_there", out.shape, out.dtype)
    for kw, ((windows, values), (_, ranks)) in enumerate(zip(column_taps, rank_taps, strict=True)):
        np.equal(values, maxima[windows], out=equal[windows])
        np.subtract(ranks, out.dtype.type(kw), out=rank_there[windows])
        np.multiply(rank_there[windows], equal[windows].view(np.uint8), out=rank_there[windows])
        np.maximum(out[windows], rank_there[windows], out=out[windows])


@functools.lru_cache(maxsize=256)
def _rows_outside(band: Geometry) -> np.ndarray:
    """The rows of windows that have no tap inside the input."""
    is_outside = np.ones(band.output_size[0], bool)
    for kh in range(band.kernel_size[0]):
        is_outside[inside(band, 0, kh)[0]] = False
    return np.flatnonzero(is_outside)


def _ranks_to_argmax(
    ranks: np.ndarray, best: np.ndarray, pixels: np.ndarray, band: Geometry, relu: bool
) -> None:
    """Turn ranks into argmax, in place: KH * KW for rank 0 and, with ReLU, for maxima <= 0."""
    KH, KW = band.kernel_size
    may_have_nan = ranks.min(initial=1) == 0
    if relu:
        positive = np.greater(best, 0, out=scratch("max_pool2d.equal", best.shape, _BOOL))
        np.multiply(ranks, positive.view(np.uint8), out=ranks)
    np.subtract(KH * KW, ranks, out=ranks)
    if may_have_nan:
        for tap, windows, under_tap in taps(band):
            np.copyto(ranks[windows], tap, where=np.isnan(pixels[under_tap]))
