"""Distances against PyTorch: what the databases of torch leave out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from oracle import assert_agrees, normal

import minicnn
import minicnn.nn.functional as F
from minicnn.autograd import gradcheck, gradgradcheck


@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
def test_differences(check: Any) -> None:
    x, y, weight, bias = (
        minicnn.tensor(normal(*shape, seed=seed), requires_grad=True)
        for seed, shape in enumerate([(4, 3), (4, 2), (5, 3, 2), (5,)])
    )
    assert check(F.bilinear, (x, y, weight, bias))
    assert check(lambda x: F.pdist(x, 3.0), (x,))
    assert check(lambda x: F.cosine_similarity(x, x.flip(0) * 2 + 1), (x,))
    assert check(lambda x: F.pairwise_distance(x, x.flip(0) * 2 + 1), (x,))


def test_vectors_shorter_than_eps() -> None:
    def call(m: Any, x: Any, y: Any) -> Any:
        return m.cosine_similarity(x, y, eps=1e-3)

    assert_agrees(call, np.array([[0.0, 1e-5], [3.0, 4.0]]), np.array([[1e-4, 0.0], [0.6, 0.8]]))


@pytest.mark.parametrize("p", [0.0, 0.5, 1.0, 2.0, np.inf])
def test_pdist_of_equal_rows(p: float) -> None:
    x = np.array([[1.0, 2.0], [1.0, 2.0], [3.0, -1.0]])
    assert_agrees(lambda m, x: m.pdist(x, p), x)


@pytest.mark.parametrize("rows", [0, 1])
def test_pdist_without_pairs(rows: int) -> None:
    """Torch's gradient ends the process here."""
    x = minicnn.tensor(normal(rows, 3), requires_grad=True)
    out = F.pdist(x)
    out.sum().backward()
    assert out.shape == (0,) and (x.grad == 0).all()


@pytest.mark.parametrize("batch", [(), (4,), (2, 3)])
def test_bilinear(batch: tuple[int, ...]) -> None:
    def call(m: Any, x: Any, y: Any, weight: Any) -> Any:
        return m.bilinear(x, y, weight, None)

    assert_agrees(call, normal(*batch, 3), normal(*batch, 2, seed=1), normal(5, 3, 2))


def test_refused() -> None:
    x = minicnn.zeros(4, 3)
    with pytest.raises(RuntimeError, match=r"pdist expects .* \(N, D\)"):
        F.pdist(x[0])
    with pytest.raises(RuntimeError, match="a p of at least 0, got -1"):
        F.pdist(x, -1)
    with pytest.raises(RuntimeError, match=r"\(\*, 2\) and \(\*, 2\) for a weight"):
        F.bilinear(x, x, minicnn.zeros(5, 2, 2))
    with pytest.raises(RuntimeError, match="floating-point numbers, got int64"):
        F.cosine_similarity(x.long(), x.long())


def test_layer_draws_its_weights_as_torch() -> None:
    layer = minicnn.nn.Bilinear(16, 3, 20)
    assert layer.weight.shape == (20, 16, 3) and layer.bias.shape == (20,)
    assert 0.24 < abs(layer.weight).max().item() <= 0.25
    with pytest.raises(ValueError, match="in1_features above 0, got 0"):
        minicnn.nn.Bilinear(0, 3, 2)
