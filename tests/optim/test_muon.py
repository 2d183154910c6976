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


RNG = np.random.default_rng(0)
GRADIENTS = {
    "full rank": RNG.standard_normal((20, 20)),
    "wide": RNG.standard_normal((20, 50)),
    "tall": RNG.standard_normal((50, 20)),
    "nearly constant": RNG.standard_normal((20, 50)) + 1e3,
    "rank 1": np.outer(RNG.standard_normal(20), RNG.standard_normal(30)),
    "rank 0": np.zeros((20, 30)),
}
COEFFICIENTS = (
    (3.4445, -4.7750, 2.0315),
    (1.5, -0.5, 0.0),
    (2.0, -1.5, 0.5),
    (1.875, -1.25, 0.375),
)


def step_along(grad: np.ndarray, dtype: mc.dtype = mc.float32, **options: object) -> np.ndarray:
    param = mc.zeros(*grad.shape, dtype=dtype, requires_grad=True)
    param.grad = mc.tensor(grad.astype(np.float32)).to(param.device, dtype)
    optim.Muon([param], lr=1.0, momentum=0.0, nesterov=False, **options).step()
    return -param.detach().cpu().float().numpy() / max(1, len(grad) / len(grad.T)) ** 0.5


def in_float64(x: np.ndarray, coefficients: tuple[float, ...], steps: int) -> np.ndarray:
    """The iteration of the papers, which multiplies with all of X each time."""
    x = x.astype(np.float32).astype(np.float64)
    x /= max(np.linalg.norm(x), 1e-7)
    a, b, c = coefficients
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x


@pytest.mark.parametrize("coefficients", COEFFICIENTS)
@pytest.mark.parametrize("name", GRADIENTS)
def test_rounding_matters_little(name: str, coefficients: tuple[float, float, float]) -> None:
    grad = GRADIENTS[name]
    for steps in (0, 1, 2, 5, 6, 7):
        found = step_along(grad, ns_coefficients=coefficients, ns_steps=steps)
        error = np.linalg.norm(found - in_float64(grad, coefficients, steps))
        assert error <= 1e-3 * np.sqrt(len(grad)), steps


@pytest.mark.parametrize("dtype", [mc.float32, mc.float16, mc.bfloat16])
@pytest.mark.parametrize("name", GRADIENTS)
def test_many_iterations_stay_bounded(name: str, dtype: mc.dtype) -> None:
    for steps in (10, 30, 99):
        assert (np.abs(step_along(GRADIENTS[name], dtype, ns_steps=steps)) < 1.5).all(), steps


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


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("ns_steps", 100, "ns_steps must be a whole number from 0 to 99, got 100"),
        ("ns_steps", -1, "ns_steps must be a whole number from 0 to 99, got -1"),
        ("ns_steps", 2.5, "ns_steps must be a whole number from 0 to 99, got 2.5"),
        ("eps", -1.0, r"Invalid epsilon value: -1.0 \(must be at least 0\)"),
        ("lr", -1.0, "Invalid learning rate: -1.0"),
        ("momentum", -1.0, "Invalid momentum: -1.0"),
        ("weight_decay", -1.0, "Invalid weight decay: -1.0"),
        ("adjust_lr_fn", "mine", "adjust_lr_fn must be one of .*, got 'mine'"),
        ("ns_coefficients", (1.5, -0.5), r"must be three numbers, got \(1.5, -0.5\)"),
    ],
)
def test_options_out_of_range(option: str, value: object, message: str) -> None:
    matrix, other = mc.zeros(3, 3, requires_grad=True), mc.zeros(3, 3, requires_grad=True)
    with pytest.raises(ValueError, match=message):
        optim.Muon([matrix], **{option: value})
    with pytest.raises(ValueError, match=message):
        optim.Muon([{"params": [matrix], option: value}])
    optimizer = optim.Muon([matrix])
    with pytest.raises(ValueError, match=message):
        optimizer.add_param_group({"params": [other], option: value})
    assert len(optimizer.param_groups) == 1
