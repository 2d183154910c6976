"""Which steps can compute a convolution: a plan measures them and keeps the fastest."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import partial

import numpy as np

from ...geometry import Geometry
from ..runtime.windows import even_slices
from ..winograd import possible, tiles
from .convolution import Convolution
from .depthwise import depthwise, is_depthwise
from .direct import im2col, is_pointwise, pointwise
from .step import Limits, Part, Scratch, Step
from .winograd import points_per_pixel, winograd

__all__ = ["candidates"]

# Values in a block: of the columns of im2col, of the pixels of 1x1 convolutions, or of the points of
# Winograd's algorithm.
_COLUMNS = (1 << 17, 1 << 19)
_PIXELS = (1 << 17, 1 << 30)
_POINTS = (1 << 18, 1 << 19, 1 << 20)
_DEPTHWISE = (1 << 16, 1 << 18)  # of its output

# Multiplications; with fewer, waiting for another thread costs more than it saves.
_MIN_SHARED = 1 << 18

MakePart = Callable[[Convolution, Scratch], Part]


def candidates(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    geometry: Geometry,
    out: np.ndarray,
    limits: Limits | None = None,
    residual: np.ndarray | None = None,
    threads: int = 1,
    scratch: Sequence[Scratch] | None = None,
    prepared: dict[Hashable, np.ndarray] | None = None,
    only: str | None = None,
) -> Iterator[Step]:
    """Makes, one by one, the steps that compute ``out = conv2d(x, weight, bias) + residual``, all in float32.

    Args:
        x: (N, H, W, C), channels-last in memory; the channels may be a slice of a wider buffer.
        weight: (O, C / groups, KH, KW); transformed here, so later changes have no effect.
        bias: (O,) or None.
        geometry: where the windows lie.
        out: (N, OH, OW, O); the channels may be a slice of a wider buffer.
        limits: of the result, for a ReLU at the end, or None.
        residual: of the shape of ``out``, or None.
        threads: the number of parts of each step. BLAS should use one thread in each.
        scratch: memory for each thread, by default some of the step's own.
        prepared: keeps transformed filters, for other convolutions with the same weight.
        only: the name of the one step to make.
    """
    prepared = {} if prepared is None else prepared
    filters = 0, len(weight)
    conv = Convolution(x, weight, bias, geometry, out, residual, limits, prepared, filters)
    memory = scratch or [Scratch() for _ in range(threads)]
    for name, unit, make in _algorithms(conv):
        for way, pieces in _shared(conv, threads, unit).items():
            if only in (None, name + way):
                yield Step(name + way, [*map(make, pieces, memory)])


def _algorithms(conv: Convolution) -> Iterator[tuple[str, int, MakePart]]:
    """The algorithms for a convolution: name, unit of output rows, and the function for a part."""
    O, Cg, KH, _ = conv.weight.shape
    if is_depthwise(conv):
        for pixels in _block_sizes(conv, _DEPTHWISE, O):
            yield f"depthwise, {pixels} pixels", 1, partial(depthwise, block_pixels=pixels)
    elif is_pointwise(conv):
        for pixels in _block_sizes(conv, _PIXELS, Cg + O):
            yield f"1x1, {pixels} pixels", 1, partial(pointwise, block_pixels=pixels)
    else:
        for pixels in _block_sizes(conv, _COLUMNS, conv.geometry.groups * conv.weight[0].size):
            yield f"im2col, {pixels} pixels", 1, partial(im2col, block_pixels=pixels)
    if possible(conv.x.dtype, conv.weight.shape, conv.geometry):
        for M in tiles(-(-KH // conv.geometry.stride[0])):
            for pixels in _block_sizes(conv, _POINTS, points_per_pixel(conv, M), M):
                make = partial(winograd, M=M, block_pixels=pixels)
                yield f"winograd {M}x{M}, {pixels} pixels", M, make


def _block_sizes(
    conv: Convolution, values: tuple[int, ...], per_pixel: float, unit: int = 1
) -> list[int]:
    """How many output pixels make blocks of so many values; only sizes that make a difference."""
    sizes = [int(size / per_pixel) for size in values]
    return list({len(conv.blocks(pixels, unit)): pixels for pixels in sizes}.values())


def _shared(conv: Convolution, threads: int, unit: int) -> dict[str, list[Convolution]]:
    """The ways to share a convolution among threads: by output rows (in units), and by filters."""
    if threads == 1 or conv.out[..., 0].size * conv.weight.size < _MIN_SHARED:
        return {"": [conv]}
    N, OH, _, O = conv.out.shape
    everything = slice(0, N)
    rows = [
        slice(some.start * unit, min(some.stop * unit, OH))
        for some in even_slices(-(-OH // unit), threads)
    ]
    ways = {", by rows": [conv.block(everything, some) for some in rows]}
    if conv.geometry.groups == 1 and O >= threads:
        ways[", by filters"] = [conv.filtered(some) for some in even_slices(O, threads)]
    return ways
