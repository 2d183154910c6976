"""Convolution as matrix products: of the pixels themselves (1x1), or of columns of pixels (im2col).

A block of output pixels is taken through all its calls before the next, so that columns and results
stay in the cache.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from ..runtime.windows import nhwc, unpadded, windows
from .convolution import Convolution
from .step import FLOAT, Call, Part, Scratch
from .views import matrix, padded

__all__ = ["im2col", "is_pointwise", "pointwise"]


def is_pointwise(conv: Convolution) -> bool:
    """Whether each output pixel comes from one input pixel, at the same place."""
    geometry = conv.geometry
    return (
        geometry.kernel_size == geometry.stride == (1, 1)
        and geometry.groups == 1
        and unpadded(conv.x, geometry) is not None
    )


def pointwise(conv: Convolution, scratch: Scratch, block_pixels: int) -> Part:
    """A 1x1 convolution: products over views of the images, without scratch memory."""
    filters = conv.once("1x1", lambda: np.ascontiguousarray(conv.weight[:, :, 0, 0].T, FLOAT))  # C, O
    calls: list[Call] = []
    for block in conv.blocks(block_pixels):
        images = unpadded(block.x, block.geometry)
        assert images is not None
        pixels, results = matrix(images), matrix(block.out)
        if pixels.ndim != results.ndim:
            pixels, results = images, block.out
        calls += [partial(np.matmul, pixels, filters, results), *block.epilogue()]
    return Part(calls)


def im2col(conv: Convolution, scratch: Scratch, block_pixels: int) -> Part:
    """Any convolution: windows are copied to the rows of a matrix, which is multiplied."""
    O, Cg, KH, KW = conv.weight.shape
    G, K = conv.geometry.groups, KH * KW * Cg
    columns_of = nhwc(conv.weight).reshape(G, O // G, K).swapaxes(1, 2)
    filters = conv.once("im2col", lambda: np.ascontiguousarray(columns_of, FLOAT))  # G, K, Og
    scratch.release()
    memory: np.ndarray | None = None
    calls: list[Call] = []
    for block in conv.blocks(block_pixels):
        image, copies = padded(block.x, block.geometry, scratch)
        view = windows(image, block.geometry)  # n, rows, OW, KH, KW, C
        n, OH, OW = view.shape[:3]
        by_group = np.moveaxis(view.reshape(n, OH, OW, KH, KW, G, Cg), 5, 0)
        if memory is None:  # the first block is the largest
            memory = scratch.take(by_group.size)
        columns = memory[: by_group.size].reshape(by_group.shape)
        calls += [*copies, partial(np.copyto, columns, by_group)]
        calls += _products(columns.reshape(G, n * OH * OW, K), filters, block.out)
        calls += block.epilogue()
    return Part(calls)


def _products(columns: np.ndarray, filters: np.ndarray, out: np.ndarray) -> list[Call]:
    """The products of (G, P, K) and (G, K, Og), written to (n, OH, OW, G * Og)."""
    Og, calls = filters.shape[2], []
    for g in range(len(filters)):
        results = matrix(out[..., g * Og : (g + 1) * Og])
        rows = columns[g].reshape(*results.shape[:-1], columns.shape[2])
        calls.append(partial(np.matmul, rows, filters[g], results))
    return calls
