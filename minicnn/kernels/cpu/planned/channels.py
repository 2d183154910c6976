"""Steps that treat the channels of images (N, H, W, C) differently: factors for each, and shuffles."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from .elementwise import by_blocks
from .step import Call, Scratch, Step

__all__ = ["scale", "shuffle"]

_MANY_CHANNELS = 512  # fewer are repeated for each pixel: NumPy is slow in short inner loops


def scale(x: np.ndarray, factors: np.ndarray, out: np.ndarray, scratch: Sequence[Scratch]) -> Step:
    """``out`` = x (n, H, W, C) times ``factors`` (n, 1, 1, C), as squeeze-and-excitation does.

    Args:
        x, factors, out: arrays.
        scratch: memory of each thread, of which there are as many.
    """
    n, _, W, C = x.shape

    def block(at: tuple[slice, ...], memory: Scratch) -> list[Call]:
        memory.release()
        calls: list[Call] = []
        images = range(n)[at[0]]
        for i in images:
            own = factors[i, 0]  # 1, C
            if C < _MANY_CHANNELS:
                repeated = memory.take(W, C)
                calls.append(partial(np.copyto, repeated, own))
                own = repeated
            calls.append(partial(np.multiply, x[i, at[1]], own, out[i, at[1]]))
        return calls

    return by_blocks("scale", x, len(scratch), block, scratch)


def shuffle(sources: Sequence[np.ndarray], out: np.ndarray, threads: int = 1) -> Step:
    """Channel i of each of G ``sources`` (n, H, W, C / G), in turn, to channels G * i on of ``out``."""
    G = len(sources)

    def block(at: tuple[slice, ...]) -> list[Call]:
        return [
            partial(np.copyto, out[(*at, slice(None), slice(g, None, G))], source[at])
            for g, source in enumerate(sources)
        ]

    return by_blocks("shuffle", out, threads, block)
