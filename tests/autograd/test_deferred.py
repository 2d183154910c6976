"""Gradients of weights that another thread computes: nobody can tell, except by the time it takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import minicnn as mc
from minicnn import kernels
from minicnn.autograd import Function, detect_anomaly, grad
from minicnn.autograd.function import Deferred
from minicnn.nn import functional as F
from minicnn.ops import conv

pytestmark = [pytest.mark.cpu_only, pytest.mark.usefixtures("two_threads")]


@pytest.fixture
def started(monkeypatch):
    """The operations that were left to another thread."""
    found: list[type[Function]] = []
    start = Deferred.start

    def noting_start(self: Deferred) -> Any:
        found.append(self.operation)
        return start(self)

    monkeypatch.setattr(Deferred, "start", noting_start)
    return found


def inputs() -> tuple[mc.Tensor, mc.Tensor]:
    """An image and filters with enough work for another thread."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((4, 32, 14, 14), np.float32)
    weight = rng.standard_normal((32, 32, 3, 3), np.float32) / 17
    return mc.Tensor.of(x, requires_grad=True), mc.Tensor.of(weight, requires_grad=True)


def loss_of(x: Any, weight: Any, lib: Any = F, times: int = 3) -> Any:
    for _ in range(times):  # one weight used several times
        x = lib.conv2d(x, weight, padding=1).relu()
    return (x * x).sum()


def in_torch(times: int = 3) -> torch.Tensor:
    x, weight = (
        torch.tensor(v.numpy(), requires_grad=True) for v in map(mc.Tensor.detach, inputs())
    )
    loss_of(x, weight, torch.nn.functional, times).backward()
    assert weight.grad is not None
    return weight.grad


def test_a_weight_used_once(started):
    x, weight = inputs()
    loss_of(x, weight, times=1).backward()
    assert len(started) == (kernels.selected() == "fast")
    np.testing.assert_allclose(weight.grad.array, in_torch(1), rtol=1e-4, atol=1e-3)


def test_a_weight_used_three_times():
    x, weight = inputs()
    loss_of(x, weight).backward()
    np.testing.assert_allclose(weight.grad.array, in_torch(), rtol=1e-4, atol=1e-2)


def test_added_to_the_gradient_that_is_there():
    x, weight = inputs()
    loss_of(x, weight).backward()
    first = weight.grad
    copy = first.clone()
    loss_of(x, weight).backward()
    assert weight.grad is first
    np.testing.assert_array_equal(weight.grad.array, 2 * copy.array)


def test_every_run_has_the_same_bits():
    runs = []
    for _ in range(5):
        x, weight = inputs()
        loss_of(x, weight).backward()
        runs.append(weight.grad.array)
    for run in runs[1:]:
        np.testing.assert_array_equal(run, runs[0])


def test_hooks_are_called_during_the_walk(started):
    x, weight = inputs()
    order = []
    x.register_hook(lambda grad: order.append("x"))
    weight.register_hook(lambda grad: (order.append("weight"), grad * 0)[1])
    loss_of(x, weight, times=1).backward()
    assert order == ["x", "weight"] and not started
    assert not weight.grad.array.any()


def test_grad_and_recorded_walks_do_not_wait(started):
    x, weight = inputs()
    (found,) = grad(loss_of(x, weight, times=1), weight)
    np.testing.assert_allclose(found.array, in_torch(1), rtol=1e-4, atol=1e-3)
    loss_of(x, weight).backward(create_graph=True)
    assert weight.grad.requires_grad
    with detect_anomaly():
        loss_of(x, weight).backward()
    assert not started


def test_an_error_in_another_thread_is_raised(monkeypatch):
    x, weight = inputs()
    loss = loss_of(x, weight, times=1)

    def fail(*args: Any) -> None:
        raise MemoryError("no room for a gradient")

    monkeypatch.setattr(kernels.of(x.array), "conv2d_weight_grad", fail)
    with pytest.raises(MemoryError, match="no room for a gradient"):
        loss.backward()


def test_small_and_large_work_is_not_deferred(started, monkeypatch):
    x, weight = inputs()
    monkeypatch.setattr(conv, "_MOST", 1 << 22)
    loss_of(x, weight, times=1).backward()
    monkeypatch.undo()
    monkeypatch.setattr(conv, "_LEAST", 1 << 28)
    loss_of(x, weight, times=1).backward()
    assert not started
