"""Hooks around a module's forward and backward passes, against torch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import minicnn as mc
from minicnn import nn


def test_forward_hooks_see_and_replace() -> None:
    layer = nn.Identity()
    first = layer.register_forward_pre_hook(lambda module, args: args[0] + 1)
    second = layer.register_forward_hook(lambda module, args, out: out * args[0])
    assert layer(mc.tensor([2.0])).tolist() == [9.0]
    first.remove()
    assert layer(mc.tensor([2.0])).tolist() == [4.0]
    second.remove()
    second.remove()
    assert layer(mc.tensor([2.0])).tolist() == [2.0]


def test_hooks_run_in_order_and_prepend_puts_one_first() -> None:
    layer, order = nn.Identity(), []
    layer.register_forward_hook(lambda *_: order.append("a"))
    layer.register_forward_hook(lambda *_: order.append("b"))
    layer.register_forward_hook(lambda *_: order.append("c"), prepend=True)
    layer(mc.ones(1))
    assert order == ["c", "a", "b"]


def test_hooks_with_keyword_arguments() -> None:
    class Scaled(nn.Module):
        def forward(self, x: mc.Tensor, by: float = 1.0) -> mc.Tensor:
            return x * by

    layer, seen = Scaled(), []
    layer.register_forward_pre_hook(
        lambda module, args, kwargs: (args, {"by": kwargs["by"] + 1}), with_kwargs=True
    )
    layer.register_forward_hook(
        lambda module, args, kwargs, out: seen.append(kwargs), with_kwargs=True
    )
    assert layer(mc.ones(1), by=2.0).tolist() == [3.0]
    assert seen == [{"by": 3.0}]


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")  # torch's
@pytest.mark.parametrize("input_requires_grad", [True, False])
def test_backward_hook_sees_and_replaces_torchs_gradients(input_requires_grad: bool) -> None:
    array = np.random.default_rng(0).normal(size=(4, 3))
    weight = np.random.default_rng(1).normal(size=(2, 3))
    results = []
    for lib, make in ((nn, mc.tensor), (torch.nn, torch.tensor)):
        layer: Any = lib.Linear(3, 2, bias=False).double()
        layer.load_state_dict({"weight": make(weight)})
        seen: list[Any] = []

        def hook(module: Any, grad_input: Any, grad_output: Any, seen: Any = seen) -> Any:
            seen.append((module, grad_input, grad_output))
            return tuple(g if g is None else g * 3 for g in grad_input)

        handle = layer.register_full_backward_hook(hook)
        x = make(array, requires_grad=input_requires_grad)
        (layer(x) ** 2).sum().backward()
        ((module, grad_input, grad_output),) = seen
        assert module is layer
        handle.remove()
        layer(x).sum().backward()
        assert len(seen) == 1
        results.append((x.grad, layer.weight.grad, *grad_input, *grad_output))
    ours, theirs = results
    assert len(ours) == len(theirs)
    for our, their in zip(ours, theirs, strict=True):
        assert (our is None) == (their is None)
        if our is not None:
            np.testing.assert_allclose(our.cpu().numpy(), their.cpu().numpy(), atol=1e-12)


def test_backward_hook_with_several_inputs_and_outputs() -> None:
    class Cross(nn.Module):
        def forward(self, x: mc.Tensor, y: mc.Tensor) -> tuple[mc.Tensor, mc.Tensor]:
            return x * y, x + y

    layer, seen = Cross(), []
    layer.register_full_backward_hook(lambda module, *grads: seen.append(grads))
    x = mc.tensor([2.0], requires_grad=True)
    constant = mc.tensor([5.0])
    product, total = layer(x, constant)
    (product * 3 + total).backward()
    ((grad_input, grad_output),) = seen
    assert grad_input[0].tolist() == [16.0] and grad_input[1] is None
    assert [g.tolist() for g in grad_output] == [[3.0], [1.0]]


def test_backward_hook_must_return_as_many_gradients() -> None:
    layer = nn.ReLU()
    layer.register_full_backward_hook(lambda *_: (None, None))
    out = layer(mc.ones(2, requires_grad=True)).sum()
    with pytest.raises(RuntimeError, match="as many gradients as it got, got 2 for 1"):
        out.backward()
