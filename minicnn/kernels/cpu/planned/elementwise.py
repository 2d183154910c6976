"""Steps of elementwise passes over images (N, H, W, C), in blocks that stay in a core's cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from ..runtime.windows import even_slices
from .epilogue import add_bias, limited
from .step import FLOAT, Call, Limits, Part, Scratch, Step
from .views import matrix

__all__ = ["add", "by_blocks", "channel_affine", "clip", "local_response_norm"]

_BLOCK_VALUES = 1 << 16
_MIN_SHARED = 1 << 13  # values; with fewer, waiting for another thread costs more than it saves


def clip(x: np.ndarray, limits: Limits, out: np.ndarray, threads: int = 1) -> Step:
    """``out`` = ``x`` within the limits, of any equal shape; NaN stays NaN."""
    return by_blocks("clip", x, threads, lambda at: [partial(np.clip, x[at], *limits, out[at])])


def add(
    a: np.ndarray,
    b: np.ndarray,
    out: np.ndarray,
    limits: Limits | None = None,
    threads: int = 1,
) -> Step:
    """``out`` = a + b, within limits if there are any; all of the same shape."""

    def block(at: tuple[slice, ...]) -> list[Call]:
        return [partial(np.add, a[at], b[at], out[at]), *limited(out[at], limits)]

    return by_blocks("add", a, threads, block)


def channel_affine(
    x: np.ndarray,
    scale: np.ndarray,
    shift: np.ndarray,
    out: np.ndarray,
    limits: Limits | None = None,
    threads: int = 1,
) -> Step:
    """``out`` = x * scale + shift, within limits if there are any; the others are (C,)."""
    W = x.shape[2]
    scales = np.tile(scale.astype(FLOAT), (W, 1))  # NumPy is slow in short inner loops

    def block(at: tuple[slice, ...]) -> list[Call]:
        calls: list[Call] = [partial(np.multiply, x[at], scales, out[at]), add_bias(out[at], shift)]
        return calls + limited(out[at], limits)

    return by_blocks("channel_affine", x, threads, block)


def local_response_norm(
    x: np.ndarray,
    size: int,
    alpha: float,
    beta: float,
    k: float,
    out: np.ndarray,
    threads: int = 1,
    scratch: Sequence[Scratch] | None = None,
) -> Step:
    """``out`` = x / (k + alpha / size * s)^beta, s the sum of squares of ``size`` channels around it.

    The sums of neighbouring channels are a product with a matrix of ones in a band.
    """
    C = x.shape[3]
    distance = np.arange(C) - np.arange(C)[:, None]  # of the channel that is written
    band = (-(size // 2) <= -distance) & (-distance <= (size - 1) // 2)
    weights = (band * (alpha / size)).astype(FLOAT)
    memories = scratch or [Scratch() for _ in range(threads)]
    bias = np.full(C, k, FLOAT)

    def block(at: tuple[slice, ...], memory: Scratch) -> list[Call]:
        pixels = x[at]
        memory.release()
        squares, response = memory.take(*pixels.shape), memory.take(*pixels.shape)
        calls: list[Call] = [
            partial(np.multiply, pixels, pixels, squares),
            partial(np.matmul, matrix(squares), weights, matrix(response)),
            add_bias(response, bias),
        ]
        return calls + _times_power(pixels, response, beta, squares, out[at])

    return by_blocks("local_response_norm", x, threads, block, memories)


def _times_power(
    x: np.ndarray, base: np.ndarray, beta: float, spare: np.ndarray, out: np.ndarray
) -> list[Call]:
    """The calls for ``out = x / base ** beta``; ``base`` and ``spare`` are overwritten."""
    if beta == 0.75:  # two square roots are much faster than a power
        return [
            partial(np.sqrt, base, base),
            partial(np.sqrt, base, spare),
            partial(np.multiply, base, spare, base),
            partial(np.divide, x, base, out),
        ]
    if beta == 0.5:
        return [partial(np.sqrt, base, base), partial(np.divide, x, base, out)]
    return [
        partial(np.power, base, FLOAT.type(-beta), base),
        partial(np.multiply, x, base, out),
    ]


def by_blocks(
    name: str,
    x: np.ndarray,
    threads: int,
    block: Callable[..., list[Call]],
    memories: Sequence[Scratch] = (),
    values: int = _BLOCK_VALUES,
) -> Step:
    """A step that calls ``block`` for slices of the first axes of ``x``, shared among threads.

    Args:
        name: of the step.
        x: images (N, H, W, C), or another array, of which only the first axis is sliced.
        threads: the number of parts.
        block: called with slices, and with the memory of a thread if there is some.
        memories: scratch memory of each thread.
        values: how many values of ``x`` a block has, at most about.
    """
    if x.size < _MIN_SHARED:
        threads = 1
    rows = x.shape[:2] if x.ndim == 4 else x.shape[:1]
    count = threads * -(-x.size // (threads * values))
    first = even_slices(rows[0], count)
    slices: list[tuple[slice, ...]] = [(some,) for some in first]
    if x.ndim == 4:
        second = even_slices(rows[1], -(-count // len(first)))
        slices = [(some, band) for some in first for band in second]
    parts = []
    for thread, some in enumerate(even_slices(len(slices), threads)):
        memory = memories[thread : thread + 1]
        parts.append(Part(call for at in slices[some] for call in block(at, *memory)))
    return Step(name, parts)
