"""Depthwise convolution: every filter sees one channel, so there is no matrix product to make of it.

Instead, each tap (kh, kw) of the filters is multiplied with the pixels under it and added up.
``np.einsum`` does that for all taps of a block in one call, without temporary arrays, and keeps what
it needs next in the cache. Its innermost loop runs over neighbours in memory: in channels-last
images, all channels of a row of pixels, for which the weights of a tap are repeated. So the loop is
long even with few channels.

With a stride, the pixels under a tap are no neighbours. If there are many channels, the innermost
loop takes one pixel; otherwise the columns under each kw are first copied next to each other.

Beside the usual names, M is the channel multiplier: there are O = C * M filters, and filter
c * M + m sees channel c. Those of one m are an array (KH, KW, C).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ...memory import empty
from ..geometry import Geometry
from .runtime.masking import clip_negative
from .runtime.precision import compute_dtype
from .runtime.taps import inside
from .runtime.threads import for_each_slice, num_threads, scratch
from .runtime.windows import even_slices, nchw, nhwc, pad, padded_size, phases, rows_of, windows

__all__ = [
    "by_tap",
    "conv2d",
    "conv2d_input_grad",
    "conv2d_weight_grad",
    "copies_columns",
    "cost",
    "possible",
]

_BLOCK_VALUES = 1 << 19  # in the output of a block
_MIN_THREADED = 1 << 20  # multiplications; with fewer, waking threads costs more than they save
_FEW_CHANNELS = 96  # with fewer, and a stride, columns are copied
_MAX_MULTIPLIER = 4  # with more filters for each channel, matrix products are faster

Block = tuple[slice, slice]  # images and output rows
Task = Callable[[], None]


def possible(weight_shape: tuple[int, ...], geometry: Geometry) -> bool:
    """Whether each channel has filters of its own, (O, 1, KH, KW) in all, and only a few."""
    O, Cg, _, _ = weight_shape
    return Cg == 1 and 1 < geometry.groups and O <= _MAX_MULTIPLIER * geometry.groups


def cost(N: int, weight_shape: tuple[int, ...], geometry: Geometry) -> float:
    """The estimated time of each of the three passes, in multiplications of a matrix product."""
    P = N * math.prod(geometry.output_size)
    return 7 * P * math.prod(weight_shape) + 20 * P * weight_shape[0]


def by_tap(weight: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """(KH, KW, C) from filters (C, 1, KH, KW)."""
    return weight[:, 0].transpose(1, 2, 0).astype(dtype, order="C")


def copies_columns(geometry: Geometry, C: int) -> bool:
    """Whether the columns under each kw are copied next to each other."""
    return geometry.stride[1] > 1 and C < _FEW_CHANNELS


def conv2d(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    geometry: Geometry,
    relu: bool = False,
) -> np.ndarray:
    """Convolution, with ReLU if wanted: see :func:`.conv.conv2d`."""
    out = empty((len(x), *geometry.output_size, len(weight)), x.dtype)
    dtype, M, tasks = compute_dtype(x.dtype), len(weight) // geometry.groups, []
    threads = _threads(out.size * weight[0].size)
    for m in range(M):
        some_bias = None if bias is None else bias[m::M].astype(dtype)
        filters = by_tap(weight[m::M], dtype)
        tasks += _tasks(nhwc(x), filters, geometry, out[..., m::M], threads, some_bias, relu)
    _run(tasks, threads)
    return nchw(out)


def conv2d_input_grad(grad: np.ndarray, weight: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The gradient of the input: see :func:`.conv.conv2d_input_grad`."""
    dtype, M = compute_dtype(grad.dtype), len(weight) // geometry.groups
    if M > 1:
        grads = (grad[:, m::M].astype(dtype, copy=False) for m in range(M))
        parts = [conv2d_input_grad(g, weight[m::M], geometry) for m, g in enumerate(grads)]
        return functools.reduce(np.add, parts).astype(grad.dtype, copy=False)

    out = empty((len(grad), *geometry.input_size, geometry.groups), grad.dtype)
    filters, tasks, threads = by_tap(weight, dtype), [], _threads(grad.size * weight[0].size)
    for phase in phases(geometry):
        pixels = out[:, phase.rows, phase.columns]
        some_filters = filters[np.ix_(*phase.taps)][::-1, ::-1]
        if some_filters.size:
            tasks += _tasks(nhwc(grad), some_filters, phase.geometry, pixels, threads)
        else:
            pixels.fill(0)
    _run(tasks, threads)
    return nchw(out)


def conv2d_weight_grad(
    grad: np.ndarray, x: np.ndarray, geometry: Geometry, dtype: np.dtype | None = None
) -> np.ndarray:
    """The gradient of the weight: see :func:`.conv.conv2d_weight_grad`."""
    O, M = grad.shape[1], grad.shape[1] // geometry.groups
    weight_grad = np.empty((O, 1, *geometry.kernel_size), dtype or x.dtype)
    for m in range(M):
        sums = _weight_grad(nhwc(grad[:, m::M]), nhwc(x), geometry)
        weight_grad[m::M, 0] = sums.transpose(2, 0, 1)
    return weight_grad


