"""Gradient clipping and parameter vectors against torch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import minicnn as mc
from minicnn import nn

SHAPES = [(3, 4), (5,), (2, 3, 2)]


def _parameters(dtype: Any, factor: float = 1.0) -> tuple[list[Any], list[Any]]:
    """Parameters with the same gradients in both libraries, and one without gradient."""
    rng = np.random.default_rng(0)
    ours, theirs = [], []
    for shape in SHAPES:
        values, grad = rng.normal(size=shape).astype(dtype), rng.normal(size=shape).astype(dtype)
        ours.append(nn.Parameter(mc.tensor(values)))
        theirs.append(torch.nn.Parameter(torch.tensor(values)))
        ours[-1].grad = mc.tensor(grad * dtype(factor))
        theirs[-1].grad = torch.tensor(grad * dtype(factor))
    ours.append(nn.Parameter(mc.ones(2)))
    theirs.append(torch.nn.Parameter(torch.ones(2)))
    return ours, theirs


def _assert_same_gradients(ours: list[Any], theirs: list[Any]) -> None:
    assert ours[-1].grad is None
    for our, their in zip(ours[:-1], theirs[:-1], strict=True):
        np.testing.assert_allclose(our.grad.cpu().numpy(), their.grad.cpu().numpy(), rtol=1e-6)
        assert our.grad.dtype == our.dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("max_norm", [0.5, 100.0])
@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.0, float("inf")])
def test_clip_grad_norm(dtype: Any, max_norm: float, norm_type: float) -> None:
    ours, theirs = _parameters(dtype)
    norm = nn.utils.clip_grad_norm_(ours, max_norm, norm_type)
    expected = torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)
    assert norm.item() == pytest.approx(expected.item(), rel=1e-6)
    assert norm.dtype == dtype
    _assert_same_gradients(ours, theirs)


def test_clip_grad_norm_of_large_missing_and_broken_gradients() -> None:
    big = nn.Parameter(mc.zeros(1000, 1000))
    big.grad = mc.ones(1000, 1000)
    assert nn.utils.clip_grad_norm_(big, 1.0).item() == pytest.approx(1000, rel=1e-6)
    assert nn.utils.clip_grad_norm_([nn.Parameter(mc.ones(1))], 1.0).item() == 0.0
    big.grad.array[0, 0] = np.nan
    with pytest.raises(RuntimeError, match="must be finite, got nan"):
        nn.utils.clip_grad_norm_(big, 1.0, error_if_nonfinite=True)


def test_clip_grad_value() -> None:
    ours, theirs = _parameters(np.float64)
    nn.utils.clip_grad_value_(ours, 0.3)
    torch.nn.utils.clip_grad_value_(theirs, 0.3)
    _assert_same_gradients(ours, theirs)


def test_parameters_to_vector_and_back() -> None:
    ours, theirs = _parameters(np.float32)
    ours[0].array = ours[0].array.T.copy().T
    vector = nn.utils.parameters_to_vector(ours)
    expected = torch.nn.utils.parameters_to_vector(theirs)
    np.testing.assert_array_equal(vector.detach().cpu().numpy(), expected.detach().cpu().numpy())
    (vector * 2).sum().backward()
    assert (ours[-1].grad.cpu().numpy() == 2).all()

    nn.utils.vector_to_parameters(vector.detach() + 1, ours)
    torch.nn.utils.vector_to_parameters(expected.detach() + 1, theirs)
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(our.detach().cpu().numpy(), their.detach().cpu().numpy())
    with pytest.raises(ValueError, match=r"vector of shape \(31,\), got \(30,\)"):
        nn.utils.vector_to_parameters(mc.zeros(30), ours)
