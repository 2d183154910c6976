"""Distinct elements and slices, and places in sorted sequences, against PyTorch."""

import numpy as np
import pytest
from oracle import assert_agrees

X = np.array([[1, 3, 1, 1], [2, 2, 0, 0], [1, 3, 1, 1]])


@pytest.mark.numbers_decide
@pytest.mark.parametrize("dim", [None, 0, 1])
@pytest.mark.parametrize("dtype", [np.int64, np.float32, np.float16, np.uint8, bool])
@pytest.mark.parametrize("name", ["unique", "unique_consecutive"])
def test_unique(name: str, dtype: type, dim: int | None) -> None:
    x = X.astype(dtype)
    assert_agrees(lambda m, x: getattr(m, name)(x.detach(), dim=dim), x)
    assert_agrees(
        lambda m, x: getattr(x.detach(), name)(return_inverse=True, return_counts=True, dim=dim), x
    )


@pytest.mark.numbers_decide
def test_each_nan_is_distinct() -> None:
    x = np.array([np.nan, 1.0, np.nan, 1.0])
    assert_agrees(lambda m, x: m.unique(x, return_counts=True)[1], x)


def test_of_nothing() -> None:
    assert_agrees(lambda m, x: m.unique(x, return_inverse=True), X[:0])
    assert_agrees(lambda m, x: m.unique(x, dim=1), X[:0])


@pytest.mark.parametrize("right", [False, True])
def test_searchsorted(right: bool) -> None:
    rows, numbers = np.sort(X, 1), np.array([[1, 2], [0, 9], [3, 1]])
    assert_agrees(lambda m, s, x: m.searchsorted(s, x, right=right), rows, numbers)
    assert_agrees(lambda m, s, x: m.searchsorted(s, x, out_int32=True), rows[0], numbers)
    assert_agrees(lambda m, s, x: m.bucketize(x, s, right=right), rows[0], numbers)
    assert_agrees(lambda m, s: m.searchsorted(s, 2, side="right"), rows[0])
    assert_agrees(lambda m, s, x: m.searchsorted(s, x + 0.5), rows[0], numbers)
    assert_agrees(lambda m, s: m.bucketize(0.5, s), rows[0])
    assert_agrees(lambda m, s, x: m.searchsorted(s, x, sorter=m.argsort(s)), X[0], numbers)


def test_wrong_arguments() -> None:
    numbers = np.array([1, 2])
    assert_agrees(lambda m, s, x: m.searchsorted(s, x), X, numbers)
    assert_agrees(lambda m, s, x: m.searchsorted(s, x, right=True, side="left"), X[0], numbers)
    assert_agrees(lambda m, s, x: m.bucketize(x, s), X, numbers)
