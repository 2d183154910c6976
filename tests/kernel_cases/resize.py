"""Images in another size."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from .arrays import FEW_SPECIAL, WITH_NAN, C, Cases, N, normal, tabled

# Input size, output size.
RESIZES = {
    "larger": ((5, 7), (10, 21)),
    "larger and smaller": ((28, 49), (97, 31)),
    "smaller": ((10, 21), (5, 7)),
    "as it is": ((7, 5), (7, 5)),
    "both": ((3, 8), (8, 3)),
    "one pixel": ((1, 1), (4, 3)),
    "to one pixel": ((4, 3), (1, 1)),
    "rounding decides": ((39, 16), (33, 23)),
    "much larger": ((4, 3), (61, 50)),
}


def resize_cases(
    input_size: tuple[int, int], output_size: tuple[int, int], align_corners: bool
) -> dict[str, tuple[Any, ...]]:
    x, grad = normal(N, C, *input_size), normal(N, C, *output_size, seed=1)
    scale = tuple(
        (i - 1) / max(o - 1, 1) * (o > 1) if align_corners else i / o
        for i, o in zip(input_size, output_size, strict=True)
    )
    bilinear = {
        "resize_bilinear": (x, output_size, scale, align_corners),
        "resize_bilinear_backward": (grad, input_size, scale, align_corners),
    }
    nearest = {
        "resize_nearest": (x, output_size, scale),
        "resize_nearest_backward": (grad, input_size, scale),
    }
    return bilinear if align_corners else bilinear | nearest


CASES: Cases = {
    **tabled(RESIZES, functools.partial(resize_cases, align_corners=False)),
    **tabled(RESIZES, functools.partial(resize_cases, align_corners=True), ", corners aligned"),
    "nearest, many into one": (
        "resize_nearest_backward",
        (np.ones((1, 1, 1, 4096)), (1, 1), (1.0, 1 / 4096)),
    ),
    "nearest, any number": ("resize_nearest", (WITH_NAN, (4, 16), (9 / 4, 0.5))),
    "nearest, factor": ("resize_nearest", (normal(N, C, 11, 13), (18, 7), (1 / 1.7, 1 / 0.6))),
    "bilinear, factor": (
        "resize_bilinear",
        (normal(N, C, 11, 13), (18, 7), (1 / 1.7, 1 / 0.6), False),
    ),
    "bilinear, factor, corners aligned": (
        "resize_bilinear",
        (normal(N, C, 11, 13), (18, 7), (10 / 17, 12 / 6), True),
    ),
    "bilinear, NaN, a size stays": ("resize_bilinear", (FEW_SPECIAL, (9, 12), (1.0, 2 / 3), False)),
    "nearest, bytes": (
        "resize_nearest",
        (np.random.default_rng(0).integers(0, 256, (N, C, 5, 7), np.uint8), (10, 3), (0.5, 7 / 3)),
    ),
}
