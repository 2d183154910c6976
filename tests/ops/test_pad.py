"""Padding against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from oracle import assert_same, channels_last, normal

import minicnn
import minicnn.nn.functional as F
from minicnn.autograd import gradcheck, gradgradcheck

X = normal(2, 3, 4)
COPYING = ["reflect", "replicate", "circular"]
# widths, and the shapes that they fit
SHAPES: dict[tuple[int, ...], list[tuple[int, ...]]] = {
    (2, 1): [(3, 4), (2, 3, 4), (0, 3, 4)],
    (-1, 2): [(2, 3, 4)],
    (-2, -1): [(2, 3, 4)],
    (1, 2, 3, 0): [(3, 4, 5), (2, 3, 4, 5), (0, 3, 4, 5)],
    (-1, 2, 1, -3): [(2, 3, 4, 5)],
    (1, 0, 2, 1, 1, 1): [(2, 3, 4, 5), (1, 2, 3, 4, 5)],
}
CASES = [(widths, shape) for widths in SHAPES for shape in SHAPES[widths]]


@pytest.mark.parametrize(
    "widths", [(1, 2), (0, 1, 2, 0), (1, 1, 2, 2, 0, 3), (-1, 2), (-1, -1, 1, -2), (), (-1, -3)]
)
def test_constants(widths: Any) -> None:
    assert_same(lambda x: F.pad(x, widths, value=3.0), lambda x: TF.pad(x, widths, value=3.0), [X])
    assert_same(lambda x: x.pad(widths), lambda x: TF.pad(x, widths), [X])


@pytest.mark.parametrize("mode", COPYING)
@pytest.mark.parametrize("widths, shape", CASES)
@pytest.mark.parametrize("dtype", [np.float64, np.float16])
def test_copies_of_the_border(mode: str, widths: Any, shape: Any, dtype: Any) -> None:
    assert_same(
        lambda x: F.pad(x, widths, mode), lambda x: TF.pad(x, widths, mode), [normal(*shape)], dtype
    )


@pytest.mark.parametrize("mode", COPYING)
def test_memory_layouts(mode: str) -> None:
    x = normal(2, 4, 6, 5)
    for view in (channels_last(x), x[:, ::2, 1:, ::2]):
        assert_same(
            lambda x: F.pad(x, (2, 1, 0, 1), mode), lambda x: TF.pad(x, (2, 1, 0, 1), mode), [view]
        )
    padded = F.pad(minicnn.tensor(channels_last(x)), (1, 1)).array
    assert padded.strides[1] == padded.itemsize


@pytest.mark.parametrize("mode", COPYING)
@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.int32])
def test_integers(mode: str, dtype: Any) -> None:
    x = np.random.default_rng(0).integers(0, 200, (2, 4, 5)).astype(dtype)
    assert_same(
        lambda x: F.pad(x, (2, 1), mode), lambda x: TF.pad(x, (2, 1), mode), [x], grad=False
    )


@pytest.mark.parametrize(
    "dtype, value", [(bool, 2.5), (bool, 0), (np.int64, 2.7), (np.int64, -2.7), (np.uint8, 255)]
)
def test_constants_in_other_dtypes(dtype: Any, value: float) -> None:
    x = np.ones((2, 3), dtype)
    assert_same(
        lambda x: F.pad(x, (1, 1), value=value),
        lambda x: TF.pad(x, (1, 1), value=value),
        [x],
        grad=False,
    )


@pytest.mark.parametrize("mode", COPYING)
@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
def test_differences(mode: str, check: Any) -> None:
    x = minicnn.tensor(normal(1, 2, 3, 4), requires_grad=True)
    assert check(lambda x: F.pad(x, (2, 1, -1, 2), mode) ** 2, (x,))


ERRORS = [
    (NotImplementedError, (2, 3), (1, 1), {"mode": "mirror"}, "got 'mirror'"),
    (RuntimeError, (2, 3), (1,), {}, r"two widths a dimension of \(2, 3\), got \(1,\)"),
    (RuntimeError, (3,), (1, 1, 1, 1), {}, "two widths a dimension"),
    (TypeError, (3,), 1, {}, "a tuple of integers, got 1"),
    (TypeError, (3,), (1.0, 1), {}, "a tuple of integers"),
    (RuntimeError, (3,), (-2, -2), {}, r"cannot crop \(3,\) by \(-2, -2\)"),
    (RuntimeError, (3,), (-4, 9), {}, "cannot crop"),
    (RuntimeError, (2, 3), (1, 1), {"mode": "reflect", "value": 1.0}, "takes no value"),
    (NotImplementedError, (3,), (1, 1), {"mode": "reflect"}, "widths of 1 dimensions for"),
    (NotImplementedError, (1, 1, 3, 3), (1, 1), {"mode": "circular"}, "widths of 1 dimensions"),
    (NotImplementedError, (1, 3, 3), (), {"mode": "circular"}, "widths of 0 dimensions"),
    (RuntimeError, (1, 3), (3, 0), {"mode": "reflect"}, r"at most 2 copies .* widths \(3, 0\)"),
    (RuntimeError, (1, 3), (0, 4), {"mode": "circular"}, "at most 3 copies to a side of 3"),
    (RuntimeError, (2, 0, 4), (1, 1), {"mode": "replicate"}, r"expects elements .*\(2, 0, 4\)"),
    (RuntimeError, (1, 3), (0, -3), {"mode": "reflect"}, "would leave nothing"),
]


@pytest.mark.parametrize("kind, shape, widths, options, message", ERRORS)
def test_errors(kind: Any, shape: Any, widths: Any, options: Any, message: str) -> None:
    with pytest.raises(kind):
        TF.pad(torch.zeros(shape), widths, **options)
    with pytest.raises(kind, match=message):
        F.pad(minicnn.zeros(shape), widths, **options)


@pytest.mark.parametrize("dtype, value", [(np.uint8, -1), (np.uint8, 256), (np.int64, np.inf)])
def test_a_constant_that_the_dtype_cannot_hold(dtype: Any, value: float) -> None:
    x = np.ones((2, 3), dtype)
    with pytest.raises(RuntimeError):
        TF.pad(torch.tensor(x), (1, 1), value=value)
    with pytest.raises(RuntimeError, match="holds numbers from"):
        F.pad(minicnn.tensor(x), (1, 1), value=value)
