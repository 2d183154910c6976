"""Which steps can compute a convolution: a plan measures them and keeps the fastest."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import partial

import numpy as np

from ...geometry import Geometry
from ..runtime.windows import even_slices
from ..winograd import possible, tiles
from .convolution import Convolution
from .direct import im2col, is_pointwise, pointwise
from .step import Part, Scratch, Step
from .winograd import winograd

__all__ = ["candidates"]

_COLUMN_VALUES = (1 << 17, 1 << 19)  # of im2col in a block
_PIXEL_VALUES = (1 << 17, 1 << 30)  # of 1x1 convolutions in a block
_BLOCK_TILES = (49, 196)

MakePart = Callable[[Convolution, Scratch], Part]


def candidates(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    geometry: Geometry,
    out: np.ndarray,
    relu: bool = False,
    residual: np.ndarray | None = None,
    threads: int = 1,
    scratch: Sequence[Scratch] | None = None,
    prepared: dict[Hashable, np.ndarray] | None = None,
    only: str | None = None,
) -> list[Step]:
    """The steps that compute ``out = relu(conv2d(x, weight, bias) + residual)``, all in float32.

    Args:
        x: (N, H, W, C), channels-last in memory; the channels may be a slice of a wider buffer.
        weight: (O, C / groups, KH, KW); transformed here, so later changes have no effect.
        bias: (O,) or None.
        geometry: where the windows lie.
        out: (N, OH, OW, O); the channels may be a slice of a wider buffer.
        relu: whether to apply a ReLU at the end.
        residual: of the shape of ``out``, or None.
        threads: the number of parts of each step. BLAS should use one thread in each.
        scratch: memory for each thread, by default some of the step's own.
        prepared: keeps transformed filters, for other convolutions with the same weight.
        only: the name of the one step to make.
    """
    prepared = {} if prepared is None else prepared
    filters = 0, len(weight)
    conv = Convolution(x, weight, bias, geometry, out, residual, relu, prepared, filters)
    memory = scratch or [Scratch() for _ in range(threads)]
    found: list[Step] = []
    for name, unit, make in _algorithms(conv):
        for way, pieces in _shared(conv, threads, unit).items():
            if only in (None, name + way):
                found.append(Step(name + way, [*map(make, pieces, memory)]))
    return found


def _algorithms(conv: Convolution) -> list[tuple[str, int, MakePart]]:
    """The algorithms for a convolution: name, unit of output rows, and the function for a part."""
    found: list[tuple[str, int, MakePart]] = []
    if is_pointwise(conv):
        name, function, sizes = "1x1", pointwise, _PIXEL_VALUES
        values = conv.x.shape[3] + conv.out.shape[3]
    else:
        name, function, sizes = "im2col", im2col, _COLUMN_VALUES
        values = conv.geometry.groups * conv.weight[0].size
    for size in sizes:
        pixels = size // values
        found.append((f"{name}, {pixels} pixels", 1, partial(function, block_pixels=pixels)))

    if conv.geometry.stride == (1, 1) and possible(conv.x.dtype, conv.weight.shape, conv.geometry):
        for M in tiles(conv.weight.shape[2]):
            for count in _BLOCK_TILES:
                name = f"winograd {M}x{M}, {count} tiles"
                found.append((name, M, partial(winograd, M=M, block_tiles=count)))
    return found


def _shared(conv: Convolution, threads: int, unit: int) -> dict[str, list[Convolution]]:
    """The ways to share a convolution among threads: by output rows (in units), and by filters."""
    if threads == 1:
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
