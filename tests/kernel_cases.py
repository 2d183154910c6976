"""Arguments for every kernel of the contract: the table that all sets of kernels are tested with.

They are float64, apart from those that are float32, integers or numbers whatever the images are.
An array that is there twice is one array for the kernel, too.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from some_boxes import boxes

from minicnn import Generator, bfloat16
from minicnn.kernels import Geometry, plain

NAN, INF = float("nan"), float("inf")
FLOAT16, FLOAT32, FLOAT64 = np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.float64)
N, C, O = 2, 4, 6


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def float32(value: Any) -> np.ndarray:
    return np.array(value, np.float32)


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
# The number of images and channels, input size, output size.
ADAPTIVE = {
    "adaptive": (N, C, (7, 9), (3, 4)),
    "adaptive, as it is": (N, C, (6, 6), (6, 6)),
    "adaptive, larger": (N, C, (3, 2), (5, 3)),
    "adaptive, 24 channels": (1, 24, (14, 5), (4, 7)),
    "adaptive, no images": (0, C, (3, 2), (2, 2)),
    "adaptive, no outputs": (N, C, (3, 2), (0, 2)),
}
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


def adaptive_cases(
    n: int, C: int, input_size: tuple[int, int], output_size: tuple[int, int]
) -> dict[str, tuple[Any, ...]]:
    x = normal(n, C, *input_size)
    return {
        "adaptive_max_pool2d": (x, output_size),
        "adaptive_avg_pool2d": (x, output_size),
        "adaptive_avg_pool2d_scatter": (normal(n, C, *output_size, seed=1), input_size),
    }


def norm_cases(shape: tuple[int, ...], affine: bool) -> dict[str, tuple[Any, ...]]:
    x, grad = 3 * normal(*shape) + 2, normal(*shape, seed=1)
    weight, bias = float32(normal(2, shape[1], seed=2)) if affine else (None, None)
    scale, shift = float32(normal(2, shape[1], seed=3))
    axes = (0, *range(2, x.ndim))
    mean, variance = float32(x.mean(axes)), float32(x.var(axes))
    return {
        "batch_norm": (x, weight, bias, 0.1),
        "batch_norm_backward": (grad, x, weight, mean, variance, 0.1),
        "channel_affine": (x, scale, shift),
    }


def local_response_cases(shape: tuple[int, ...], size: int) -> dict[str, tuple[Any, ...]]:
    x, grad = normal(*shape), normal(*shape, seed=1)
    return {
        "local_response_norm": (x, size, 0.8, 0.75, 1.5),
        "local_response_norm_backward": (grad, x, size, 0.8, 0.75, 1.5),
    }


# The number of an image, x1, y1, x2, y2: inside, on the border, partly and wholly outside, empty, the
# whole image, turned round, and not finite.
ROIS = np.array(
    [
        *[[0, 1, 2, 6, 7.5], [1, 0.25, 0.5, 9.75, 3], [1, -3, -2.5, 4, 5], [0, 7, 6, 14, 13.5]],
        *[[1, 20, 20, 24, 26], [0, -9, 1, -4, 5], [0, 4, 4, 4, 4], [1, 0, 0, 10, 9]],
        *[[1, 6, 7, 2, 3], [0, NAN, 1, 5, 5], [1, 1, 1, INF, 5], [0, -INF, 2, 3, 4]],
        *[[0, 3, 2, 3.5, 8], [1, 2.5, 0.5, 8, 1.5]],
    ]
)
# The output size, spatial_scale, sampling_ratio, aligned.
ROI_ALIGNS = {
    "2x3 bins": ((2, 3), 1.0, -1, False),
    "2x3 bins, aligned": ((2, 3), 1.0, -1, True),
    "one sample": ((3, 2), 0.5, 1, False),
    "two samples, aligned": ((2, 2), 1.5, 2, True),
    "one bin": ((1, 1), 1.0, 0, True),
}


def roi_cases(C: int, rois: np.ndarray, then: str = "") -> dict[str, tuple[str, tuple[Any, ...]]]:
    x = normal(2, C, 9, 10)
    cases = {}
    for name, (size, *options) in ROI_ALIGNS.items():
        grad = normal(len(rois), C, *size, seed=1)
        backward = (grad, rois, x.shape, *options)
        cases[f"roi_align, {name}{then}"] = ("roi_align", (x, rois, size, *options))
        cases[f"roi_align_backward, {name}{then}"] = ("roi_align_backward", backward)
        if not options[-1]:
            cases[f"roi_pool, {name}{then}"] = ("roi_pool", (x, rois, size, options[0]))
    return cases


def optimizer_arguments(*numbers: Any, states: int) -> tuple[Any, ...]:
    """Lists of three params, gradients, and ``states`` states, then the hyperparameters."""
    shapes = [(3, 4), (2, 3, 2, 2), ()]
    params, grads, averages = ([np.asarray(normal(*s, seed=i)) for s in shapes] for i in range(3))
    squares = [[np.asarray(9 + normal(*s, seed=3 + i)) for s in shapes] for i in range(2)]
    return params, grads, *[squares[0], squares[1], averages][:states], lambda: numbers


def half_copies() -> list[np.ndarray | None]:
    return [np.zeros((3, 4), np.float16), None, np.zeros((), bfloat16)]


def optimizer_cases() -> dict[str, tuple[str, tuple[Any, ...]]]:
    p, g, m, h = optimizer_arguments(0.1, 0.9, 0.3, 0.1, states=1)
    nesterov = optimizer_arguments(0.1, 0.9, 0.0, 0.1, states=1)
    adam = optimizer_arguments(3, 0.1, 0.8, 0.97, 1e-3, 0.1, states=2)
    # maxima that are smaller than the squares, that stay, and that are not a number
    maxima = [np.asarray(s + by) for s, by in zip(adam[3], (-9.0, 9.0, NAN), strict=True)]
    p2, g2, squares, momenta, averages, h2 = optimizer_arguments(0.1, 0.9, 1e-3, 0.9, 0.1, states=3)
    plain_sgd = optimizer_arguments(0.1, 0.0, 0.0, 0.0, states=0)
    scaling, overflow = (float32(0.25), float32(0)), (float32(0.25), float32(1))
    return {
        "SGD": ("sgd_step", (*plain_sgd[:2], None, plain_sgd[2], False)),
        "SGD, momentum": ("sgd_step", (p, g, m, h, False)),
        "SGD, Nesterov": ("sgd_step", (*nesterov, True)),
        "SGD, half copies": ("sgd_step", (p, g, m, h, False, half_copies(), scaling)),
        "SGD, overflow": ("sgd_step", (p, g, m, h, False, half_copies(), overflow)),
        "Adam": ("adam_step", (*adam, False)),
        "AdamW": ("adam_step", (*adam, True)),
        "AMSGrad": ("adam_step", (*adam, False, None, None, maxima)),
        "AMSGrad, half copies": ("adam_step", (*adam, True, half_copies(), scaling, maxima)),
        "AdamW, half copies": ("adam_step", (*adam, True, half_copies(), scaling)),
        "RMSprop": ("rmsprop_step", (p2, g2, squares, None, None, h2)),
        "RMSprop, momentum": ("rmsprop_step", (p2, g2, squares, momenta, None, h2)),
        "RMSprop, centered": ("rmsprop_step", (p2, g2, squares, None, averages, h2)),
        "RMSprop, half copies": (
            "rmsprop_step",
            (p2, g2, squares, momenta, averages, h2, half_copies(), scaling),
        ),
    }


def update_scale_arguments(scale: float, tracker: int, found_inf: float) -> tuple[Any, ...]:
    state = float32(scale), float32(1 / scale), np.array(tracker, np.int32), float32(found_inf)
    return *state, 2.5, 0.25, 3


def tabled(
    rows: dict[str, tuple[Any, ...]],
    cases: Callable[..., dict[str, tuple[Any, ...]]],
    then: str = "",
) -> dict[str, tuple[str, tuple[Any, ...]]]:
    """What ``cases`` makes of each row of a table, under the row's name and ``then``."""
    made = {}
    for name, row in rows.items():
        made |= named(name + then, cases(*row))
    return made


