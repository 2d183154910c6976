"""Max-pooling on the CPU: the maximum of each window, and the tap that has it.

A tap (kh, kw) is one of the KH * KW positions in a window. Maxima are taken along kh first, in every
column of pixels, and then along kw. Each pass compares one tap of all windows in a band of rows:
these are long stretches of memory in channels-last images, because the pixels of a row are
neighbours. Images in another layout are copied to channels-last, a band at a time.
"""

from __future__ import annotations

import functools

import numpy as np

from ..geometry import Geometry
from .runtime.blocks import for_each_band
from .runtime.layout import channels_last_empty
from .runtime.masking import clip_negative
from .runtime.taps import Tap, column_taps, combine, inside, pixels_under, row_taps, taps
from .runtime.threads import scratch
from .runtime.windows import nhwc, rows_of

__all__ = ["max_pool2d", "max_pool2d_relu"]

_BOOL = np.dtype(bool)


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
    lowest = -np.inf if x.dtype.kind in "fV" else np.iinfo(x.dtype).min

    def pool(block: slice, rows: slice) -> None:
        pixels, band = pixels_under(images[block], rows_of(geometry, rows))
        best = maxima[block, rows]
        rows_under = row_taps(pixels, band)
        shape = (*best.shape[:2], *pixels.shape[2:])
        column_max = scratch("max_pool2d.column_max", shape, x.dtype)
        combine(np.maximum, rows_under, column_max, lowest)
        columns_under = column_taps(column_max, band, "max_pool2d.regrouped")
        combine(np.maximum, columns_under, best, lowest)
        if argmax is not None:
            found = nhwc(argmax)[block, rows]
            row_ranks = _row_ranks(rows_under, column_max, band, found.dtype)
            ranks_under = column_taps(row_ranks, band, "max_pool2d.regrouped_ranks")
            _write_highest_rank(columns_under, ranks_under, best, found)
            found[:, _rows_outside(band)] = 0
            _ranks_to_argmax(found, best, pixels, band, relu)
        if relu:
            clip_negative(best, out=best)

    for_each_band(maxima, x.nbytes, pool)
    return out, argmax


def _row_ranks(
    rows_under: list[Tap], column_max: np.ndarray, band: Geometry, dtype: np.dtype
) -> np.ndarray:
    """In every column, the rank KW * (KH - kh) of the first tap kh that has the maximum.

    ``kh`` is how many taps come before it, so the last tap need not be compared.
    """
    KH, KW = band.kernel_size
    ranks = scratch("max_pool2d.row_ranks", column_max.shape, dtype)
    is_before = scratch("max_pool2d.is_before", ranks.shape, _BOOL)
    differs = scratch("max_pool2d.differs", ranks.shape, _BOOL)
    ranks.fill(KH)
    for kh, (windows, values) in enumerate(rows_under[:-1]):
        result = differs if kh else is_before
        if values.shape != ranks.shape:
            result.fill(True)
        np.not_equal(values, column_max[windows], out=result[windows])
        if kh:
            np.logical_and(is_before, differs, out=is_before)
        np.subtract(ranks, is_before.view(np.uint8), out=ranks)
    return np.multiply(ranks, dtype.type(KW), out=ranks)


def _write_highest_rank(
    columns_under: list[Tap], ranks_under: list[Tap], maxima: np.ndarray, out: np.ndarray
) -> None:
    """Write the rank KH * KW - tap of the first tap that has the maximum.

    The earlier a tap, the higher its rank, so the first one is the maximum of the ranks. The rank is
    0 if no tap has the maximum: for NaN, which is not equal to itself, and where no tap is inside.
    """
    out.fill(0)
    equal = scratch("max_pool2d.equal", out.shape, _BOOL)
    rank_there = scratch("max_pool2d.rank_there", out.shape, out.dtype)
    pairs = zip(columns_under, ranks_under, strict=True)
    for kw, ((windows, values), (_, ranks)) in enumerate(pairs):
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
