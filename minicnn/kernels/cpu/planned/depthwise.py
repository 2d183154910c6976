"""Depthwise convolution as a step: all taps of a block in one call (see :mod:`..conv_depthwise`)."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ...geometry import Geometry
from ..conv_depthwise import by_tap, copies_columns
from ..runtime.windows import windows
from .convolution import Convolution
from .step import FLOAT, Call, Part, Scratch
from .views import padded

__all__ = ["depthwise", "is_depthwise"]


def is_depthwise(conv: Convolution) -> bool:
    """Whether each channel has one filter of its own."""
    return conv.geometry.groups == len(conv.weight) == conv.x.shape[3] > 1


def depthwise(conv: Convolution, scratch: Scratch, block_pixels: int) -> Part:
    """The part of a step: the products of all taps and the pixels under them, summed by ``np.einsum``.

    Its innermost loop takes a whole row of pixels where they are neighbours in memory, else the
    channels of one pixel.
    """
    filters = conv.once("depthwise", lambda: by_tap(conv.weight, FLOAT))  # KH, KW, C
    C = filters.shape[2]
    calls: list[Call] = []
    for block in conv.blocks(block_pixels):
        scratch.release()
        image, copies = padded(block.x, block.geometry, scratch)
        taps, more_copies = _taps(image, block.geometry, scratch)  # n, rows, KH, KW, OW, C
        OW = taps.shape[4]
        are_neighbours = taps.strides[4] == block.out.strides[2] == C * FLOAT.itemsize
        run = OW if are_neighbours else 1
        rows = taps.reshape(*taps.shape[:4], OW // run, run * C)
        target = block.out.reshape(*block.out.shape[:2], OW // run, run * C)
        repeated = np.tile(filters, run)
        product = partial(np.einsum, "nhijwx,ijx->nhwx", rows, repeated, out=target)
        calls += [*copies, *more_copies, product, *block.epilogue()]
    return Part(calls)


def _taps(image: np.ndarray, geometry: Geometry, scratch: Scratch) -> tuple[np.ndarray, list[Call]]:
    """(n, rows, KH, KW, OW, C) view of what is under each tap, and the calls to copy it, if any."""
    C, (OH, OW), (KH, KW) = image.shape[3], geometry.output_size, geometry.kernel_size
    if not copies_columns(geometry, C):
        return windows(image, geometry).transpose(0, 1, 3, 4, 2, 5), []

    # in every padded row, the columns under each kw
    (n, HP), (row, step, pitch) = image.shape[:2], image.strides[1:]
    apart = scratch.take(n, HP, KW, OW, C)
    under = geometry.dilation[1] * step, geometry.stride[1] * step
    source = as_strided(image, apart.shape, (image.strides[0], row, *under, pitch))
    image_step, row, *rest = apart.strides
    rows = image_step, geometry.stride[0] * row, geometry.dilation[0] * row
    taps = as_strided(apart, (n, OH, KH, KW, OW, C), (*rows, *rest))
    return taps, [partial(np.copyto, apart, source)]