def named(name: str, cases: dict[str, tuple[Any, ...]]) -> dict[str, tuple[str, tuple[Any, ...]]]:
    return {f"{function}, {name}": (function, each) for function, each in cases.items()}


FEATURES = normal(5, 7)
IMAGES = normal(N, C, 5, 3)
SPECIAL = np.array([[[[NAN, -INF, INF, 0.0, -0.0, 1.0, -1.0, 1e-3]]]]).repeat(N, 0)
WITH_NAN = np.random.default_rng(0).choice([NAN, INF, -INF, -INF, 1.0], (N, C, 9, 8))
FEW_SPECIAL = np.where(np.random.default_rng(1).random((N, C, 9, 8)) < 0.02, WITH_NAN, 0.5)
TIES = np.random.default_rng(0).integers(-4, 0, (N, C, 9, 8)).astype(np.float64)
RESNETS = POOLINGS["ResNet's"][1]
LOGITS, TARGET = 5 * normal(7, 5), np.array([0, 1, -100, 3, 4, 4, -100])
CLASS_WEIGHT = float32([0.5, 2, 1, 0, 1.5])
INDICES = np.random.default_rng(0).integers(0, 15, (N, C, 2, 4))
MASK = normal(N, C, 5, 3) > 0


class Seeded:
    """A generator that draws the same words at every call."""

    seed = 5

    def words64(self, n: int) -> np.ndarray:
        return Generator().manual_seed(self.seed).words64(n)


