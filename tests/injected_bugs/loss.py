"""Bugs in shuffles within a warp."""

from __future__ import annotations

import cupy
import numpy as np

from minicnn.kernels import cuda, plain

from .bug import WRONG, Bug, is_close, normal


def cross_entropy() -> bool:
    logits, target = normal(7, 40), np.arange(7)
    results = cuda.softmax_cross_entropy(cupy.asarray(logits), cupy.asarray(target), None, -1, 0.1)
    expected = plain.softmax_cross_entropy(logits.astype(float), target, None, -1, 0.1)
    return all(map(is_close, results, expected))


BUGS = [
    Bug(
        "wrong distance of a shuffle",
        "loss",
        cross_entropy,
        "all.merge(__shfl_xor_sync(ALL_LANES, all.highest, distance),",
        "all.merge(__shfl_xor_sync(ALL_LANES, all.highest, distance / 2),",
        WRONG,
    ),
    Bug(
        "half of the lanes are missing from the mask",
        "loss",
        cross_entropy,
        "ALL_LANES = 0xffffffff",
        "ALL_LANES = 0x0000ffff",
        "not in the mask",
    ),
    Bug(
        "threads leave before a shuffle",
        "loss",
        cross_entropy,
        "LogSumExp<A> all;",
        "LogSumExp<A> all; if (!has_row) return;",
        "have exited",
    ),
]
