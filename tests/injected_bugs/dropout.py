"""Bugs at the end of an array."""

from __future__ import annotations

import cupy
import philox

from minicnn.kernels import cuda

from .bug import OUTSIDE, Bug, is_close, normal


def dropout() -> bool:
    x, state = normal(30, 7), (2**40 + 3, 2**33 + 9)
    result, _ = cuda.dropout(cupy.asarray(x), 0.3, philox.generator(state))
    return is_close(result, philox.dropout(x, 0.3, state)[0])


BUGS = [
    Bug(
        "the last block has no guard",
        "dropout",
        dropout,
        "if (i >= count) return;",
        "",
        OUTSIDE,
    ),
    Bug(
        "whole vectors up to the end",
        "dropout",
        dropout,
        "if (4 * i + 3 < size) {",
        "if (4 * i < size) {",
        OUTSIDE,
    ),
]