SEEDED = Seeded()

# 24 channels are whole vectors of 16 bytes on a GPU, of all dtypes, and 5 are not. (2, 520) has a
# block of channels in several parts there, (40, 24, 7, 9) more rows than a block reads at a time.
SUMS = [
    *[(2, 24, 3, 5), (3, 5, 2, 4), (7, 24), (700, 5)],
    *[(40, 24, 7, 9), (2, 520), (0, 24, 3, 5), (0, 5)],
]
LINEARS = [(3, 10, 40), (35, 33, 6), (0, 2, 3)]  # M, N, K: more and less than a tile of a GPU
NORMS = [
    *[(6, C), (4, C, 7), (3, C, 4, 6), (2, 5, 1, 1)],
    *[(3, 24, 4, 5), (3, 5, 4, 6), (70, 24), (2, 264, 3)],
]
# 1, 2, 4, 8 and 32 threads per row on a GPU; rows that do and do not fill a warp
CLASSIFICATIONS = [(3, 2), (70, 10), (45, 21), (9, 60), (3, 300)]
# Vectors of a GPU end within a pixel and reach into the next image; the second has no vectors.
PICTURES = [(2, 3, 4, 5), (1, 3, 3, 3), (3, 1, 8, 6), (0, 3, 4, 4)]
# Two pictures of 3 channels, 6 and 7 pixels wide; of each a crop, and one more that is mirrored.
PIXELS = np.random.default_rng(0).integers(0, 256, 5 * 6 * 3 + 4 * 7 * 3, np.uint8)
CROPS = np.array([[0, 18, 0], [39, 18, 1], [90, 21, 0], [90 + 27, 21, 1]])


def cross_entropy_cases(shape: tuple[int, int]) -> dict[str, tuple[Any, ...]]:
    rng = np.random.default_rng(0)
    logits, target = 3 * normal(*shape) + 50, rng.integers(0, shape[1], shape[0])
    target[1] = -7
    weight = float32(rng.random(shape[1]))
    return {
        f"{smoothing}, {'weights' if each is weight else 'no weights'}": (
            logits, target, each, -7, smoothing
        )
        for smoothing in (0.0, 0.2, 1.0)
        for each in (weight, None)
    }  # fmt: skip


