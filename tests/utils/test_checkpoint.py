"""utils.checkpoint: the same results and gradients with less memory."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.utils.checkpoint

import minicnn as mc
from minicnn import nn
from minicnn.utils.checkpoint import checkpoint, checkpoint_sequential


def network() -> nn.Sequential:
    mc.manual_seed(0)
    return nn.Sequential(
        nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 2)
    )


def gradients(run, requires_grad: bool) -> list[np.ndarray]:
    net, x = network(), mc.ones(3, 4).requires_grad_(requires_grad)
    mc.manual_seed(1)
    loss = run(net, x).square().sum()
    after = mc.rand(1).item()
    loss.backward()
    grads = [p.grad for p in net.parameters()] + ([x.grad] if requires_grad else [])
    return [np.array(after), loss.numpy_copy(), *(g.numpy_copy() for g in grads)]


RUNS = {
    "whole": lambda net, x: checkpoint(net, x, use_reentrant=False),
    "reentrant": lambda net, x: checkpoint(net, x, use_reentrant=True),
    "segments": lambda net, x: checkpoint_sequential(net, 3, x, use_reentrant=False),
    "one segment": lambda net, x: checkpoint_sequential(net, 1, x, use_reentrant=False),
    "keywords": lambda net, x: checkpoint(lambda x, scale: net(x) * scale, x, scale=1.0),
}


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("requires_grad", [True, False])
def test_gradients_are_those_without_it(run: str, requires_grad: bool) -> None:
    if run == "reentrant" and not requires_grad:
        return
    expected = gradients(lambda net, x: net(x), requires_grad)
    for ours, theirs in zip(gradients(RUNS[run], requires_grad), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("lib", [mc, torch], ids=["minicnn", "torch"])
def test_the_function_runs_twice_and_may_return_several(lib) -> None:
    calls = []

    def function(x, factor, y):
        calls.append(lib.is_grad_enabled())
        return x * factor, y.exp()

    use = checkpoint if lib is mc else torch.utils.checkpoint.checkpoint
    x, y = lib.ones(2, requires_grad=True), lib.zeros(2)
    first, second = use(function, x, 3.0, y, use_reentrant=True)
    assert not second.requires_grad or lib is torch or second.grad_fn is not None
    first.sum().backward()
    assert calls == [False, True] and x.grad.tolist() == [3.0, 3.0]
    with lib.no_grad():
        assert not use(function, x, 3.0, y, use_reentrant=False)[0].requires_grad


def test_under_autocast_and_without_keeping_the_random_state() -> None:
    net, x = network(), mc.ones(3, 4)
    with mc.autocast("cpu"):
        y = checkpoint(net, x, use_reentrant=False, preserve_rng_state=False)
    assert y.dtype == mc.bfloat16
    y.sum().backward()
    assert all(p.grad is not None for p in net.parameters())


def test_second_derivatives_are_refused() -> None:
    x = mc.ones(3, requires_grad=True)
    y = checkpoint(lambda x: x**3, x, use_reentrant=False)
    (grad,) = mc.autograd.grad(y.sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="Checkpoint can be differentiated once, not twice"):
        grad.sum().backward()
