"""Muon against torch's, whose iterations run in the parameters' own precision here."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import minicnn as mc
from minicnn import optim
from minicnn.optim.muon import orthogonalized

SHAPES = ((6, 4), (3, 2, 3, 2))  # more rows than columns, and filters


@pytest.fixture
def exact_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lr": 0.1, "momentum": 0.8, "nesterov": False, "weight_decay": 0.0},
        {"lr": 0.1, "adjust_lr_fn": "match_rms_adamw", "weight_decay": 0.3},
        {"ns_steps": 3, "ns_coefficients": (1.5, -0.5, 0.0), "adjust_lr_fn": "original"},
    ],
)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 2e-5)])
def test_trajectory(exact_torch: None, options: dict, dtype: str, tolerance: float) -> None:
    rng = np.random.default_rng(0)
    start = [rng.standard_normal(shape).astype(dtype) for shape in SHAPES]
    ours = [mc.tensor(array, requires_grad=True) for array in start]
    theirs = [torch.tensor(array.reshape(len(array), -1)) for array in start]
    optimizer, other = optim.Muon(ours, **options), torch.optim.Muon(theirs, **options)
    for _ in range(10):
        for param, reference in zip(ours, theirs, strict=True):
            grad = rng.standard_normal(param.shape).astype(dtype)
            param.grad = mc.tensor(grad).to(param.device)
            reference.grad = torch.tensor(grad.reshape(len(grad), -1))
        optimizer.step()
        other.step()
        for param, reference in zip(ours, theirs, strict=True):
            found = param.detach().cpu().numpy().reshape(reference.shape)
            np.testing.assert_allclose(found, reference.numpy(), rtol=0, atol=tolerance)


def test_state_dict_goes_on_alike() -> None:
    def network() -> tuple[list[mc.Tensor], optim.Muon]:
        params = [mc.ones(3, 2, 2, 2, requires_grad=True)]
        return params, optim.Muon(params, lr=0.1)

    def step(params: list[mc.Tensor], optimizer: optim.Muon, seed: int) -> None:
        numbers = np.random.default_rng(seed).standard_normal(params[0].shape)
        params[0].grad = mc.tensor(numbers.astype(np.float32)).to(params[0].device)
        optimizer.step()

    (first, one), (second, two) = network(), network()
    step(first, one, 0)
    second[0].detach().copy_(first[0].detach())
    two.load_state_dict(one.state_dict())
    step(first, one, 1)
    step(second, two, 1)
    assert mc.equal(first[0].detach(), second[0].detach())


@pytest.mark.cuda_only
@pytest.mark.numbers_decide
def test_a_graph_skips_the_step_after_an_overflow() -> None:
    def run(as_graph: bool) -> list[np.ndarray]:
        param = mc.ones(3, 2, requires_grad=True)
        optimizer, scaler = optim.Muon([param], lr=0.1), mc.amp.GradScaler()

        def step(x: mc.Tensor) -> None:
            optimizer.zero_grad()
            scaler.scale((param * x).sum()).backward()
            scaler.step(optimizer)
            scaler.update()

        each, values = mc.cuda.graph(step) if as_graph else step, []
        for factor in (1.0, 2.0, 3.0, float("inf"), -4.0):
            each(mc.tensor([[1.0, 2.0], [0.0, factor], [1.0, factor]]))
            values.append(param.detach().cpu().numpy().copy())
        return values

    values = run(as_graph=True)
    assert np.array_equal(values[3], values[2]) and np.isfinite(values[4]).all()
    np.testing.assert_array_equal(values, run(as_graph=False))


def test_singular_values_come_close_to_one() -> None:
    x = np.random.default_rng(0).standard_normal((8, 40)).astype(np.float32)
    x[3] *= 1e-2
    values = np.linalg.svd(orthogonalized(x, (3.4445, -4.7750, 2.0315), 8, 1e-7))[1]
    assert 0.6 < values.min() < values.max() < 1.3


def test_empty_parameters_stay_as_they_are() -> None:
    empty, matrix = mc.zeros(0, 3, requires_grad=True), mc.ones(2, 2, requires_grad=True)
    for params in ([empty], [empty, matrix]):
        for param in params:
            param.grad = mc.ones_like(param)
        optim.Muon(params, lr=0.1).step()
    assert empty.shape == (0, 3) and not mc.equal(matrix.detach(), mc.ones(2, 2))


def test_refusals() -> None:
    bias = mc.zeros(3, requires_grad=True)
    with pytest.raises(ValueError, match=r"two or more dimensions, got one of shape \(3,\)"):
        optim.Muon([bias])
    matrix = mc.zeros(3, 3, requires_grad=True)
    optimizer = optim.Muon([matrix])
    with pytest.raises(ValueError, match="two or more dimensions"):
        optimizer.add_param_group({"params": [bias]})
    assert len(optimizer.param_groups) == 1
    with pytest.raises(ValueError, match="adjust_lr_fn must be one of"):
        optim.Muon([matrix], adjust_lr_fn="mine")
    with pytest.raises(ValueError, match="ns_steps must be below 100, got 100"):
        optim.Muon([matrix], ns_steps=100)
