"""Activation functions against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from oracle import assert_agrees, assert_same, channels_last, normal

import minicnn
import minicnn.nn.functional as F
from minicnn.autograd import gradcheck, gradgradcheck

ACTIVATIONS: dict[str, Any] = {
    "relu": lambda f, x: f.relu(x),
    "leaky_relu": lambda f, x: f.leaky_relu(x),
    "leaky_relu, slope": lambda f, x: f.leaky_relu(x, 0.3),
    "elu": lambda f, x: f.elu(x),
    "elu, alpha": lambda f, x: f.elu(x, alpha=0.7),
    "softplus": lambda f, x: f.softplus(x),
    "softplus, beta": lambda f, x: f.softplus(x, beta=3, threshold=4),
    "logsigmoid": lambda f, x: f.logsigmoid(x),
    "sigmoid": lambda f, x: f.sigmoid(x),
    "tanh": lambda f, x: f.tanh(x),
    "gelu": lambda f, x: f.gelu(x),
    "gelu, tanh": lambda f, x: f.gelu(x, approximate="tanh"),
    "silu": lambda f, x: f.silu(x),
    "hardswish": lambda f, x: f.hardswish(x),
    "softmax": lambda f, x: f.softmax(x, 1),
    "softmax, last": lambda f, x: f.softmax(x, dim=-1),
    "log_softmax": lambda f, x: f.log_softmax(x, 0),
    "log_softmax, last": lambda f, x: f.log_softmax(x, dim=-1),
}
every = pytest.mark.parametrize("name", ACTIVATIONS)


def compare(name: str, x: np.ndarray, **options: Any) -> None:
    activation = ACTIVATIONS[name]
    assert_same(lambda x: activation(F, x), lambda x: activation(TF, x), [x], **options)


@every
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4, 5), (1, 1)])
def test_values(name: str, dtype: Any, shape: Any) -> None:
    compare(name, 3 * normal(*shape), dtype=dtype)


@every
def test_corners_and_zero(name: str) -> None:
    """Where a formula changes; torch's slope at a corner is ours."""
    compare(name, np.array([[-3.0, 0.0, 3.0, 1.0], [-1.0, -0.0, 2.0, 4 / 3]]))


@every
def test_extremes(name: str) -> None:
    """Neither overflows nor loses what is small."""
    compare(name, np.array([[-1000.0, -100.0, -30.0, 5.0], [1000.0, 100.0, 30.0, -5.0]]))


@every
@pytest.mark.parametrize("layout", [channels_last, lambda x: x[:, ::2, 1:, ::3]])
def test_memory_layouts(name: str, layout: Any) -> None:
    compare(name, layout(normal(2, 4, 5, 6)))


@every
@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
def test_differences(name: str, check: Any) -> None:
    x = minicnn.tensor(normal(2, 5), requires_grad=True)
    assert check(lambda x: ACTIVATIONS[name](F, x), (x,))


@every
def test_used_twice(name: str) -> None:
    activation = ACTIVATIONS[name]

    def network(f: Any) -> Any:
        return lambda x: activation(f, x) * activation(f, x + 1) + x

    assert_same(network(F), network(TF), [normal(3, 4)])


@every
def test_half_precision(name: str) -> None:
    compare(name, normal(3, 40), dtype=np.float16, tolerance=4e-3)


def test_softmax_of_many_in_half_precision() -> None:
    """70,000 equal values: the sum of their powers is beyond float16 (torch has -inf here)."""
    x = minicnn.zeros(1, 70_000, dtype=minicnn.float16)
    assert F.softmax(x, 1).array.max() == np.float16(1 / 70_000)
    assert F.log_softmax(x, 1).array.min() == np.float16(-np.log(70_000))


def test_relu_keeps_nan() -> None:
    x = np.array([np.nan, -np.inf, np.inf, -1.0])
    np.testing.assert_array_equal(F.relu(minicnn.tensor(x)).cpu().numpy(), TF.relu(torch.tensor(x)))


def test_softmax_dtype() -> None:
    x = normal(2, 3)
    assert_same(
        lambda x: F.softmax(x, 1, dtype=minicnn.float64),
        lambda x: TF.softmax(x, 1, dtype=torch.float64),
        [x],
        np.float32,
        tolerance=1e-7,
    )


def test_errors() -> None:
    x = minicnn.zeros(2, 3)
    with pytest.raises(IndexError, match=r"dim must lie in \[-2, 1\] for shape \(2, 3\), got 2"):
        F.softmax(x, 2)
    with pytest.raises(IndexError, match="got -3"):
        F.log_softmax(x, -3)
    with pytest.raises(RuntimeError, match="'none' or 'tanh', got 'erf'"):
        F.gelu(x, approximate="erf")


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 3, 4), (2, 3, 4, 5), (3, 0)], ids=str)
@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax"])
def test_softmax_without_dim_guesses_as_torch(name: str, shape: tuple[int, ...]) -> None:
    x = np.asarray(normal(*shape))
    with pytest.warns(UserWarning, match="without dim"):
        assert_agrees(lambda m, x: getattr(m.nn, name)()(x), x)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_gradients_in_half_precision_are_as_near_as_those_of_torch(name: str) -> None:
    x, grad = (normal(64, 257, seed=seed).astype(np.float16) for seed in (0, 1))
    x *= 30
    gradients = []
    for library, tensor in ((minicnn, minicnn.tensor(x)), (torch, torch.tensor(x))):
        tensor.requires_grad_()
        getattr(tensor, name)(0).backward(library.tensor(grad))
        gradients.append(tensor.grad.cpu().numpy())
    exact = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    getattr(exact, name)(0).backward(torch.tensor(grad, dtype=torch.float64))
    ours, theirs = (np.abs(g - exact.grad.numpy()).max() for g in gradients)
    assert ours <= 1.1 * theirs
