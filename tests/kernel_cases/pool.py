"""Pooling, and planes that are gathered and scattered."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from minicnn.kernels import Geometry, plain

from .arrays import FEW_SPECIAL, IMAGES, INF, TIES, WITH_NAN, C, Cases, N, float32, normal, tabled

POOLINGS = {
    "AlexNet's": (N, Geometry((13, 15), (6, 7), (3, 3), (2, 2))),
    "ResNet's": (N, Geometry((9, 8), (5, 4), (3, 3), (2, 2), (1, 1))),
    "windows that jut out": (N, Geometry((14, 12), (7, 6), (3, 3), (2, 2))),
    "uneven everything": (N, Geometry((9, 8), (7, 3), (3, 2), (1, 3), (0, 1))),
    "wider than the image": (N, Geometry((3, 2), (4, 2), (4, 3), padding=(2, 1))),
    "dilation, and windows that jut out": (
        N,
        Geometry((11, 12), (4, 6), (2, 3), (3, 2), (1, 1), (3, 2)),
    ),
    "dilation": (N, Geometry((11, 12), (5, 4), (3, 2), (2, 3), (1, 1), (2, 3))),
    "stride beyond the kernel": (N, Geometry((11, 10), (4, 3), (2, 1), (3, 4), (1, 0))),
    "image of one pixel": (N, Geometry((1, 1), (1, 1), (3, 3), padding=(1, 1))),
    "255 taps": (1, Geometry((20, 19), (11, 3), (15, 17), (1, 2), (3, 1))),
    "272 taps": (1, Geometry((20, 19), (4, 6), (17, 16), (1, 1), (0, 1))),
    "256 taps": (1, Geometry((20, 19), (11, 5), (16, 16), (1, 2), (3, 3))),
    "VGG's": (N, Geometry((8, 6), (4, 3), (2, 2), (2, 2))),
    "inception's": (N, Geometry((7, 6), (7, 6), (3, 3), padding=(1, 1))),
    "1x1": (N, Geometry((5, 4), (5, 4), (1, 1))),
    "the whole image": (N, Geometry((5, 4), (1, 1), (5, 4))),
    "no images": (0, Geometry((9, 8), (5, 4), (3, 3), (2, 2), (1, 1))),
    "windows above and below": (
        N,
        Geometry((2, 5), (1, 5), (2, 3), padding=(1, 1), dilation=(3, 1)),
    ),
    "windows left and right": (
        N,
        Geometry((5, 2), (5, 1), (3, 2), padding=(1, 1), dilation=(1, 3)),
    ),
    "some windows outside": (N, Geometry((3, 4), (2, 3), (2, 2), (2, 2), (3, 2))),
    "window around the image": (N, Geometry((3, 3), (1, 2), (2, 2), (1, 2), (1, 1), (4, 4))),
}
RESNETS = POOLINGS["ResNet's"][1]
# The number of images and channels, input size, output size.
ADAPTIVE = {
    "adaptive": (N, C, (7, 9), (3, 4)),
    "adaptive, as it is": (N, C, (6, 6), (6, 6)),
    "adaptive, larger": (N, C, (3, 2), (5, 3)),
    "adaptive, 24 channels": (1, 24, (14, 5), (4, 7)),
    "adaptive, no images": (0, C, (3, 2), (2, 2)),
    "adaptive, no outputs": (N, C, (3, 2), (0, 2)),
}
INDICES = np.random.default_rng(0).integers(0, 15, (N, C, 2, 4))


def pooling_cases(n: int, g: Geometry, C: int) -> dict[str, tuple[Any, ...]]:
    x, grad = normal(n, C, *g.input_size), normal(n, C, *g.output_size, seed=1)
    few = np.random.default_rng(3).integers(-4, 0, x.shape) * 1.0  # ties, below the padding's 0
    taps = math.prod(g.kernel_size)
    argmax = plain.max_pool2d(normal(n, C, *g.input_size, seed=2), g)[1]
    some_without = np.where(normal(*argmax.shape) > 1, taps, argmax).astype(argmax.dtype)
    scale = float32(np.linspace(0.25, 1, math.prod(g.output_size))).reshape(g.output_size)
    return {
        "max_pool2d": (few, g),
        "max_pool2d_scatter": (grad, some_without, g),
        "max_pool2d_gather": (x, some_without, g),
        "avg_pool2d": (x, scale, g),
        "avg_pool2d_scatter": (grad, scale, g),
    }


def adaptive_cases(
    n: int, C: int, input_size: tuple[int, int], output_size: tuple[int, int]
) -> dict[str, tuple[Any, ...]]:
    x = normal(n, C, *input_size)
    return {
        "adaptive_max_pool2d": (x, output_size),
        "adaptive_avg_pool2d": (x, output_size),
        "adaptive_avg_pool2d_scatter": (normal(n, C, *output_size, seed=1), input_size),
    }


def summed_in_float32(large: int, corner: int) -> dict[str, tuple[Any, ...]]:
    """Gradients for one pixel of which the first, or last, is so large that 16 bits lose the others.

    float16 rounds 2048 + 1 to 2048, bfloat16 256 + 1 to 256.
    """
    g = Geometry((3, 3), (3, 3), (3, 3), padding=(1, 1))
    grad = np.ones((1, 8, 3, 3))
    grad[:, :, corner, corner] = large
    centre = np.array([[8, 7, 6], [5, 4, 3], [2, 1, 0]], np.uint8) * np.ones((1, 8, 1, 1), np.uint8)
    return {
        "max_pool2d_scatter": (grad, centre, g),
        "avg_pool2d_scatter": (grad, np.ones((3, 3), np.float32), g),
        "plane_scatter": (grad, np.full(grad.shape, 4), (3, 3)),
    }


CASES: Cases = {
    **tabled(POOLINGS, functools.partial(pooling_cases, C=5)),
    **tabled(POOLINGS, functools.partial(pooling_cases, C=24), ", 24 channels"),
    **tabled(ADAPTIVE, adaptive_cases),
    **tabled({f"{n}, {at}": (n, at) for n in (256, 2048) for at in (0, 2)}, summed_in_float32),
    "max_pool2d, ties": ("max_pool2d", (TIES, RESNETS)),
    "max_pool2d, NaN": ("max_pool2d", (WITH_NAN, RESNETS)),
    "max_pool2d, NaN, AlexNet's, 24 channels": (
        "max_pool2d",
        (WITH_NAN[:, :1].repeat(24, axis=1), Geometry((9, 8), (4, 3), (3, 3), (2, 2))),
    ),
    "max_pool2d, all -inf": ("max_pool2d", (np.full((1, 1, 9, 8), -INF), RESNETS)),
    "max_pool2d, no argmax": ("max_pool2d", (TIES, RESNETS, False)),
    "max_pool2d_scatter, inf": (
        "max_pool2d_scatter",
        (np.full((N, C, 5, 4), INF), np.full((N, C, 5, 4), 4, np.uint8), RESNETS),
    ),
    "adaptive_max_pool2d, ties": ("adaptive_max_pool2d", (TIES, (4, 3))),
    "adaptive_max_pool2d, NaN": ("adaptive_max_pool2d", (WITH_NAN, (4, 3))),
    "adaptive_avg_pool2d, NaN": ("adaptive_avg_pool2d", (FEW_SPECIAL, (4, 3))),
    "adaptive_avg_pool2d_scatter, NaN": ("adaptive_avg_pool2d_scatter", (FEW_SPECIAL, (13, 17))),
    "plane_scatter": ("plane_scatter", (normal(N, C, 2, 4), INDICES, (5, 3))),
    "plane_gather": ("plane_gather", (IMAGES, INDICES)),
    "plane_gather, no images": ("plane_gather", (IMAGES[:0], INDICES[:0])),
}
