"""NumPy's arrays beside tensors, and NumPy's functions of tensors: as in torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import minicnn as mc

pytestmark = pytest.mark.cpu_only  # NumPy refuses tensors on a GPU

CASES = {
    "product": lambda m, x: x * np.arange(3.0),
    "matrix product": lambda m, x: x @ np.ones((3, 2), np.float32),
    "power": lambda m, x: x ** np.arange(3.0),
    "broadcast sum": lambda m, x: x + np.ones((2, 1), np.float32),
    "quotient": lambda m, x: x / np.array([2, 4, 8]),
    "equality": lambda m, x: x == np.array([1.0, 0.0, 9.0]),
    "exp": lambda m, x: np.exp(x),
    "maximum": lambda m, x: np.maximum(x, 2),
    "isnan": lambda m, x: np.isnan(x),
    "multiply": lambda m, x: np.multiply(np.arange(3), x),
    "clip": lambda m, x: np.clip(x, 0, 1),
    "round": lambda m, x: np.round(x, 1),
    "transpose": lambda m, x: np.transpose(m.ones(2, 3, 4), (1, 2, 0)),
}


@pytest.mark.filterwarnings("ignore:__array_wrap__:DeprecationWarning")  # of torch
@pytest.mark.parametrize("name", CASES)
def test_the_result_is_the_tensor_that_torch_gives(name: str) -> None:
    ours = CASES[name](mc, mc.tensor([1.0, 2.25, 3.0]))
    theirs = CASES[name](torch, torch.tensor([1.0, 2.25, 3.0]))
    assert isinstance(ours, mc.Tensor)
    assert str(ours.dtype) == str(theirs.dtype)
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-6)


def test_a_gradient_flows_past_an_array() -> None:
    x = mc.ones(3, requires_grad=True)
    (np.arange(3.0) * x).sum().backward()
    assert x.grad.tolist() == [0.0, 1.0, 2.0]


def test_numpy_refuses_a_tensor_with_a_gradient() -> None:
    with pytest.raises(RuntimeError, match="detach"):
        np.exp(mc.ones(3, requires_grad=True))
