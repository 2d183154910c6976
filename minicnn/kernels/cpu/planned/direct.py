"""Convolution as matrix products: of the pixels themselves (1x1), or of columns of pixels (im2col).

A block of output pixels is taken through all its calls before the next, so that columns and results
stay in the cache.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from ..runtime.windows import nhwc, unpadded, windows
from .convolution import Convolution
from .products import cut, products, slice_width
from .step import FLOAT, Call, Part, Scratch
from .views import matrices, padded

__all__ = ["im2col", "is_pointwise", "pointwise"]

_ROWS = 8  # of pixels in a product, at least


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
    O, C = conv.weight.shape[:2]
    width = slice_width(_ROWS, C, O)
    matrix_of = conv.weight[:, :, 0, 0].T  # C, O
    filters = conv.once("1x1", lambda: cut(matrix_of.astype(FLOAT, copy=False), width))
    calls: list[Call] = []
    for block in conv.blocks(block_pixels):
        images = unpadded(block.x, block.geometry)
        assert images is not None
        for pixels, results in matrices(images, block.out):
            calls += products(pixels, filters, width, results)
        calls += block.epilogue()
    return Part(calls)


def im2col(conv: Convolution, scratch: Scratch, block_pixels: int) -> Part:
    """Any convolution: windows are copied to the rows of a matrix, which is multiplied."""
    O, Cg, KH, KW = conv.weight.shape
    G, K = conv.geometry.groups, KH * KW * Cg
    width = slice_width(_ROWS, K, O // G)
    grouped = nhwc(conv.weight).reshape(G, O // G, K).swapaxes(1, 2).astype(FLOAT, copy=False)
    filters = conv.once("im2col", lambda: np.stack([cut(group, width) for group in grouped]))
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
        for g in range(G):
            results = block.out[..., g * (O // G) : (g + 1) * (O // G)]
            for rows, target in matrices(columns[g].reshape(n, OH, OW, K), results):
                calls += products(rows, filters[g], width, target)
        calls += block.epilogue()
    return Part(calls)
