"""Embeddings against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from oracle import assert_agrees, normal

import minicnn as mc
import minicnn.nn.functional as F
from minicnn import nn
from minicnn.autograd import gradcheck, gradgradcheck

NUMBERS = np.array([[0, 3, 3], [4, 0, 3]])
VECTOR = np.array([0, 3, 3, 4, 0, 3, 1])
OFFSETS = np.array([0, 2, 2, 5])
# the longest bag is a dimension of the maxima
MODES = ["sum", "mean", pytest.param("max", marks=pytest.mark.numbers_decide)]


@pytest.mark.parametrize("index", [NUMBERS, VECTOR, np.array(2), NUMBERS[:0]], ids=str)
@pytest.mark.parametrize(
    "options", [{}, {"padding_idx": 3}, {"padding_idx": -2}, {"padding_idx": 0}]
)
@pytest.mark.parametrize("by_frequency", [False, True])
def test_embedding(index: Any, options: Any, by_frequency: bool) -> None:
    def call(m: Any, index: Any, table: Any) -> Any:
        return m.nn.functional.embedding(index, table, scale_grad_by_freq=by_frequency, **options)

    assert_agrees(call, index, normal(5, 2))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("padding_idx", [None, 3, -5])
@pytest.mark.parametrize("end", [None, 7])
def test_bags(mode: str, padding_idx: int | None, end: int | None) -> None:
    offsets = OFFSETS if end is None else np.append(OFFSETS, end)

    def call(m: Any, index: Any, table: Any, offsets: Any) -> Any:
        f = m.nn.functional.embedding_bag
        options = {"mode": mode, "padding_idx": padding_idx}
        last = end is not None
        return f(index, table, offsets, include_last_offset=last, **options)

    assert_agrees(call, VECTOR, normal(5, 2), offsets)


@pytest.mark.parametrize("mode", MODES)
def test_the_last_bag_ends_at_the_last_offset(mode: str) -> None:
    """What follows is in no bag. (Torch counts it in some of its loops.)"""
    table, ends = mc.tensor(normal(5, 2)), mc.tensor([0, 2, 3])
    options = {"mode": mode, "include_last_offset": True}
    whole = F.embedding_bag(mc.tensor(VECTOR), table, ends, **options)
    cut = F.embedding_bag(mc.tensor(VECTOR[:3]), table, ends, **options)
    assert (whole == cut).all()


@pytest.mark.parametrize("mode", MODES)
def test_bags_of_one_length(mode: str) -> None:
    def call(m: Any, index: Any, table: Any) -> Any:
        return m.nn.functional.embedding_bag(index, table, mode=mode)

    assert_agrees(call, NUMBERS, normal(5, 2))


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_empty_bags(mode: str) -> None:
    def call(m: Any, index: Any, table: Any, offsets: Any) -> Any:
        return m.nn.functional.embedding_bag(index, table, offsets, mode=mode)

    assert_agrees(call, VECTOR[:0], normal(5, 2), np.array([0, 0]))
    assert_agrees(call, VECTOR[:0], normal(5, 2), np.array([], int))


@pytest.mark.numbers_decide
def test_factors_of_the_rows() -> None:
    def call(m: Any, index: Any, table: Any, factors: Any) -> Any:
        f = m.nn.functional.embedding_bag
        return f(index, table, mode="sum", per_sample_weights=factors, padding_idx=0)

    assert_agrees(call, NUMBERS, normal(5, 2), normal(2, 3))


@pytest.mark.numbers_decide
@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
def test_differences(check: Any) -> None:
    index, table = mc.tensor(NUMBERS), mc.tensor(normal(5, 2), requires_grad=True)
    factors = mc.tensor(normal(2, 3), requires_grad=True)

    def summed(table: mc.Tensor, factors: mc.Tensor) -> mc.Tensor:
        return F.embedding_bag(index, table, mode="sum", per_sample_weights=factors)

    assert check(lambda t: F.embedding(index, t), (table,))
    assert check(lambda t: F.embedding_bag(index, t), (table,))
    assert check(lambda t: F.embedding_bag(index, t, mode="max"), (table,))
    assert check(summed, (table, factors))


@pytest.mark.parametrize("norm_type", [1.0, 2.0, np.inf])
@pytest.mark.parametrize("dtype", [np.float64, np.float16])
def test_rows_are_shortened_in_place(norm_type: float, dtype: Any) -> None:
    def call(m: Any, index: Any, table: Any) -> Any:
        table = table.detach()
        out = m.nn.functional.embedding(index, table, max_norm=0.7, norm_type=norm_type)
        bag = m.nn.functional.embedding_bag(index + 1, table, max_norm=0.6, norm_type=norm_type)
        return out, bag, table

    assert_agrees(call, NUMBERS, normal(6, 3).astype(dtype))


def test_half_precision_is_summed_in_float32() -> None:
    """2,049 ones: in float16, adding 1 to 2,048 changes nothing."""
    table = mc.ones(1, 1, dtype=mc.float16, requires_grad=True)
    index = mc.zeros(1, 2050, dtype=mc.int64)
    assert F.embedding_bag(index, table, mode="sum").item() == 2050
    F.embedding(index, table).sum().backward()
    assert table.grad.item() == 2050


ERRORS: list[Any] = [
    (RuntimeError, lambda f, t, i, w: f.embedding(i.double(), w)),
    (RuntimeError, lambda f, t, i, w: f.embedding(i, w[0])),
    (AssertionError, lambda f, t, i, w: f.embedding(i, w, 5)),
    (ValueError, lambda f, t, i, w: f.embedding_bag(i, w, t([0]))),
    (ValueError, lambda f, t, i, w: f.embedding_bag(i[0], w)),
    (ValueError, lambda f, t, i, w: f.embedding_bag(i, w, mode="min")),
    (ValueError, lambda f, t, i, w: f.embedding_bag(i, w, mode="max", scale_grad_by_freq=True)),
    (NotImplementedError, lambda f, t, i, w: f.embedding_bag(i, w, per_sample_weights=i * 1.0)),
    (RuntimeError, lambda f, t, i, w: f.embedding_bag(i, w, padding_idx=5)),
    (RuntimeError, lambda f, t, i, w: f.embedding_bag(i[0], w, t([1, 2]))),
    (RuntimeError, lambda f, t, i, w: f.embedding_bag(i[0], w, t([0, 4]))),
]


@pytest.mark.parametrize("error, call", ERRORS)
def test_refused(error: Any, call: Any) -> None:
    for m in (mc, torch):
        with pytest.raises(error):
            call(m.nn.functional, m.tensor, m.tensor(NUMBERS), m.zeros(5, 2))


@pytest.mark.cpu_only  # on a GPU the check would have to wait
@pytest.mark.parametrize("number", [-1, 5])
def test_rows_that_do_not_exist(number: int) -> None:
    with pytest.raises(IndexError, match=rf"row numbers in \[0, 5\), got {number}"):
        F.embedding(mc.tensor([0, number]), mc.zeros(5, 2))


def test_layers() -> None:
    table = mc.tensor(normal(5, 2))
    layer = nn.Embedding.from_pretrained(table, padding_idx=1)
    assert not layer.weight.requires_grad and layer.padding_idx == 1
    assert nn.EmbeddingBag.from_pretrained(table, freeze=False).weight.requires_grad
    drawn = nn.Embedding(1000, 20, padding_idx=-1)
    assert drawn.padding_idx == 999 and (drawn.weight[999] == 0).all()
    assert abs(drawn.weight.std().item() - 1) < 0.02
    for error, make in [
        (AssertionError, lambda: nn.Embedding(5, 2, padding_idx=5)),
        (AssertionError, lambda: nn.Embedding(5, 3, _weight=table)),
        (AssertionError, lambda: nn.Embedding.from_pretrained(table[0])),
    ]:
        with pytest.raises(error):
            make()


@pytest.mark.parametrize(
    "make",
    [
        lambda nn: nn.Embedding(5, 2),
        lambda nn: nn.Embedding(5, 2, 1, 2.0, 3.0, True, True),
        lambda nn: nn.EmbeddingBag(5, 2),
        lambda nn: nn.EmbeddingBag(5, 2, 2.0, 3.0, True, "sum", padding_idx=-1),
    ],
)
def test_print_as_in_torch(make: Any) -> None:
    assert repr(make(nn)) == repr(make(torch.nn))
