from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from scripts import functions_of, run_here

import minicnn as mc
from minicnn.autograd import Function
from minicnn.devices import get_default_device

SHAPE = (2, 3, 9, 7)  # more numbers than a block has threads


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return functions_of("own_operation.py")


@pytest.fixture(scope="module")
def swish(script: dict[str, Any]) -> type[Function]:
    return script["Swish"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("memory_order", [(0, 1, 2, 3), (0, 2, 3, 1)])
def test_results_and_gradients_are_torchs(swish, dtype: str, memory_order: tuple) -> None:
    rng = np.random.default_rng(0)
    x, grad = (3 * rng.standard_normal(SHAPE).astype(dtype) for _ in range(2))
    beta = rng.uniform(0.5, 2, (1, 3, 1, 1)).astype(dtype)
    inputs = [torch.tensor(array, requires_grad=True) for array in (x, beta)]
    expected = inputs[0] * torch.sigmoid(inputs[1] * inputs[0])
    expected.backward(torch.tensor(grad))

    laid_out = np.ascontiguousarray(x.transpose(memory_order)).transpose(np.argsort(memory_order))
    ours = [mc.tensor(array, requires_grad=True) for array in (laid_out, beta)]
    assert ours[0].array.strides == laid_out.strides
    out = swish.apply(*ours)
    out.backward(mc.tensor(grad))

    tolerance = 1e-5 if dtype == "float32" else 1e-12
    got = [out.detach(), *(tensor.grad for tensor in ours)]
    wanted = [expected.detach(), *(tensor.grad for tensor in inputs)]
    for mine, theirs in zip(got, wanted, strict=True):
        assert mine.dtype == dtype
        np.testing.assert_allclose(mine.cpu().numpy(), theirs.numpy(), tolerance, tolerance)


def test_large_numbers_do_not_overflow(swish) -> None:
    x = mc.tensor([-1e4, -100.0, 0.0, 100.0, 1e4]).reshape(1, 1, 1, 5)
    with np.errstate(over="raise", invalid="raise"):
        out = swish.apply(x, mc.ones(1, 1, 1, 1))
    assert out.reshape(-1).tolist() == [0, 0, 0, 100, 1e4]


def test_a_wrong_gradient_is_noticed(script, swish, monkeypatch) -> None:
    right = swish.backward
    monkeypatch.setattr(swish, "backward", lambda self, grad: right(self, 1.01 * grad))
    with pytest.raises(RuntimeError, match="gradient of output 0 with respect to input 0 is wrong"):
        script["check"](get_default_device().type)


def test_the_script_checks_and_trains(monkeypatch, capsys) -> None:
    on_cpu = get_default_device().type == "cpu"
    monkeypatch.setattr(mc.cuda, "is_available", lambda: not on_cpu)
    run_here(monkeypatch, "own_operation.py")
    printed = capsys.readouterr().out
    assert "gradients: as finite differences" in printed
    assert ("no GPU: the .cu kernel was not run" in printed) == on_cpu
    if not on_cpu:
        assert float(re.search(r"kernel: .* at most (\S+)", printed)[1]) < 1e-14
    losses = [float(loss) for loss in re.findall(r"loss ([\d.]+)", printed)]
    assert len(losses) == 4 and losses[0] > 0.3 and losses[-1] < 0.1
    betas = re.search(r"betas, .*: (.+)", printed)[1].split()
    assert len(betas) == 8 and set(betas) != {"1.00"}