def linear_cases(M: int, N: int, K: int) -> dict[str, tuple[Any, ...]]:
    x, weight, grad = normal(M, K), normal(N, K), normal(M, N)
    return {
        "linear": (x, weight, normal(N)),
        "linear_input_grad": (grad, weight),
        "linear_weight_grad": (grad, x),
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


CASES: dict[str, tuple[str, tuple[Any, ...]]] = {
    **tabled(CONVOLUTIONS, convolution_cases),
    **tabled(RESIZES, functools.partial(resize_cases, align_corners=False)),
    **tabled(RESIZES, functools.partial(resize_cases, align_corners=True), ", corners aligned"),
    **tabled(POOLINGS, functools.partial(pooling_cases, C=5)),
    **tabled(POOLINGS, functools.partial(pooling_cases, C=24), ", 24 channels"),
    **tabled(ADAPTIVE, adaptive_cases),
    **tabled({str(s): (s, True) for s in NORMS}, norm_cases),
    **tabled({f"{n}, {at}": (n, at) for n in (256, 2048) for at in (0, 2)}, summed_in_float32),
    **named("no weight", norm_cases((3, C, 4, 6), False)),
    **named("of 1", local_response_cases((N, C, 3, 2), 1)),
    **named("of 2", local_response_cases((N, 7, 3, 2), 2)),
    **named("of 3", local_response_cases((N, C, 3, 2), 3)),
    **named("of 5", local_response_cases((N, 7, 3, 2), 5)),
    **named("of 4", local_response_cases((N, 7, 3), 4)),
    **named("of more than there are", local_response_cases((N, C, 3, 2), 20)),
    **named("no images", local_response_cases((0, C, 3, 2), 3)),
    **optimizer_cases(),
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
    **tabled({str(row): row for row in LINEARS}, linear_cases),
    "im2col, bool": ("im2col", (TIES > -3, RESNETS)),
    "linear": ("linear", (FEATURES, normal(O, 7), normal(O))),
    "linear, no bias": ("linear", (FEATURES, normal(O, 7), None)),
    "linear, float32 bias": ("linear", (FEATURES, normal(O, 7), float32(normal(O)))),
    "linear, no rows": ("linear", (FEATURES[:0], normal(O, 7), normal(O))),
    "linear_input_grad": ("linear_input_grad", (normal(5, O), normal(O, 7))),
    "linear_weight_grad": ("linear_weight_grad", (normal(5, O), FEATURES)),
    "linear_weight_grad, float32": ("linear_weight_grad", (normal(5, O), FEATURES, FLOAT32)),
    "linear_weight_grad, dtype": ("linear_weight_grad", (normal(5, O), FEATURES, FLOAT64)),
    "matrix_product": ("matrix_product", (FEATURES, normal(7, O))),
    "matrix_product, batches": ("matrix_product", (normal(1, 5, 7), normal(3, 7, 4))),
    "matrix_product, many batches": (
        "matrix_product",
        (normal(1, 2, 6, 40, 60), normal(6, 60, 40)),
    ),
    "matrix_product, one large batch": ("matrix_product", (normal(1, 120, 90), normal(1, 90, 100))),
    "matrix_product, rows": ("matrix_product", (normal(3, 50, 80), normal(80, 90))),
    "linear, no features": ("linear", (FEATURES[:, :0], normal(O, 0), normal(O))),
    "linear, no outputs": ("linear", (FEATURES, normal(0, 7), normal(0))),
    "linear_input_grad, no outputs": ("linear_input_grad", (normal(5, 0), normal(0, 7))),
    "linear_input_grad, no features": ("linear_input_grad", (normal(5, O), normal(O, 0))),
    "linear_weight_grad, no outputs": ("linear_weight_grad", (normal(5, 0), FEATURES)),
    "linear_weight_grad, no features": ("linear_weight_grad", (normal(5, O), FEATURES[:, :0])),
    "linear_weight_grad, no rows": ("linear_weight_grad", (normal(0, O), FEATURES[:0])),
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
    "dropout": ("dropout", (normal(3, 5, 7), 0.3, SEEDED)),
    "dropout, infinities": ("dropout", (np.full((11,), INF), 0.5, SEEDED)),
    "dropout, p = 0": ("dropout", (IMAGES, 0.0, SEEDED)),
    "dropout, p = 1": ("dropout", (IMAGES, 1.0, SEEDED)),
    "dropout, nothing": ("dropout", (IMAGES[:0], 0.5, SEEDED)),
    "dropout_backward": ("dropout_backward", (IMAGES, MASK, 0.3)),
    "dropout_backward, p = 1": ("dropout_backward", (IMAGES, np.zeros_like(MASK), 1.0)),
    "relu": ("relu", (IMAGES,)),
    "relu, special numbers": ("relu", (SPECIAL,)),
    "relu, to another array": ("relu", (IMAGES, np.zeros_like(IMAGES))),
    "relu, in place": ("relu", (IMAGES, IMAGES)),
    "relu, in place, special numbers": ("relu", (SPECIAL, SPECIAL)),
    "relu, in place, 24 channels": ("relu", (normal(2, 24, 3, 5),) * 2),
    "relu, in place, no images": ("relu", (IMAGES[:0],) * 2),
    "relu_backward": ("relu_backward", (IMAGES, np.maximum(normal(N, C, 5, 3, seed=1), 0))),
    "relu_backward, infinities": ("relu_backward", (np.full_like(SPECIAL, INF), SPECIAL)),
    **{
        f"relu, {s}": ("relu", (np.random.default_rng(0).choice([NAN, INF, -INF, 1, -1, -0.5], s),))
        for s in SUMS
    },
    "hardtanh": ("hardtanh", (IMAGES, -0.5, 0.75)),
    "hardtanh, special numbers": ("hardtanh", (SPECIAL, 0.0, 6.0)),
    **{f"hardtanh, {s}": ("hardtanh", (4 * normal(*s), 0.0, 6.0)) for s in SUMS},
    "hardtanh_backward, special numbers": (
        "hardtanh_backward",
        (np.full_like(SPECIAL, INF), SPECIAL, 0.0, 6.0),
    ),
    **{
        f"hardtanh_backward, {s}": (
            "hardtanh_backward",
            (normal(*s), np.clip(normal(*s, seed=1), -0.5, None), -0.5, 0.5),
        )
        for s in SUMS
    },
    "silu": ("silu", (IMAGES,)),
    "silu, special numbers": ("silu", (SPECIAL,)),
    **{f"silu, {s}": ("silu", (9 * normal(*s),)) for s in SUMS},
    "silu_backward, special numbers": ("silu_backward", (np.full_like(SPECIAL, 2), SPECIAL)),
    **{
        f"silu_backward, {s}": ("silu_backward", (normal(*s), 9 * normal(*s, seed=1))) for s in SUMS
    },
    "gelu": ("gelu", (3 * IMAGES,)),
    "gelu, special numbers": ("gelu", (SPECIAL,)),
    "gelu, nothing": ("gelu", (IMAGES[:0],)),
    **{f"gelu, {s}": ("gelu", (3 * normal(*s),)) for s in SUMS},
    "gelu_backward, special numbers": ("gelu_backward", (np.full_like(SPECIAL, 2), SPECIAL)),
    **{
        f"gelu_backward, {s}": ("gelu_backward", (normal(*s), 3 * normal(*s, seed=1))) for s in SUMS
    },
    **{f"channel_sum, {s}": ("channel_sum", (normal(*s),)) for s in SUMS},
    **{
        f"relu_backward, {s}": ("relu_backward", (normal(*s), np.maximum(normal(*s, seed=1), 0)))
        for s in SUMS
    },
    **{
        f"channel_affine, {s}": ("channel_affine", (normal(*s), *float32(normal(2, s[1]))))
        for s in [(0, 24, 3, 5), (0, 5, 2, 2)]
    },
    "channel_sum": ("channel_sum", (IMAGES,)),
    "channel_sum, dtype": ("channel_sum", (FEATURES, FLOAT64)),
    "channel_sum, no channels": ("channel_sum", (FEATURES[:, :0],)),
    "channel_sum, no pixels": ("channel_sum", (IMAGES[:, :, :0],)),
    "channel_sum, no images": ("channel_sum", (IMAGES[:0],)),
    "erf": ("erf", (3 * IMAGES,)),
    "erf, special numbers": ("erf", (SPECIAL,)),
    "erf, nothing": ("erf", (IMAGES[:0],)),
    "cross-entropy": ("softmax_cross_entropy", (LOGITS, TARGET, None, -100, 0.0)),
    "cross-entropy, weight": ("softmax_cross_entropy", (LOGITS, TARGET, CLASS_WEIGHT, -100, 0.0)),
    "cross-entropy, smoothing": ("softmax_cross_entropy", (LOGITS, TARGET, None, -100, 0.1)),
    "cross-entropy, everything": (
        "softmax_cross_entropy",
        (LOGITS, np.where(TARGET == -100, 4, TARGET), CLASS_WEIGHT, 4, 0.1),
    ),
    **{
        f"cross-entropy, {shape}, {name}": ("softmax_cross_entropy", each)
        for shape in CLASSIFICATIONS
        for name, each in cross_entropy_cases(shape).items()
    },
    "cross-entropy, large": (
        "softmax_cross_entropy",
        (np.array([[1e4, 0, -1e4], [-3e4] * 3]), np.array([1, 2]), None, -100, 0.0),
    ),
    "cross-entropy, impossible class": (
        "softmax_cross_entropy",
        (np.array([[0, -INF, 0]]), np.array([0]), None, -100, 0.0),
    ),
    "cross-entropy, no rows": ("softmax_cross_entropy", (LOGITS[:0], TARGET[:0], None, -100, 0.1)),
    **{
        f"normalize_images, {shape}, {dtype}": (
            "normalize_images",
            (
                np.random.default_rng(0).integers(0, 256, shape, np.uint8),
                [0.5, 0.4, 0.3][3 - shape[1] :],
                [0.2, 0.3, 0.4][: shape[1]],
                dtype,
            ),
        )
        for shape in PICTURES
        for dtype in (FLOAT16, bfloat16, FLOAT32)
    },
    **{
        f"normalize_crops, {dtype}": (
            "normalize_crops",
            (PIXELS, CROPS, (3, 5), [0.5, 0.4, 0.3], [0.2, 0.3, 0.4], dtype),
        )
        for dtype in (FLOAT16, bfloat16, FLOAT32)
    },
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
    **roi_cases(5, ROIS),
    **{k: case for k, case in roi_cases(3, ROIS[:0], ", no boxes").items() if "one sample" in k},
    "roi_align, NaN": (
        "roi_align",
        (FEW_SPECIAL, ROIS[[0, 1, 7]] * [1, 0.5, 0.5, 0.5, 0.5], (3, 3), 1.0, 2, False),
    ),
    "roi_align_backward, NaN": (
        "roi_align_backward",
        (WITH_NAN[:, :, :2, :2], ROIS[[0, 1]], (2, 4, 9, 10), 1.0, 2, False),
    ),
    "roi_pool, NaN": ("roi_pool", (WITH_NAN, ROIS, (5, 4), 0.75)),
    "roi_pool, ties": ("roi_pool", (TIES, ROIS, (2, 2), 1.0)),
    **{
        f"nms, {count} boxes of up to {size}, {threshold}": (
            "nms",
            (boxes(count, size=size), threshold),
        )
        for count, size, threshold in [
            *[(0, 3, 0.5), (1, 3, 0.5), (70, 4, 0.3), (130, 9, 0.5), (600, 2, 0.7), (60, 3, 0.0)],
            *[(20, 3, -0.5), (20, 3, 1.0), (20, 3, NAN)],
        ]
    },
    "nms, turned round, empty and infinite": (
        "nms",
        (
            np.array(
                [
                    *[[0, 0, 4, 4], [4, 4, 0, 0], [1, 1, 1, 1], [1, 1, 1, 1], [0, NAN, 3, 3]],
                    *[[0, 0, INF, 4], [0, 0, 3, 4], [-INF, 0, 3, 4], [0, 0, 4, 3.75], [NAN] * 4],
                ]
            ),
            0.5,
        ),
    ),
    "running average": ("running_average_step", (normal(7), normal(7, seed=1), 0.1, 1.25)),
    "unscale": ("unscale_step", ([FEATURES, IMAGES], float32(0.25), float32(0))),
    "unscale, overflow": ("unscale_step", ([FEATURES, SPECIAL], float32(0.25), float32(0))),
    "unscale, only look": ("unscale_step", ([SPECIAL], None, float32(0))),
    "update scale": ("update_scale_step", update_scale_arguments(8, 1, 0)),
    "update scale, grow": ("update_scale_step", update_scale_arguments(8, 2, 0)),
    "update scale, not to infinity": ("update_scale_step", update_scale_arguments(2.0**127, 2, 0)),
    "update scale, overflow": ("update_scale_step", update_scale_arguments(8, 2, 1)),
}

# ---- running and comparing ----


def map_arrays(function: Callable[[np.ndarray], Any], value: Any) -> Any:
    """A value with ``function`` applied to its arrays, once to one that is there twice."""
    results: dict[int, Any] = {}

    def mapped(value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return type(value)(map(mapped, value))
        if not isinstance(value, np.ndarray):
            return value
        if id(value) not in results:
            results[id(value)] = function(value)
        return results[id(value)]

    return mapped(value)


def flatten(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return [leaf for each in value for leaf in flatten(each)]
    return [value]


def cast(arguments: Any, dtype: np.dtype, of: np.dtype = FLOAT64) -> Any:
    """A copy of the arguments, with arrays of one dtype cast to another."""
    return map_arrays(lambda a: a.astype(dtype if a.dtype == of else a.dtype), arguments)


def run(
    kernel: Callable[..., Any],
    arguments: tuple[Any, ...],
    dtype: np.dtype,
    layout: Callable[[np.ndarray], np.ndarray] = np.asarray,
) -> list[Any]:
    """What a kernel returns for arguments of a dtype, and what is then in those it writes to.

    ``layout`` places arrays of two and more axes in memory.
    """
    arguments = map_arrays(lambda a: layout(a) if a.ndim > 1 else a, cast(arguments, dtype))
    is_step = kernel.__name__.endswith("_step")
    written = flatten(arguments) if is_step else arguments[1:] if kernel.__name__ == "relu" else []
    for each in flatten(arguments):
        if isinstance(each, np.ndarray):
            each.flags.writeable = any(each is one for one in written)
    with np.errstate(all="ignore"):  # as in Function.apply
        result = kernel(*arguments)
    results = flatten([] if is_step else result) + list(written)
    return [each for each in results if not callable(each)]


def assert_close(
    results: list[Any], expected: list[Any], shares: dict[np.dtype, float] | None = None
) -> None:
    """Numbers may differ by a share of the largest, which depends on their dtype."""
    for result, wanted in zip(results, expected, strict=True):
        if not isinstance(wanted, np.ndarray):
            assert result == wanted
            continue
        assert result.shape == wanted.shape
        assert result.dtype == wanted.dtype
        if wanted.dtype.kind in "biu":
            np.testing.assert_array_equal(result, wanted)
            continue
        share = shares[wanted.dtype] if shares else 0
        result, wanted = result.astype(np.float64), wanted.astype(np.float64)
        largest = np.abs(wanted[np.isfinite(wanted)]).max(initial=0)
        np.testing.assert_allclose(result, wanted, rtol=0, atol=share * largest)
