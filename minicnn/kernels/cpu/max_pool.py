"""Max-pooling on the CPU: the maximum of each window, and the tap that has it.

A tap (kh, kw) is one of the KH * KW positions in a window. Maxima are taken along kh first, in every
column of pixels, and then along kw. Each pass compares one tap of all windows in a band of rows:
these are long stretches of memory in channels-last images, because the pixels of a row are
neighbours. Images in another layout are copied to channels-last, a band at a time.

The numbers of taps are compared as bytes, which takes a quarter of the time of a pass over the pixels.
Between two of NumPy's calls a thread holds the interpreter lock, and others may have to wait for it.
So as few calls as possible do the work.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np

from ..geometry import Geometry
from .runtime.blocks import for_each_band
from .runtime.layout import channels_last_empty
from .runtime.masking import clip_negative
from .runtime.taps import (
    Band,
    band_of,
    column_taps,
    combine,
    combine_rows,
    fill_padding,
    pixels_under,
    taps,
)
from .runtime.threads import scratch
from .runtime.windows import nhwc

__all__ = ["max_pool2d", "max_pool2d_relu"]

_BOOL = np.dtype(bool)
_BYTE, _INTEGER = np.dtype(np.int8), np.dtype(np.int32)


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
    no_pixel = math.prod(geometry.kernel_size)
    out = channels_last_empty((*x.shape[:2], *geometry.output_size), x.dtype)
    argmax = None
    if with_argmax:
        argmax = channels_last_empty(out.shape, np.uint8 if no_pixel < 256 else np.int32)
    images, maxima = nhwc(x), nhwc(out)
    lowest = -np.inf if x.dtype.kind in "fV" else np.iinfo(x.dtype).min

    def pool(block: slice, rows: slice) -> None:
        band = band_of(geometry, rows.start, rows.stop)
        pixels = pixels_under(images[block], band)
        best = maxima[block, rows]
        columns = combine_rows(np.maximum, pixels, band, "max_pool2d.columns", x.dtype, lowest)
        columns_under = column_taps(columns, band, "max_pool2d.regrouped")
        combine(np.maximum, columns_under, out=best)
        if argmax is not None:
            ranks_under = column_taps(
                _row_ranks(pixels, columns, band), band, "max_pool2d.regrouped_ranks"
            )
            found = nhwc(argmax)[block, rows]
            ranks = _highest_ranks(columns_under, ranks_under, best, found)
            may_have_nan = ranks.min(initial=1) == 0
            if relu:
                positive = np.greater(best, 0, out=scratch("max_pool2d.equal", best.shape, _BOOL))
                np.multiply(ranks, positive.view(np.int8), out=ranks)
            np.subtract(ranks.dtype.type(no_pixel), ranks, out=ranks)
            if not np.may_share_memory(ranks, found):
                found[...] = ranks
            if may_have_nan:
                _write_nans(pixels, band, out=found)
        if relu:
            clip_negative(best, out=best)

    for_each_band(maxima, x.nbytes, pool)
    return out, argmax


def _row_ranks(pixels: np.ndarray, columns: np.ndarray, band: Band) -> np.ndarray:
    """In every column, the rank KW * (KH - kh) of the first tap kh that has the maximum.

    The earlier a tap, the higher its rank, so the first one is the maximum of the ranks. The last
    tap need not be compared. The rank is 0 in the padding, and where no tap is inside the input.

    Args:
        pixels: (n, h, w, C), under the band.
        columns: their maxima (n, OH, padded width, C), as from :func:`combine_rows`.
    """
    KH, KW = band.geometry.kernel_size
    dtype = _BYTE if KH * KW < 128 else _INTEGER
    ranks = scratch("max_pool2d.row_ranks", columns.shape, dtype)
    fill_padding(ranks, band, 0)
    maxima, out = columns[:, :, band.padded_columns], ranks[:, :, band.padded_columns]
    if KH == 1:
        out.fill(KW)
    else:
        equal = scratch("max_pool2d.equal", (KH - 1, *out.shape), _BOOL)
        for is_equal, (windows, rows) in zip(equal, band.row_taps):
            if windows.stop - windows.start < out.shape[1]:
                is_equal.fill(False)
            np.equal(pixels[:, rows], maxima[:, windows], out=is_equal[:, windows])
        more = scratch("max_pool2d.ranks", equal.shape, dtype)
        np.multiply(equal.view(np.int8), _by_tap(range((KH - 1) * KW, 0, -KW), dtype), out=more)
        combine(np.maximum, list(more), out=out)
        np.add(out, dtype.type(KW), out=out)
    if band.rows_outside:
        out[:, band.rows_outside] = 0
    return ranks


def _highest_ranks(
    columns_under: Sequence[np.ndarray],
    ranks_under: Sequence[np.ndarray],
    best: np.ndarray,
    memory: np.ndarray,
) -> np.ndarray:
    """The rank KH * KW - tap of the first tap that has the maximum: the rank of its row minus kw.

    It is 0 if no tap has the maximum: for NaN, which is not equal to itself, and where no tap is
    inside the input. The result is in ``memory``, if its numbers have the size of ranks.
    """
    KW, dtype = len(columns_under), ranks_under[0].dtype
    equal = scratch("max_pool2d.equal", (KW, *best.shape), _BOOL)
    ranks = scratch("max_pool2d.ranks", equal.shape, dtype)
    for kw in range(KW):
        np.equal(columns_under[kw], best, out=equal[kw])
        np.multiply(ranks_under[kw], equal[kw].view(np.int8), out=ranks[kw])
    np.subtract(ranks, _by_tap(range(KW), dtype), out=ranks)
    out = memory.view(dtype) if memory.itemsize == dtype.itemsize else None
    return np.maximum.reduce(ranks, axis=0, out=out)


@functools.cache
def _by_tap(numbers: range, dtype: np.dtype) -> np.ndarray:
    """A number for each tap of a row or column, (taps, 1, 1, 1, 1)."""
    return np.array(numbers, dtype).reshape(-1, 1, 1, 1, 1)


def _write_nans(pixels: np.ndarray, band: Band, out: np.ndarray) -> None:
    """Write the last tap that is NaN, for windows that have one."""
    for tap, windows, under_tap in taps(band.geometry):
        np.copyto(out[windows], tap, where=np.isnan(pixels[under_tap]))
