"""The plain kernels against torch, and the fast kernels of the CPU against the plain ones.

``CASES`` has arguments for every function of the contract. The arguments are float64, apart from
those that are float32, integers or numbers whatever the images are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minicnn import bfloat16
from minicnn.kernels import Geometry, cpu, plain
from minicnn.kernels.plain.dropout import _philox4x32

torch = pytest.importorskip("torch")
F = torch.nn.functional

pytestmark = pytest.mark.cpu_only
NAN, INF = float("nan"), float("inf")
FLOAT16, FLOAT32, FLOAT64 = np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.float64)
N, C, O = 2, 4, 6

# ---- arguments ----


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def float32(value: Any) -> np.ndarray:
    return np.array(value, np.float32)


# The number of images, and where their windows lie.
CONVOLUTIONS = {
    "3x3": (N, Geometry((7, 9), (7, 9), (3, 3), padding=(1, 1))),
    "1x1": (N, Geometry((5, 7), (5, 7), (1, 1))),
    "stride that does not divide": (N, Geometry((12, 11), (3, 3), (3, 4), (4, 3))),
    "stride beyond the kernel": (N, Geometry((13, 14), (4, 4), (2, 1), (3, 4), (0, 1))),
    "dilation": (N, Geometry((11, 13), (6, 10), (3, 2), (2, 1), (2, 1), (2, 3))),
    "groups": (N, Geometry((6, 5), (3, 3), (3, 2), (2, 2), (1, 1), groups=2)),
    "groups and dilation": (N, Geometry((9, 8), (9, 8), (3, 3), (1, 1), (2, 2), (2, 2), 2)),
    "uneven padding": (N, Geometry((6, 7), (6, 7), (4, 2), padding=(1, 0))),
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
    "dilation": (N, Geometry((11, 12), (5, 4), (3, 2), (2, 3), (1, 1), (2, 3))),
    "stride beyond the kernel": (N, Geometry((11, 10), (4, 3), (2, 1), (3, 4), (1, 0))),
    "image of one pixel": (N, Geometry((1, 1), (1, 1), (3, 3), padding=(1, 1))),
    "255 taps": (1, Geometry((20, 19), (11, 3), (15, 17), (1, 2), (3, 1))),
    "256 taps": (1, Geometry((20, 19), (11, 5), (16, 16), (1, 2), (3, 3))),
    "no images": (0, Geometry((9, 8), (5, 4), (3, 3), (2, 2), (1, 1))),
    "window around the image": (N, Geometry((3, 3), (1, 2), (2, 2), (1, 2), (1, 1), (4, 4))),
}
# Input size, output size, and for bilinear resizing whether the corners are aligned.
RESIZES = {
    "larger": ((5, 7), (10, 21), False),
    "smaller": ((10, 21), (5, 7), False),
    "both": ((3, 8), (8, 3), False),
    "one pixel": ((1, 1), (4, 3), False),
    "to one pixel": ((4, 3), (1, 1), False),
    "rounding decides": ((39, 16), (33, 23), False),
    "corners aligned": ((5, 7), (9, 3), True),
    "corners aligned, to one pixel": ((4, 3), (1, 1), True),
}


def convolution_cases(n: int, g: Geometry) -> dict[str, tuple[Any, ...]]:
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


def pooling_cases(n: int, g: Geometry) -> dict[str, tuple[Any, ...]]:
    x, grad = normal(n, C, *g.input_size), normal(n, C, *g.output_size, seed=1)
    taps = math.prod(g.kernel_size)
    argmax = plain.max_pool2d(normal(n, C, *g.input_size, seed=2), g)[1]
    some_without = np.where(normal(*argmax.shape) > 1, taps, argmax).astype(argmax.dtype)
    scale = float32(np.linspace(0.25, 1, math.prod(g.output_size))).reshape(g.output_size)
    return {
        "max_pool2d": (x, g),
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


def named(name: str, cases: dict[str, tuple[Any, ...]]) -> dict[str, tuple[str, tuple[Any, ...]]]:
    return {f"{function}, {name}": (function, each) for function, each in cases.items()}


FEATURES = normal(5, 7)
IMAGES = normal(N, C, 5, 3)
SPECIAL = np.array([[[[NAN, -INF, INF, 0.0, -0.0, 1.0, -1.0, 1e-3]]]]).repeat(N, 0)
WITH_NAN = np.random.default_rng(0).choice([NAN, INF, -INF, -INF, 1.0], (N, C, 9, 8))
TIES = np.random.default_rng(0).integers(-4, 0, (N, C, 9, 8)).astype(np.float64)
RESNETS = POOLINGS["ResNet's"][1]
LOGITS, TARGET = 5 * normal(7, 5), np.array([0, 1, -100, 3, 4, 4, -100])
CLASS_WEIGHT = float32([0.5, 2, 1, 0, 1.5])
INDICES = np.random.default_rng(0).integers(0, 15, (N, C, 2, 4))
MASK = normal(N, C, 5, 3) > 0
PICTURES = np.random.default_rng(0).integers(0, 256, (N, 3, 5, 4), np.uint8)
STATE = (2**40 + 3, 2**33 + 9)

CASES: dict[str, tuple[str, tuple[Any, ...]]] = {
    **{
        k: v
        for n, row in CONVOLUTIONS.items()
        for k, v in named(n, convolution_cases(*row)).items()
    },
    **{k: v for n, row in POOLINGS.items() for k, v in named(n, pooling_cases(*row)).items()},
    **{k: v for n, row in RESIZES.items() for k, v in named(n, resize_cases(*row)).items()},
    **named("a matrix", norm_cases((6, C), True)),
    **named("of length 7", norm_cases((4, C, 7), True)),
    **named("images", norm_cases((3, C, 4, 6), True)),
    **named("no weight", norm_cases((3, C, 4, 6), False)),
    **named("of 1", local_response_cases((N, C, 3, 2), 1)),
    **named("of 3", local_response_cases((N, C, 3, 2), 3)),
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
    "conv2d_weight_grad, dtype": (
        "conv2d_weight_grad",
        (normal(1, O, 2, 2), normal(1, C, 3, 3), Geometry((3, 3), (2, 2), (2, 2)), FLOAT64),
    ),
    "linear": ("linear", (FEATURES, normal(O, 7), normal(O))),
    "linear, no bias": ("linear", (FEATURES, normal(O, 7), None)),
    "linear, float32 bias": ("linear", (FEATURES, normal(O, 7), float32(normal(O)))),
    "linear, no rows": ("linear", (FEATURES[:0], normal(O, 7), normal(O))),
    "linear_input_grad": ("linear_input_grad", (normal(5, O), normal(O, 7))),
    "linear_weight_grad": ("linear_weight_grad", (normal(5, O), FEATURES)),
    "linear_weight_grad, dtype": ("linear_weight_grad", (normal(5, O), FEATURES, FLOAT64)),
    "linear_weight_grad, no rows": ("linear_weight_grad", (normal(0, O), FEATURES[:0])),
    "max_pool2d, ties": ("max_pool2d", (TIES, RESNETS)),
    "max_pool2d, NaN": ("max_pool2d", (WITH_NAN, RESNETS)),
    "max_pool2d, all -inf": ("max_pool2d", (np.full((1, 1, 9, 8), -INF), RESNETS)),
    "max_pool2d, no argmax": ("max_pool2d", (TIES, RESNETS, False)),
    "max_pool2d_scatter, inf": (
        "max_pool2d_scatter",
        (np.full((N, C, 5, 4), INF), np.full((N, C, 5, 4), 4, np.uint8), RESNETS),
    ),
    "adaptive_max_pool2d": ("adaptive_max_pool2d", (normal(N, C, 7, 9), (3, 4))),
    "adaptive_max_pool2d, ties": ("adaptive_max_pool2d", (TIES, (4, 3))),
    "adaptive_max_pool2d, larger": ("adaptive_max_pool2d", (normal(N, C, 3, 2), (5, 3))),
    "adaptive_max_pool2d, no images": ("adaptive_max_pool2d", (normal(0, C, 3, 2), (2, 2))),
    "plane_scatter": ("plane_scatter", (normal(N, C, 2, 4), INDICES, (5, 3))),
    "plane_gather": ("plane_gather", (IMAGES, INDICES)),
    "plane_gather, no images": ("plane_gather", (IMAGES[:0], INDICES[:0])),
    "dropout": ("dropout", (normal(3, 5, 7), 0.3, STATE)),
    "dropout, infinities": ("dropout", (np.full((11,), INF), 0.5, STATE)),
    "dropout, p = 0": ("dropout", (IMAGES, 0.0, STATE)),
    "dropout, p = 1": ("dropout", (IMAGES, 1.0, STATE)),
    "dropout, nothing": ("dropout", (IMAGES[:0], 0.5, STATE)),
    "dropout_backward": ("dropout_backward", (IMAGES, MASK, 0.3)),
    "dropout_backward, p = 1": ("dropout_backward", (IMAGES, np.zeros_like(MASK), 1.0)),
    "philox_state": ("philox_state", (lambda: STATE,)),
    "relu": ("relu", (IMAGES,)),
    "relu, special numbers": ("relu", (SPECIAL,)),
    "relu_backward": ("relu_backward", (IMAGES, np.maximum(normal(N, C, 5, 3, seed=1), 0))),
    "relu_backward, infinities": ("relu_backward", (np.full_like(SPECIAL, INF), SPECIAL)),
    "channel_sum": ("channel_sum", (IMAGES,)),
    "channel_sum, dtype": ("channel_sum", (FEATURES, FLOAT64)),
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
    "cross-entropy, large": (
        "softmax_cross_entropy",
        (np.array([[1e4, 0, -1e4], [-3e4] * 3]), np.array([1, 2]), None, -100, 0.0),
    ),
    "cross-entropy, impossible class": (
        "softmax_cross_entropy",
        (np.array([[0, -INF, 0]]), np.array([0]), None, -100, 0.0),
    ),
    "cross-entropy, no rows": ("softmax_cross_entropy", (LOGITS[:0], TARGET[:0], None, -100, 0.1)),
    "normalize_images": ("normalize_images", (PICTURES, (0.5, 0.4, 0.3), (0.2, 0.3, 0.4), FLOAT32)),
    "normalize_images, half": (
        "normalize_images",
        (PICTURES, (0.5, 0.4, 0.3), (0.2, 0.3, 0.4), FLOAT16),
    ),
    "nearest, any number": ("resize_nearest", (WITH_NAN, (4, 16), (9 / 4, 0.5))),
    "nearest, factor": ("resize_nearest", (normal(N, C, 11, 13), (18, 7), (1 / 1.7, 1 / 0.6))),
    "bilinear, factor": (
        "resize_bilinear",
        (normal(N, C, 11, 13), (18, 7), (1 / 1.7, 1 / 0.6), False),
    ),
    "unscale": ("unscale_step", ([FEATURES, IMAGES], float32(0.25), float32(0))),
    "unscale, overflow": ("unscale_step", ([FEATURES, SPECIAL], float32(0.25), float32(0))),
    "unscale, only look": ("unscale_step", ([SPECIAL], None, float32(0))),
    "update scale": ("update_scale_step", update_scale_arguments(8, 1, 0)),
    "update scale, grow": ("update_scale_step", update_scale_arguments(8, 2, 0)),
    "update scale, not to infinity": ("update_scale_step", update_scale_arguments(2.0**127, 2, 0)),
    "update scale, overflow": ("update_scale_step", update_scale_arguments(8, 2, 1)),
}

# ---- the same in torch, in float64 ----


def padded_size(g: Geometry) -> list[int]:
    """Height and width of the smallest padded image that holds every window."""
    axes = zip(g.output_size, g.kernel_size, g.stride, g.dilation, strict=True)
    return [(o - 1) * s + (k - 1) * d + 1 for o, k, s, d in axes]


def padded(x: Any, g: Geometry, value: float = 0.0) -> Any:
    """x with as much padding as the windows reach, which crops what they do not reach."""
    (H, W), (PH, PW), (HP, WP) = g.input_size, g.padding, padded_size(g)
    return F.pad(x, (PW, WP - W - PW, PH, HP - H - PH), value=value)


def gradients(function: Callable[..., Any], grad: Any, *inputs: Any) -> Any:
    """The gradients of ``function(*inputs)`` by its inputs, given that of its result."""
    inputs = tuple(each.detach().requires_grad_() for each in inputs)
    return torch.autograd.grad(function(*inputs), inputs, grad)


def zeros(like: Any, C: int, size: tuple[int, int]) -> Any:
    return torch.zeros(len(like), C, *size, dtype=torch.float64)


def conv2d(x: Any, weight: Any, bias: Any, g: Geometry) -> Any:
    options = {"stride": g.stride, "dilation": g.dilation, "groups": g.groups}
    return F.conv2d(padded(x, g), weight, None if bias is None else bias.double(), **options)


def conv2d_input_grad(grad: Any, weight: Any, g: Geometry) -> Any:
    x = zeros(grad, weight.shape[1] * g.groups, g.input_size)
    return gradients(lambda x: conv2d(x, weight, None, g), grad, x)


def conv2d_weight_grad(grad: Any, x: Any, g: Geometry, dtype: Any = None) -> Any:
    shape = grad.shape[1], x.shape[1] // g.groups, *g.kernel_size
    weight = torch.zeros(shape, dtype=torch.float64)
    return gradients(lambda weight: conv2d(x, weight, None, g), grad, weight)


def im2col(x: Any, g: Geometry, value: float = 0.0) -> Any:
    return F.unfold(padded(x, g, value), g.kernel_size, g.dilation, 0, g.stride)


def col2im(columns: Any, g: Geometry) -> Any:
    x = zeros(columns, columns.shape[1] // math.prod(g.kernel_size), g.input_size)
    return gradients(lambda x: im2col(x, g), columns, x)


def taps(x: Any, g: Geometry) -> Any:
    """(N, C, KH * KW, OH, OW), 0 in the padding."""
    return im2col(x, g).reshape(*x.shape[:2], math.prod(g.kernel_size), *g.output_size)


def max_pool2d(x: Any, g: Geometry, with_argmax: bool = True) -> Any:
    out, indices = F.max_pool2d(
        padded(x, g, -INF), g.kernel_size, g.stride, 0, g.dilation, return_indices=True
    )
    h, w = indices // padded_size(g)[1], indices % padded_size(g)[1]
    oh, ow = np.ogrid[: g.output_size[0], : g.output_size[1]]
    kh = (h - torch.tensor(oh) * g.stride[0]) // g.dilation[0]
    kw = (w - torch.tensor(ow) * g.stride[1]) // g.dilation[1]
    # torch may mean the padding where everything is -inf; we mean a pixel if there is one
    inside = taps(torch.ones_like(x), g)
    first = torch.where(inside.any(dim=2), inside.argmax(dim=2), inside.shape[2])
    argmax = torch.where(out == -INF, first, kh * g.kernel_size[1] + kw)
    return out, argmax if with_argmax else None


def max_pool2d_gather(x: Any, argmax: Any, g: Geometry) -> Any:
    values = taps(x, g)
    values = torch.cat([values, torch.zeros_like(values[:, :, :1])], dim=2)  # "no pixel"
    return values.gather(2, argmax.long()[:, :, None])[:, :, 0]


def max_pool2d_scatter(grad: Any, argmax: Any, g: Geometry) -> Any:
    x = zeros(grad, grad.shape[1], g.input_size)
    return gradients(lambda x: max_pool2d_gather(x, argmax, g), grad, x)


def avg_pool2d(x: Any, scale: Any, g: Geometry) -> Any:
    return taps(x, g).sum(dim=2) * scale


def avg_pool2d_scatter(grad: Any, scale: Any, g: Geometry) -> Any:
    x = zeros(grad, grad.shape[1], g.input_size)
    return gradients(lambda x: avg_pool2d(x, scale, g), grad, x)


def adaptive_max_pool2d(x: Any, output_size: tuple[int, int]) -> Any:
    return F.adaptive_max_pool2d(x, output_size, return_indices=True)


def plane_gather(x: Any, indices: Any) -> Any:
    return x.flatten(2).gather(2, indices.flatten(2)).reshape(indices.shape)


def plane_scatter(grad: Any, indices: Any, input_size: tuple[int, int]) -> Any:
    x = zeros(grad, grad.shape[1], input_size)
    return gradients(lambda x: plane_gather(x, indices), grad, x)


def batch_norm(x: Any, weight: Any, bias: Any, eps: float) -> Any:
    weight, bias = (None if each is None else each.double() for each in (weight, bias))
    axes = (0, *range(2, x.ndim))
    out = F.batch_norm(x, None, None, weight, bias, training=True, eps=eps)
    return out, x.mean(axes), x.var(axes, unbiased=False)


def batch_norm_backward(
    grad: Any, x: Any, weight: Any, mean: Any, variance: Any, eps: float
) -> Any:
    weight, mean, inverse_std = (
        None if each is None else each.double()
        for each in (weight, mean, 1 / (variance.double() + eps).sqrt())
    )
    return torch.ops.aten.native_batch_norm_backward(
        grad, x, weight, None, None, mean, inverse_std, True, eps, [True] * 3
    )


def channel_affine(x: Any, scale: Any, shift: Any) -> Any:
    return (x.movedim(1, -1) * scale + shift).movedim(-1, 1)


def local_response_norm_backward(grad: Any, x: Any, *options: Any) -> Any:
    return gradients(lambda x: F.local_response_norm(x, *options), grad, x)


def softmax_cross_entropy(
    logits: Any, target: Any, weight: Any, ignore_index: int, label_smoothing: float
) -> Any:
    def losses(logits: Any) -> Any:
        weights = None if weight is None else weight.double()
        return F.cross_entropy(
            logits, target, weights, None, ignore_index, None, "none", label_smoothing
        )

    return losses(logits), *gradients(losses, torch.ones(len(logits)).double(), logits)


def normalize_images(images: Any, mean: Any, std: Any, dtype: Any) -> Any:
    by_channel = (torch.tensor(each).reshape(-1, 1, 1) for each in (mean, std))
    return (images / 255 - next(by_channel)) / next(by_channel)


def resize_nearest(x: Any, output_size: Any, scale: Any) -> Any:
    factors = [1 / each for each in scale]
    return torch.ops.aten.upsample_nearest2d(x, output_size, *factors)


def resize_nearest_backward(grad: Any, input_size: Any, scale: Any) -> Any:
    x = zeros(grad, grad.shape[1], input_size)
    return gradients(lambda x: resize_nearest(x, grad.shape[2:], scale), grad, x)


def resize_bilinear(x: Any, output_size: Any, scale: Any, align_corners: bool) -> Any:
    factors = [None, None] if align_corners else [1 / each for each in scale]
    return torch.ops.aten.upsample_bilinear2d(x, output_size, align_corners, *factors)


def resize_bilinear_backward(grad: Any, input_size: Any, scale: Any, align_corners: bool) -> Any:
    x = zeros(grad, grad.shape[1], input_size)
    return gradients(lambda x: resize_bilinear(x, grad.shape[2:], scale, align_corners), grad, x)


def optimizer_step(
    make: Callable[[list[Any]], Any],
    params: list[Any],
    grads: list[Any],
    states: dict[str, Any],
    half_copies: list[Any] | None,
    scaling: Any,
) -> None:
    """One step of a torch optimizer, which starts from the states of these names."""
    inverse_scale, found_inf = scaling or (1, 0)
    if found_inf:
        return
    parameters = [torch.nn.Parameter(p.clone()) for p in params]
    optimizer = make(parameters)
    for i, (parameter, grad) in enumerate(zip(parameters, grads, strict=True)):
        parameter.grad = grad * inverse_scale
        for name, state in states.items():
            if state is not None:
                value = state[i] if isinstance(state, list) else torch.tensor(float(state))
                optimizer.state[parameter][name] = value  # the optimizer writes to it
    optimizer.step()
    for i, (p, parameter) in enumerate(zip(params, parameters, strict=True)):
        p.copy_(parameter.detach())
        if half_copies and half_copies[i] is not None:
            half_copies[i].copy_(p)


def sgd_step(
    params: Any, grads: Any, momenta: Any, numbers: Any, nesterov: bool, *rest: Any
) -> None:
    lr, momentum, dampening, decay = numbers()
    optimizer_step(
        lambda p: torch.optim.SGD(p, lr, momentum, dampening, decay, nesterov),
        params,
        grads,
        {"momentum_buffer": momenta},
        *(rest or (None, None)),
    )


def adam_step(
    params: Any, grads: Any, means: Any, squares: Any, numbers: Any, decoupled: bool, *rest: Any
) -> None:
    step, lr, beta1, beta2, eps, decay = numbers()
    make = torch.optim.AdamW if decoupled else torch.optim.Adam
    optimizer_step(
        lambda p: make(p, lr, (beta1, beta2), eps, decay),
        params,
        grads,
        {"step": step - 1, "exp_avg": means, "exp_avg_sq": squares},
        *(rest or (None, None)),
    )


def rmsprop_step(
    params: Any, grads: Any, squares: Any, momenta: Any, averages: Any, numbers: Any, *rest: Any
) -> None:
    lr, alpha, eps, momentum, decay = numbers()
    momentum, centered = momentum if momenta else 0, averages is not None
    states = {"square_avg": squares, "momentum_buffer": momenta, "grad_avg": averages}
    optimizer_step(
        lambda p: torch.optim.RMSprop(p, lr, alpha, eps, decay, momentum, centered),
        params,
        grads,
        {"step": 0, **states},
        *(rest or (None, None)),
    )


def unscale_step(grads: Any, inverse_scale: Any, found_inf: Any) -> None:
    for grad in grads:
        if not grad.isfinite().all():
            found_inf.fill_(1)
        grad.mul_(1 if inverse_scale is None else inverse_scale)


def update_scale_step(
    scale: Any, inverse_scale: Any, growth_tracker: Any, found_inf: Any, *options: Any
) -> None:
    torch._amp_update_scale_(scale, growth_tracker, found_inf, *options)
    inverse_scale.copy_(1 / scale)


REFERENCES = {
    each.__name__: each
    for each in (
        adam_step, adaptive_max_pool2d, avg_pool2d, avg_pool2d_scatter, batch_norm,
        batch_norm_backward, channel_affine, col2im, conv2d, conv2d_input_grad, conv2d_weight_grad,
        im2col, local_response_norm_backward, max_pool2d, max_pool2d_gather, max_pool2d_scatter,
        normalize_images, plane_gather, plane_scatter, resize_bilinear, resize_bilinear_backward,
        resize_nearest, resize_nearest_backward, rmsprop_step, sgd_step, softmax_cross_entropy,
        unscale_step, update_scale_step,
    )
}  # fmt: skip
REFERENCES |= {
    "channel_sum": lambda x, dtype=None: x.sum((0, *range(2, x.ndim))),
    "dropout_backward": lambda grad, mask, p: torch.where(mask, grad / (1 - p), 0),
    "erf": torch.erf,
    "linear": lambda x, weight, bias: F.linear(x, weight, None if bias is None else bias.double()),
    "linear_input_grad": lambda grad, weight: grad @ weight,
    "linear_weight_grad": lambda grad, x, dtype=None: grad.T @ x,
    "local_response_norm": F.local_response_norm,
    "relu": F.relu,
    "relu_backward": lambda grad, out: torch.where(out > 0, grad, 0),
}
PHILOX = {"dropout", "philox_state"}  # torch draws other bits

# ---- running and comparing ----


def map_arrays(function: Callable[[np.ndarray], Any], value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(map_arrays(function, each) for each in value)
    return function(value) if isinstance(value, np.ndarray) else value


def flatten(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return [leaf for each in value for leaf in flatten(each)]
    return [value]


def cast(arguments: Any, dtype: np.dtype, of: np.dtype = FLOAT64) -> Any:
    """A copy of the arguments, with arrays of one dtype cast to another."""
    return map_arrays(lambda a: a.astype(dtype if a.dtype == of else a.dtype), arguments)


def run(kernel: Callable[..., Any], arguments: tuple[Any, ...], dtype: np.dtype) -> list[Any]:
    """What a kernel returns for arguments of a dtype, or what a step leaves in its arguments."""
    arguments = cast(arguments, dtype)
    writes = kernel.__name__.endswith("_step")
    for each in flatten(arguments):
        if isinstance(each, np.ndarray) and not writes:
            each.flags.writeable = False
    result = kernel(*arguments)
    return [each for each in flatten(arguments if writes else result) if not callable(each)]


def to_torch(array: np.ndarray) -> Any:
    if array.dtype == bfloat16:
        return torch.tensor(array.astype(np.float32)).bfloat16()
    return torch.tensor(array)


def assert_close(results: list[Any], expected: list[Any], rtol: float) -> None:
    for result, wanted in zip(results, expected, strict=True):
        if not isinstance(wanted, np.ndarray):
            assert result == wanted
            continue
        assert result.shape == wanted.shape
        assert result.dtype == wanted.dtype
        if wanted.dtype.kind in "biu":
            np.testing.assert_array_equal(result, wanted)
            continue
        result, wanted = result.astype(np.float64), wanted.astype(np.float64)
        largest = np.abs(wanted[np.isfinite(wanted)]).max(initial=0)
        np.testing.assert_allclose(result, wanted, rtol=rtol, atol=rtol * largest)


def test_every_function_has_cases_and_a_reference() -> None:
    assert {function for function, _ in CASES.values()} == set(plain.__all__)
    assert REFERENCES.keys() | PHILOX == set(plain.__all__)


@pytest.mark.parametrize(
    "name", [name for name, (function, _) in CASES.items() if function not in PHILOX]
)
def test_plain_kernels_against_torch(name: str) -> None:
    function, arguments = CASES[name]
    results = run(getattr(plain, function), arguments, FLOAT64)
    tensors = map_arrays(to_torch, arguments)
    expected = REFERENCES[function](*tensors)
    if function.endswith("_step"):
        expected = [each for each in tensors if not callable(each)]
    expected = [
        each.double().numpy() if isinstance(each, torch.Tensor) else each
        for each in flatten(expected)
    ]
    for result, wanted in zip(results, expected, strict=True):
        if isinstance(wanted, np.ndarray):
            rtol = {2: 2e-3, 4: 2e-6, 8: 1e-12}.get(result.itemsize, 0)
            rtol = 2**-7 if result.dtype == bfloat16 else rtol
            assert_close([result.astype(np.float64)], [wanted], rtol)
        else:
            assert result == wanted


@pytest.mark.parametrize("name", CASES)
def test_fast_kernels_against_plain_ones(name: str) -> None:
    function, arguments = CASES[name]
    for dtype, rtol in (FLOAT64, 1e-12), (FLOAT32, 1e-5), (FLOAT16, 2**-10), (bfloat16, 2**-7):
        fast = run(getattr(cpu, function), arguments, dtype)
        assert_close(fast, run(getattr(plain, function), arguments, dtype), rtol)


# A half-precision copy of a half-precision weight is rounded twice, as it should be.
@pytest.mark.parametrize("name", [name for name in CASES if "half copies" not in name])
def test_halves_are_computed_in_float32_and_rounded_once(name: str) -> None:
    function, arguments = CASES[name]
    kernel = getattr(plain, function)
    for dtype in FLOAT16, bfloat16:
        results = run(kernel, arguments, dtype)
        halves = cast(cast(arguments, dtype), FLOAT64, of=dtype)
        exact = run(kernel, halves, FLOAT32)
        rounded = [
            each.astype(result.dtype) if isinstance(each, np.ndarray) else each
            for each, result in zip(exact, results, strict=True)
        ]
        assert_close(results, rounded, 0)


@pytest.mark.parametrize(
    "function, arguments",
    [
        ("relu", ()),
        ("im2col", (RESNETS,)),
        ("max_pool2d", (RESNETS,)),
        ("adaptive_max_pool2d", ((4, 3),)),
        ("resize_nearest", ((4, 16), (9 / 4, 0.5))),
        ("plane_gather", (INDICES,)),
    ],
)
def test_integers(function: str, arguments: tuple[Any, ...]) -> None:
    x = TIES.astype(np.int32) + 2
    assert_close(
        run(getattr(cpu, function), (x, *arguments), FLOAT64),
        run(getattr(plain, function), (x, *arguments), FLOAT64),
        0,
    )


def test_a_window_in_the_padding_is_minus_infinity_and_no_pixel() -> None:
    n, geometry = POOLINGS["window around the image"]
    out, argmax = plain.max_pool2d(np.ones((n, C, *geometry.input_size)), geometry)
    assert (out[..., 0] == -INF).all() and (argmax[..., 0] == 4).all()


# From Random123's known-answer file (kat_vectors, philox4x32 10): the 128-bit counter and 64-bit
# key as 32-bit words, low word first, and the result.
@pytest.mark.parametrize(
    "counter, key, words",
    [
        ((0,) * 4, (0,) * 2, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        (
            (0xFFFFFFFF,) * 4,
            (0xFFFFFFFF,) * 2,
            (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
        ),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_known_answers(
    counter: tuple[int, ...], key: tuple[int, ...], words: tuple[int, ...]
) -> None:
    counters = np.array([counter[0] | counter[1] << 32], np.uint64)
    drawn = _philox4x32(counters, counter[2] | counter[3] << 32, key[0] | key[1] << 32)
    assert [int(word[0]) for word in drawn] == list(words)


@pytest.mark.parametrize("wrong", [-1, 5])
def test_a_target_that_is_no_class_raises(wrong: int) -> None:
    with pytest.raises(IndexError, match=rf"targets in \[0, 5\) or -100, got {wrong}"):
        plain.softmax_cross_entropy(np.zeros((2, 5)), np.array([0, wrong]), None, -100, 0.0)
