"""Pooling against PyTorch."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from oracle import assert_same, channels_last, distinct, normal

import minicnn
import minicnn.nn.functional as F
from minicnn.autograd import gradcheck, gradgradcheck
from minicnn.ops.fused import max_pool2d_relu

# x (N, C, H, W), options that maximum and average share
BOTH = {
    "2/2": ((2, 3, 6, 8), {"kernel_size": 2}),
    "AlexNet's overlapping 3/2": ((2, 3, 13, 13), {"kernel_size": 3, "stride": 2}),
    "1x1": ((2, 3, 1, 1), {"kernel_size": 1}),
    "global": ((1, 2, 4, 5), {"kernel_size": (4, 5)}),
    "batch of one": ((1, 1, 5, 5), {"kernel_size": 3, "stride": 1}),
    "gaps between windows": ((2, 2, 9, 8), {"kernel_size": 2, "stride": 3}),
    "rest that fits no window": ((2, 2, 7, 9), {"kernel_size": 2, "stride": 2}),
    "padded": ((2, 2, 6, 7), {"kernel_size": 3, "stride": 1, "padding": 1}),
    "non-square everything": (
        (2, 3, 11, 9), {"kernel_size": (4, 3), "stride": (3, 2), "padding": (2, 1)},
    ),
    "ceil": ((2, 2, 7, 8), {"kernel_size": 2, "ceil_mode": True}),
    "ceil, GoogLeNet's": ((1, 2, 14, 15), {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
    "ceil, last window in the padding": (
        (1, 2, 5, 6), {"kernel_size": 2, "stride": 3, "padding": 1, "ceil_mode": True},
    ),
    "ceil, padded, non-square": (
        (2, 2, 8, 11),
        {"kernel_size": (3, 4), "stride": (2, 3), "padding": (1, 2), "ceil_mode": True},
    ),
    "ceil, stride above the kernel": (
        (1, 2, 8, 9), {"kernel_size": 2, "stride": 4, "ceil_mode": True},
    ),
    "one image": ((3, 6, 7), {"kernel_size": 3, "stride": 2}),
}  # fmt: skip
MAX = {
    "dilated": ((2, 2, 9, 8), {"kernel_size": (3, 2), "dilation": (2, 3), "stride": (2, 1)}),
    "dilated, padded, ceil": (
        (1, 2, 9, 10),
        {"kernel_size": 4, "dilation": 2, "padding": 2, "stride": 3, "ceil_mode": True},
    ),
    "more than 256 positions": ((1, 2, 20, 19), {"kernel_size": 17, "stride": 2}),
}
AVERAGE = {
    "not counting padding": (
        (2, 2, 6, 7), {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False},
    ),
    "not counting padding, ceil": (
        (2, 2, 6, 7),
        {
            "kernel_size": (3, 4), "stride": (2, 3), "padding": (1, 2), "ceil_mode": True,
            "count_include_pad": False,
        },
    ),
    "divisor": ((2, 2, 6, 7), {"kernel_size": 3, "padding": 1, "divisor_override": 5}),
    "negative divisor": ((1, 1, 4, 4), {"kernel_size": 2, "stride": (), "divisor_override": -2}),
}  # fmt: skip
DTYPES = pytest.mark.parametrize("dtype", [np.float64, np.float32])


def table(rows: dict[str, Any]) -> Any:
    return pytest.mark.parametrize("row", rows.values(), ids=rows.keys())


def values(kind: str, shape: tuple[int, ...]) -> np.ndarray:
    """Images on which wrong kernels stumble."""
    return {
        "normal": normal(*shape),
        "ties": np.maximum(np.round(normal(*shape)), 0),
        "all negative": -1 - np.abs(normal(*shape)),
        "constant": np.full(shape, -2.0),
    }[kind]


@table(BOTH | MAX)
@pytest.mark.parametrize("kind", ["normal", "ties", "all negative", "constant"])
@DTYPES
def test_max_pool2d(row: Any, kind: str, dtype: Any) -> None:
    shape, options = row
    assert_same(
        lambda x: F.max_pool2d(x, return_indices=True, **options),
        lambda x: TF.max_pool2d(x, return_indices=True, **options),
        [values(kind, shape)],
        dtype,
    )


@table(BOTH | AVERAGE)
@DTYPES
def test_avg_pool2d(row: Any, dtype: Any) -> None:
    shape, options = row
    assert_same(
        lambda x: F.avg_pool2d(x, **options),
        lambda x: TF.avg_pool2d(x, **options),
        [normal(*shape)],
        dtype,
    )


ADAPTIVE = list(
    itertools.product(
        [(2, 3, 6, 8), (1, 2, 7, 5), (1, 1, 1, 1), (3, 5, 9)],
        [1, (2, 4), (3, 2), (7, 5), 6, (None, 3), (4, None)],
    )
)


@pytest.mark.parametrize("shape, output_size", ADAPTIVE)
@DTYPES
def test_adaptive_avg_pool2d(shape: Any, output_size: Any, dtype: Any) -> None:
    assert_same(
        lambda x: F.adaptive_avg_pool2d(x, output_size),
        lambda x: TF.adaptive_avg_pool2d(x, output_size),
        [normal(*shape)],
        dtype,
    )


@pytest.mark.parametrize("shape, output_size", ADAPTIVE)
@pytest.mark.parametrize("kind", ["normal", "ties", "all negative"])
def test_adaptive_max_pool2d(shape: Any, output_size: Any, kind: str) -> None:
    assert_same(
        lambda x: F.adaptive_max_pool2d(x, output_size, return_indices=True),
        lambda x: TF.adaptive_max_pool2d(x, output_size, return_indices=True),
        [values(kind, shape)],
    )


OPERATIONS = {
    "max": lambda f, x: f.max_pool2d(x, 3, 2, 1),
    "max with relu": lambda f, x: (
        max_pool2d_relu(x, 3, 2) if f is F else f.max_pool2d(f.relu(x), 3, 2)
    ),
    "average": lambda f, x: f.avg_pool2d(x, (2, 3), 2, 1, True, False),
    "adaptive average, divides": lambda f, x: f.adaptive_avg_pool2d(x, (2, 1)),
    "adaptive average": lambda f, x: f.adaptive_avg_pool2d(x, (3, 2)),
    "adaptive max": lambda f, x: f.adaptive_max_pool2d(x, (3, 2)),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_memory_layouts(name: str) -> None:
    operation = OPERATIONS[name]
    x = normal(4, 5, 6, 7)
    for view in (channels_last(x), x[::2, ::-1, 1:, ::2], x.transpose(1, 0, 3, 2)):
        view = np.array(view, order="K") if min(view.strides) < 0 else view
        assert_same(lambda x: operation(F, x), lambda x: operation(TF, x), [view])


@pytest.mark.parametrize("name", OPERATIONS)
def test_view_used_twice(name: str) -> None:
    operation = OPERATIONS[name]

    def network(f: Any) -> Any:
        return lambda x: operation(f, x[:, ::2, :, 1:]) * operation(f, x[:, 1::2, :, :-1])

    assert_same(network(F), network(TF), [normal(2, 4, 6, 8)])


@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
@pytest.mark.parametrize("name", OPERATIONS)
def test_differences(check: Any, name: str) -> None:
    x = minicnn.tensor(distinct(1, 2, 4, 5), requires_grad=True)
    assert check(lambda x: OPERATIONS[name](F, x) ** 2, (x,))


def test_nan_wins() -> None:
    x = normal(1, 1, 6, 6)
    x[0, 0, 2, 3] = np.nan
    expected = TF.max_pool2d(torch.tensor(x), 3, 2).cpu().numpy()
    np.testing.assert_array_equal(F.max_pool2d(minicnn.tensor(x), 3, 2).cpu().numpy(), expected)


def images_with(*specials: float) -> np.ndarray:
    """Images (1, 2, 9, 8) with special numbers, each in a place of its own."""
    x = normal(1, 2, 9, 8)
    for i, special in enumerate(specials):
        x[0, 0, 2 * i + 1, (3 * i + 2) % 8] = special
    return x


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("output_size", [(4, 3), (5, 5), (3, 2), (11, 13)])
@DTYPES
def test_a_special_number_reaches_its_windows_only(
    special: float, output_size: Any, dtype: Any
) -> None:
    assert_same(
        lambda x: F.adaptive_avg_pool2d(x, output_size),
        lambda x: TF.adaptive_avg_pool2d(x, output_size),
        [images_with(special)],
        dtype,
    )
    gradient = images_with(special)
    ours, theirs = (
        f.zeros(1, 2, 7, 5, dtype=f.float64, requires_grad=True) for f in (minicnn, torch)
    )
    F.adaptive_avg_pool2d(ours, (9, 8)).backward(minicnn.tensor(gradient))
    TF.adaptive_avg_pool2d(theirs, (9, 8)).backward(torch.tensor(gradient))
    np.testing.assert_allclose(ours.grad.cpu().numpy(), theirs.grad.numpy(), rtol=1e-12)


def test_the_last_nan_is_the_maximum() -> None:
    x = images_with(np.nan, np.nan, np.inf, np.nan)
    x[0, 1] = -np.inf
    for options in ({"output_size": (2, 2)}, {"output_size": (4, 3)}):
        assert_same(
            lambda x, options=options: F.adaptive_max_pool2d(x, return_indices=True, **options),
            lambda x, options=options: TF.adaptive_max_pool2d(x, return_indices=True, **options),
            [x],
        )
    assert_same(
        lambda x: F.max_pool2d(x, 3, 2, 1, return_indices=True),
        lambda x: TF.max_pool2d(x, 3, 2, 1, return_indices=True),
        [x],
    )


@table(BOTH | AVERAGE)
def test_averages_of_integers_are_cut(row: Any) -> None:
    shape, options = row
    x = np.random.default_rng(0).integers(-(10**17), 10**17, shape)
    assert_same(
        lambda x: F.avg_pool2d(x, **options), lambda x: TF.avg_pool2d(x, **options), [x], grad=False
    )


@pytest.mark.cpu_only
@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8, np.int8])
def test_maxima_of_integers(dtype: Any) -> None:
    x = np.random.default_rng(0).integers(0, 100, (2, 3, 7, 6)).astype(dtype) - dtype(50)
    assert_same(
        lambda x: F.max_pool2d(x, 3, 2, 1, return_indices=True),
        lambda x: TF.max_pool2d(x, 3, 2, 1, return_indices=True),
        [x],
        grad=False,
    )


INTEGERS_REFUSED = [
    ("max_pool2d", "bool"), ("avg_pool2d", "int32"), ("avg_pool2d", "bool"),
    ("adaptive_avg_pool2d", "int64"), ("adaptive_max_pool2d", "int64"),
]  # fmt: skip


@pytest.mark.parametrize("name, dtype", INTEGERS_REFUSED)
def test_integers_are_refused(name: str, dtype: str) -> None:
    x = np.zeros((1, 1, 4, 4), dtype)
    with pytest.raises(NotImplementedError):
        getattr(TF, name)(torch.tensor(x), 2)
    with pytest.raises(NotImplementedError, match=f"expects .* got {dtype}"):
        getattr(F, name)(minicnn.tensor(x), 2)


@pytest.mark.parametrize("name", ["adaptive_avg_pool2d", "adaptive_max_pool2d"])
@pytest.mark.parametrize("output_size", [0, (0, 2), (3, 0)])
def test_outputs_without_pixels(name: str, output_size: Any) -> None:
    for x in (normal(2, 3, 6, 8), normal(3, 5, 9)):
        assert_same(
            lambda x: getattr(F, name)(x, output_size),
            lambda x: getattr(TF, name)(x, output_size),
            [x],
            grad=False,  # torch has none
        )


POOLINGS = {
    "max": lambda f, x: f.max_pool2d(x, 3, 2, 1),
    "average": lambda f, x: f.avg_pool2d(x, 3, 2, 1),
    "adaptive average": lambda f, x: f.adaptive_avg_pool2d(x, (4, 3)),
    "adaptive max": lambda f, x: f.adaptive_max_pool2d(x, (4, 3)),
    "global average": lambda f, x: f.adaptive_avg_pool2d(x, 1),
}


@pytest.mark.parametrize("name", POOLINGS)
def test_half_precision_is_rounded_once(name: str) -> None:
    x = 100 * normal(2, 3, 11, 8)
    assert_same(
        lambda x: POOLINGS[name](F, x), lambda x: POOLINGS[name](TF, x), [x], np.float16, 1e-3
    )


@pytest.mark.parametrize("name", POOLINGS)
def test_no_images(name: str) -> None:
    x = minicnn.zeros(0, 3, 9, 8, requires_grad=True)
    out = POOLINGS[name](F, x)
    assert out.shape == tuple(POOLINGS[name](TF, torch.zeros(0, 3, 9, 8)).shape)
    out.sum().backward()
    assert x.grad.shape == x.shape


def test_a_window_outside_the_image_has_no_pixel() -> None:
    x = minicnn.tensor(normal(1, 1, 3, 3), requires_grad=True)
    out, indices = F.max_pool2d(x, 2, 2, 1, dilation=4, return_indices=True)
    assert out.tolist() == [[[[-np.inf]]]] and indices.tolist() == [[[[-1]]]]
    out.sum().backward()
    assert x.grad.tolist() == np.zeros((1, 1, 3, 3)).tolist()


X = (1, 2, 5, 5)
ERRORS = [
    ("max_pool2d", X, {"kernel_size": 3, "padding": 2}, "at most half .* got padding=\\(2, 2\\)"),
    ("max_pool2d", X, {"kernel_size": 3, "dilation": 2, "padding": 2}, "at most half"),
    ("max_pool2d", X, {"kernel_size": 6}, "the output would be 0 x 0"),
    ("max_pool2d", X, {"kernel_size": 0}, "kernel_size must be at least 1, got 0"),
    ("max_pool2d", X, {"kernel_size": 2, "stride": 0}, "stride must be at least 1, got 0"),
    ("max_pool2d", X, {"kernel_size": 2, "dilation": 0}, "dilation must be at least 1"),
    ("max_pool2d", (5, 5), {"kernel_size": 2}, r"shape \(N, C, H, W\).*got \(5, 5\)"),
    ("avg_pool2d", X, {"kernel_size": 3, "padding": 2}, "at most half"),
    ("avg_pool2d", X, {"kernel_size": (6, 1)}, "the output would be 0 x 5"),
    ("avg_pool2d", X, {"kernel_size": 2, "divisor_override": 0}, "must not be 0"),
    ("avg_pool2d", (5, 5), {"kernel_size": 2}, r"got \(5, 5\)"),
    ("max_pool2d", (2, 0, 4, 4), {"kernel_size": 2}, r"pixels and channels, got \(2, 0, 4, 4\)"),
    ("avg_pool2d", (2, 3, 0, 4), {"kernel_size": 2, "padding": 1}, "pixels and channels"),
    ("avg_pool2d", X, {"kernel_size": (2, 2, 2)}, "kernel_size must be one integer or two"),
    ("adaptive_avg_pool2d", X, {"output_size": -1}, "output_size must be at least 0, got"),
    (
        "adaptive_avg_pool2d",
        X,
        {"output_size": (1, 1, 1)},
        "output_size must be one integer or two",
    ),
    ("adaptive_max_pool2d", (2, 3, 0, 4), {"output_size": 1}, "images that are not empty"),
    ("adaptive_avg_pool2d", (5, 5), {"output_size": 2}, r"got \(5, 5\)"),
    ("adaptive_max_pool2d", (5, 5), {"output_size": 2}, r"got \(5, 5\)"),
]


@pytest.mark.parametrize("name, shape, options, message", ERRORS)
def test_errors(name: str, shape: Any, options: Any, message: str) -> None:
    with pytest.raises((RuntimeError, IndexError)):
        getattr(TF, name)(torch.zeros(shape), **options)
    with pytest.raises(RuntimeError, match=message):
        getattr(F, name)(minicnn.zeros(shape), **options)
