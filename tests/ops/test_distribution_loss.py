"""Losses of distributions against PyTorch: what the databases of torch leave out."""

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
    x, target, var = (
        minicnn.tensor(np.exp(normal(3, 2, seed=seed)), requires_grad=True) for seed in range(3)
    )
    assert check(lambda x, t: F.poisson_nll_loss(x, t, full=True), (x, target))
    assert check(lambda x, t: F.poisson_nll_loss(x, t, log_input=False), (x, target))
    assert check(F.gaussian_nll_loss, (x, target, var))
    assert check(F.soft_margin_loss, (x, target))


def test_small_variances_have_the_gradient_of_larger_ones() -> None:
    def call(m: Any, x: Any, var: Any) -> Any:
        return m.nn.functional.gaussian_nll_loss(x, x.detach() + 1, var, eps=0.1)

    assert_agrees(call, normal(4), np.array([0.0, 0.05, 0.2, 3.0]))


def test_a_number_as_variance() -> None:
    def call(m: Any, x: Any, target: Any) -> Any:
        return m.nn.functional.gaussian_nll_loss(x, target, 0.5)

    assert_agrees(call, normal(3, 2), normal(3, 2, seed=1))


@pytest.mark.parametrize("var", [-np.ones((2, 3)), np.ones(4), np.ones((2, 2)), np.ones((1, 1))])
def test_variances_that_do_not_fit(var: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expects variances"):
        F.gaussian_nll_loss(minicnn.zeros(2, 3), minicnn.zeros(2, 3), minicnn.tensor(var))


def test_hinges_have_no_slope_at_0() -> None:
    """For one class's score exactly a margin below the own one, torch has the gradient 0."""

    def call(m: Any, x: Any) -> Any:
        single = m.nn.functional.multi_margin_loss(x, m.tensor([0, 1]))
        return single + m.nn.functional.multilabel_margin_loss(x, m.tensor([[0, -1], [1, 0]]))

    assert_agrees(call, np.array([[1.0, 0.0], [0.0, 1.0]]))


@pytest.mark.cpu_only  # on a GPU the check would have to wait
def test_classes_that_do_not_exist() -> None:
    x = minicnn.zeros(2, 3)
    with pytest.raises(RuntimeError, match=r"classes in \[0, 3\), got 3"):
        F.multi_margin_loss(x, minicnn.tensor([0, 3]))
    with pytest.raises(RuntimeError, match=r"classes in \[-1, 3\), got -2"):
        F.multilabel_margin_loss(x, minicnn.tensor([[0, 1, -2], [0, 1, 2]]))
