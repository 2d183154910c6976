"""Sorting and selecting by rank against PyTorch; which of equal elements is taken."""

import numpy as np
import pytest
import torch
from oracle import assert_agrees

import minicnn as mc

NAN = float("nan")
X = np.random.default_rng(0).standard_normal((3, 5, 40))
WITH_NAN = np.array([[3.0, NAN, 1.0, 2.0], [NAN, 5.0, NAN, 4.0], [0.0, 1.0, 2.0, 3.0]])
TIES = np.array([[2, 1, 2, 1, 1, 3], [0, 0, 3, 3, 3, 0]])

CALLS = {
    "sort": lambda m, x: tuple(m.sort(x, 1)),
    "sort descending": lambda m, x: tuple(x.sort(descending=True)),
    "argsort": lambda m, x: m.argsort(x, dim=0),
    "msort": lambda m, x: m.msort(x),
    "topk": lambda m, x: tuple(m.topk(x, 3)),
    "topk of all": lambda m, x: tuple(x.topk(x.shape[-1], largest=False)),
    "topk of many": lambda m, x: tuple(x.topk(min(9, x.shape[-1]))),
    "kthvalue": lambda m, x: tuple(m.kthvalue(x, 2, dim=1, keepdim=True)),
    "median": lambda m, x: m.median(x),
    "median along a dimension": lambda m, x: tuple(m.median(x, 1)),
    "nanmedian": lambda m, x: m.nanmedian(x),
    "nanmedian along a dimension": lambda m, x: tuple(x.nanmedian(-1, keepdim=True)),
    "mode": lambda m, x: tuple(m.mode(x, 0)),
}


NAMES = [
    pytest.param(name, marks=pytest.mark.numbers_decide) if name == "mode" else name
    for name in CALLS
]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("name", NAMES)
def test_values_and_indices(name: str, dtype: type) -> None:
    distinct = np.random.default_rng(1).permutation(120).reshape(3, 2, 20).astype(dtype)
    assert_agrees(CALLS[name], distinct)


@pytest.mark.numbers_decide
@pytest.mark.parametrize("name", sorted(CALLS.keys() - {"mode"}))
def test_nan_counts_as_the_largest(name: str) -> None:
    def call(m, x):
        found = CALLS[name](m, x)
        return found if isinstance(found, tuple) else (found,)

    theirs = call(torch, torch.tensor(WITH_NAN))[0]
    assert np.array_equal(call(mc, mc.tensor(WITH_NAN))[0].cpu().numpy(), theirs, equal_nan=True)


def test_equal_elements_keep_their_order() -> None:
    assert_agrees(lambda m, x: tuple(m.sort(x, dim=1, stable=True)), TIES)
    assert_agrees(lambda m, x: tuple(m.sort(x, dim=1, descending=True, stable=True)), TIES)
    assert_agrees(lambda m, x: tuple(m.median(x, 1)), TIES)


@pytest.mark.numbers_decide
def test_the_last_of_the_most_frequent_elements_is_taken() -> None:
    assert_agrees(lambda m, x: tuple(m.mode(x, 1)), TIES)


@pytest.mark.numbers_decide
def test_the_first_of_equal_elements_are_taken() -> None:
    ones = mc.ones(3, 100)
    assert ones.topk(2)[1].tolist() == [[0, 1]] * 3
    assert ones.topk(20, largest=False)[1].tolist() == [list(range(20))] * 3
    assert ones.kthvalue(5).indices.tolist() == [4] * 3


def test_infinities_and_nan_among_the_top() -> None:
    x = np.full((2, 50), -np.inf, np.float32)
    x[0, 3], x[1, 7], x[1, 8] = 1, np.nan, np.inf
    values = mc.tensor(x).topk(3).values
    assert np.array_equal(values.cpu().numpy(), torch.tensor(x).topk(3)[0], equal_nan=True)


def test_wrong_arguments() -> None:
    for call in (
        lambda m, x: m.topk(x, 41),
        lambda m, x: m.topk(x, -1),
        lambda m, x: m.kthvalue(x, 0),
        lambda m, x: m.sort(x, 3),
        lambda m, x: m.median(x[:, :0], 1),
    ):
        assert_agrees(call, X)


def test_named_results() -> None:
    assert mc.sort(mc.tensor([2.0, 1.0])).indices.tolist() == [1, 0]
    assert mc.median(mc.tensor([[2.0, 1.0]]), 1).values.tolist() == [1.0]
