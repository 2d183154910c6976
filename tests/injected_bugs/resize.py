"""Bugs in the positions of pixels."""

from __future__ import annotations

import cupy

from minicnn.kernels import cuda, plain

from .bug import OUTSIDE, WRONG, Bug, is_close, normal


def resize() -> bool:
    x = normal(2, 3, 4, 7)
    size, scale = (6, 5), (4 / 6, 7 / 5)
    result = cuda.resize_bilinear(cupy.asarray(x), size, scale, False)
    return is_close(result, plain.resize_bilinear(x.astype(float), size, scale, False))


BUGS = [
    Bug(
        "strides swapped",
        "resize",
        resize,
        "x + (pixel.n * H + h.second) * W * C + pixel.c",
        "x + (pixel.n * W + h.second) * H * C + pixel.c",
        f"{WRONG}|{OUTSIDE}",
    ),
]
