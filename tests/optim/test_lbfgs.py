"""L-BFGS against torch's, loss by loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import minicnn as mc

pytestmark = pytest.mark.numbers_decide

OPTIONS = [
    {},
    {"lr": 0.1},
    {"lr": 0.01, "max_iter": 3, "history_size": 2},
    {"line_search_fn": "strong_wolfe"},
    {"line_search_fn": "strong_wolfe", "max_iter": 4, "history_size": 3},
    {"line_search_fn": "strong_wolfe", "max_eval": 3, "lr": 5.0},
]


def problem(library: Any, **options: Any) -> tuple[Any, list, Any]:
    """An optimizer, its parameters, and the closure: least squares, and Rosenbrock's function."""
    rng = np.random.default_rng(0)
    matrix, x, y = (rng.standard_normal(shape) for shape in [(8, 5), (5,), (2, 2)])
    a = library.tensor(matrix)
    x, y = (library.tensor(each).requires_grad_() for each in (x, y))
    optimizer = library.optim.LBFGS([x, y], **options)

    def closure() -> Any:
        optimizer.zero_grad()
        valley = 100 * (y[1] - y[0] ** 2) ** 2 + (1 - y[0]) ** 2
        loss = ((a @ x) ** 2).sum() + (x**4).sum() + valley.sum()
        loss.backward()
        return loss

    return optimizer, [x, y], closure


@pytest.mark.parametrize("options", OPTIONS)
def test_steps(options: dict) -> None:
    (ours, params, closure), (theirs, others, other) = (
        problem(library, **options) for library in (mc, torch)
    )
    for _ in range(3):
        assert ours.step(closure).item() == pytest.approx(theirs.step(other).item(), rel=1e-6)
        for param, expected in zip(params, others, strict=True):
            np.testing.assert_allclose(
                param.numpy_copy(), expected.detach().numpy(), rtol=1e-5, atol=1e-7
            )
    mine, torchs = ours.state_dict(), theirs.state_dict()
    assert mine["param_groups"] == torchs["param_groups"]
    for key, value in torchs["state"][0].items():
        found = mine["state"][0][key]
        assert type(found).__name__ == type(value).__name__
        if isinstance(value, int):
            assert found == value


def test_goes_on_from_its_state() -> None:
    optimizer, params, closure = problem(mc, max_iter=3)
    optimizer.step(closure)
    again, copies, other = problem(mc, max_iter=3)
    with mc.no_grad():
        for copy, param in zip(copies, params, strict=True):
            copy.copy_(param)
    again.load_state_dict(optimizer.state_dict())
    optimizer.step(closure)
    again.step(other)
    for copy, param in zip(copies, params, strict=True):
        np.testing.assert_array_equal(copy.numpy_copy(), param.numpy_copy())


def test_a_parameter_without_a_gradient_stays() -> None:
    x, unused = mc.ones(3, requires_grad=True), mc.ones(2, requires_grad=True)
    optimizer = mc.optim.LBFGS([x, unused])

    def closure() -> mc.Tensor:
        optimizer.zero_grad()
        loss = (x**2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    assert abs(x.numpy_copy()).max() < 1e-3
    assert (unused.numpy_copy() == 1).all()


def test_errors() -> None:
    params = [mc.ones(1, requires_grad=True) for _ in range(2)]
    with pytest.raises(ValueError, match="parameter groups.*got 2 groups"):
        mc.optim.LBFGS([{"params": params[:1]}, {"params": params[1:]}])
    optimizer, _, closure = problem(mc, line_search_fn="golden")
    with pytest.raises(RuntimeError, match="only 'strong_wolfe' is supported, got .* 'golden'"):
        optimizer.step(closure)