def _weight_grad(grads: np.ndarray, images: np.ndarray, geometry: Geometry) -> np.ndarray:
    """(KH, KW, C): for each tap, the sum of gradients (N, OH, OW, C) times the pixels under it."""
    C, dtype = images.shape[-1], compute_dtype(images.dtype)
    run = _run_length(geometry, C)
    shape = *geometry.kernel_size, run * C
    threads = _threads(grads.size * math.prod(geometry.kernel_size))
    blocks = _blocks(grads, threads)
    sums: dict[int, np.ndarray] = {}  # one for each thread, by its first block

    def work(start: int, stop: int) -> None:
        total, summand = np.zeros(shape, dtype), scratch("depthwise.summand", shape, dtype)
        for block in blocks[start:stop]:
            taps = _taps(images, block, geometry, dtype)
            pixels = grads[block].astype(dtype, order="C", copy=False)
            np.einsum("nhijwx,nhwx->ijx", _in_runs(taps, run), _in_runs(pixels, run), out=summand)
            np.add(total, summand, out=total)
        sums[start] = total.reshape(*geometry.kernel_size, run, C).sum(axis=2)

    if threads == 1:
        work(0, len(blocks))
    else:
        for_each_slice(len(blocks), work)
    return functools.reduce(np.add, [sums[start] for start in sorted(sums)])  # in a fixed order


def _tasks(
    images: np.ndarray,
    filters: np.ndarray,
    geometry: Geometry,
    out: np.ndarray,
    threads: int,
    bias: np.ndarray | None = None,
    relu: bool = False,
) -> list[Task]:
    """What writes ``out`` (N, OH, OW, C), block by block."""
    C, dtype = filters.shape[-1], filters.dtype
    run = _run_length(geometry, C)
    repeated = np.tile(filters, run)
    bias = None if bias is None else np.tile(bias, run)
    dense = out.dtype == dtype and out.strides[2:] == (C * out.itemsize, out.itemsize)

    def write(block: Block) -> None:
        target = out[block]
        sums = target if dense else scratch("depthwise.sums", target.shape, dtype)
        rows = _in_runs(sums, run)
        taps = _taps(images, block, geometry, dtype)
        np.einsum("nhijwx,ijx->nhwx", _in_runs(taps, run), repeated, out=rows)
        if bias is not None:
            np.add(rows, bias, out=rows)
        if relu:
            clip_negative(rows, out=rows)
        if not dense:
            target[...] = sums

    return [functools.partial(write, block) for block in _blocks(out, threads)]


def _threads(multiplications: int) -> int:
    """The number of threads that pays for so many multiplications."""
    return num_threads() if multiplications >= _MIN_THREADED else 1


def _run(tasks: list[Task], threads: int) -> None:
    """Run the tasks; each thread takes some of every kind."""

    def work(start: int, stop: int) -> None:
        for i in range(start, stop):
            for task in tasks[i::threads]:
                task()

    for_each_slice(threads, work)


def _blocks(out: np.ndarray, threads: int) -> list[Block]:
    """Blocks of whole images or of some rows of one image, equally many for each thread."""
    N, H = out.shape[:2]
    count = -(-out.size // (threads * _BLOCK_VALUES)) * threads
    return [
        (images, rows)
        for images in even_slices(N, count)
        for rows in even_slices(H, -(-count // max(1, N)))
    ]


def _taps(images: np.ndarray, block: Block, geometry: Geometry, dtype: np.dtype) -> np.ndarray:
    """(n, rows, KH, KW, OW, C) view of what is under each tap, in the images or in scratch memory."""
    band = rows_of(geometry, block[1])
    if not copies_columns(geometry, images.shape[-1]):
        padded = pad(images[block[0]], band, dtype)
        return windows(padded, band).transpose(0, 1, 3, 4, 2, 5)

    columns = _columns(images[block[0]], band, dtype)  # n, HP, KW, OW, C
    image, row, tap, step, pitch = columns.strides
    (n, _, KW, OW, C), (KH, _) = columns.shape, band.kernel_size
    strides = image, band.stride[0] * row, band.dilation[0] * row, tap, step, pitch
    shape = n, band.output_size[0], KH, KW, OW, C
    return as_strided(columns, shape, strides, writeable=False)


def _columns(images: np.ndarray, band: Geometry, dtype: np.dtype) -> np.ndarray:
    """(n, HP, KW, OW, C) in scratch memory: in every padded row, the columns under each kw."""
    (n, H, _, C), (HP, _), top = images.shape, padded_size(band), band.padding[0]
    columns = scratch("columns", (n, HP, band.kernel_size[1], band.output_size[1], C), dtype)
    columns.fill(0)
    first = max(0, -top)
    last = max(first, min(H, HP - top))
    for kw in range(band.kernel_size[1]):
        windows, pixels = inside(band, 1, kw)
        columns[:, first + top : last + top, kw, windows] = images[:, first:last, pixels]
    return columns


def _run_length(geometry: Geometry, C: int) -> int:
    """How many pixels of a row the innermost loop takes: all, if they are neighbours, else one."""
    by_pixel = geometry.stride[1] > 1 and not copies_columns(geometry, C)
    return 1 if by_pixel else geometry.output_size[1]


def _in_runs(pixels: np.ndarray, run: int) -> np.ndarray:
    """(..., OW / run, run * C) view of (..., OW, C)."""
    *others, OW, C = pixels.shape
    return pixels.reshape(*others, OW // run, run * C)
