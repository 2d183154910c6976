"""Convolutions, and the columns that they are products of."""

from __future__ import annotations

import math
from typing import Any

from minicnn.kernels import Geometry

from .arrays import FLOAT32, FLOAT64, TIES, C, Cases, N, O, float32, normal, tabled
from .pool import RESNETS

# The number of images, where their windows lie, and where it matters the numbers of channels.
CONVOLUTIONS = {
    "3x3": (N, Geometry((7, 9), (7, 9), (3, 3), padding=(1, 1))),
    "1x1": (N, Geometry((5, 7), (5, 7), (1, 1))),
    "stride that does not divide": (N, Geometry((12, 11), (3, 3), (3, 4), (4, 3))),
    "stride beyond the kernel": (N, Geometry((13, 14), (4, 4), (2, 1), (3, 4), (0, 1))),
    "dilation": (N, Geometry((11, 13), (6, 10), (3, 2), (2, 1), (2, 1), (2, 3))),
    "groups": (N, Geometry((6, 5), (3, 3), (3, 2), (2, 2), (1, 1), groups=2)),
    "groups and dilation": (N, Geometry((9, 8), (9, 8), (3, 3), (1, 1), (2, 2), (2, 2), 2)),
    "uneven padding": (N, Geometry((6, 7), (6, 7), (4, 2), padding=(1, 0))),
    "groups of odd channels": (N, Geometry((8, 7), (6, 8), (3, 2), padding=(0, 1), groups=3), 6, 9),
    "depthwise": (N, Geometry((8, 7), (8, 7), (3, 3), padding=(1, 1), groups=4), 4, 8),
    "AlexNet's first": (1, Geometry((27, 23), (6, 5), (11, 11), (4, 4), (2, 2)), 3, 4),
    "padding beyond the kernel": (N, Geometry((4, 5), (9, 11), (2, 3), padding=(3, 4))),
    "image of one pixel": (N, Geometry((1, 1), (1, 1), (3, 3), padding=(1, 1))),
    "the whole image": (N, Geometry((4, 5), (1, 1), (4, 5))),
    "no images": (0, Geometry((7, 9), (7, 9), (3, 3), padding=(1, 1))),
    "windows beyond the image": (1, Geometry((2, 2), (1, 2), (2, 2), (1, 5), (1, 1), (4, 4))),
}


def convolution_cases(n: int, g: Geometry, C: int = C, O: int = O) -> dict[str, tuple[Any, ...]]:
    x, grad = normal(n, C, *g.input_size), normal(n, O, *g.output_size, seed=1)
    weight = normal(O, C // g.groups, *g.kernel_size, seed=2)
    columns = normal(n, C * math.prod(g.kernel_size), math.prod(g.output_size))
    return {
        "conv2d": (x, weight, normal(O), g),
        "conv2d_input_grad": (grad, weight, g),
        "conv2d_weight_grad": (grad, x, g),
        "im2col": (x, g),
        "col2im": (columns, g),
    }


CASES: Cases = {
    **tabled(CONVOLUTIONS, convolution_cases),
    "conv2d, no bias": (
        "conv2d",
        (normal(1, C, 3, 3), normal(O, C, 2, 2), None, Geometry((3, 3), (2, 2), (2, 2))),
    ),
    "conv2d, float32 bias": (
        "conv2d",
        (
            normal(1, C, 3, 3),
            normal(O, C, 2, 2),
            float32(normal(O)),
            Geometry((3, 3), (2, 2), (2, 2)),
        ),
    ),
    "conv2d_weight_grad, float32": (
        "conv2d_weight_grad",
        (normal(1, O, 2, 2), normal(1, C, 3, 3), Geometry((3, 3), (2, 2), (2, 2)), FLOAT32),
    ),
    "conv2d_weight_grad, dtype": (
        "conv2d_weight_grad",
        (normal(1, O, 2, 2), normal(1, C, 3, 3), Geometry((3, 3), (2, 2), (2, 2)), FLOAT64),
    ),
    "im2col, bool": ("im2col", (TIES > -3, RESNETS)),
}
