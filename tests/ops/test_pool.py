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
    ("adaptive_avg_pool2d", (5, 5), {"output_size": 2}, r"got \(5, 5\)"),
    ("adaptive_max_pool2d", (5, 5), {"output_size": 2}, r"got \(5, 5\)"),
]


@pytest.mark.parametrize("name, shape, options, message", ERRORS)
def test_errors(name: str, shape: Any, options: Any, message: str) -> None:
    with pytest.raises((RuntimeError, IndexError)):
        getattr(TF, name)(torch.zeros(shape), **options)
    with pytest.raises(RuntimeError, match=message):
        getattr(F, name)(minicnn.zeros(shape), **options)
