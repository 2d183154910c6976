"""Branches that run side by side, against the same branches called one after the other."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import minicnn as mc
from minicnn import graph, kernels, nn
from minicnn.models.googlenet import Inception
from minicnn.nn import branches

pytestmark = [pytest.mark.cpu_only, pytest.mark.usefixtures("two_threads")]


@pytest.fixture
def calls(monkeypatch):
    """The branches that were called by a task."""
    found: list[nn.Module] = []
    call = branches._call

    def noting_call(branch: nn.Module, *rest: object) -> mc.Tensor:
        found.append(branch)
        return call(branch, *rest)

    monkeypatch.setattr(branches, "_call", noting_call)
    return found


def step(block: nn.Module, x: mc.Tensor) -> list[np.ndarray]:
    """The output, and the gradients of the input and the parameters."""
    block.zero_grad()
    x = x.detach().requires_grad_()
    out = block(x)
    (out * out).sum().backward()
    return [out.detach().array, x.grad.array, *(p.grad.array for p in block.parameters())]


def block_and_input() -> tuple[Inception, mc.Tensor]:
    mc.manual_seed(0)
    return Inception(16, 8, 8, 12, 4, 8, 8), mc.randn(2, 16, 9, 9)


def test_results_are_those_of_one_after_the_other(calls, monkeypatch):
    block, x = block_and_input()
    other = copy.deepcopy(block)
    side_by_side = step(block, x)
    assert len(calls) == (4 if kernels.selected() == "fast" else 0)
    monkeypatch.setattr(branches, "_LARGEST_INPUT", 0)
    for found, expected in zip(side_by_side, step(other, x), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)
    for found, expected in zip(block.buffers(), other.buffers(), strict=True):
        np.testing.assert_allclose(found.array, expected.array, rtol=1e-5, atol=1e-6)


def test_every_run_has_the_same_bits():
    block, x = block_and_input()
    first = step(block, x)
    for _ in range(5):
        for found, expected in zip(step(block, x), first, strict=True):
            np.testing.assert_array_equal(found, expected)


def test_nodes_are_numbered_branch_by_branch():
    block, x = block_and_input()
    out = block(x.requires_grad_())
    last = 0
    for end, _ in out.grad_fn.next_functions:
        numbers, node = [], end
        while node is not None and hasattr(node, "number"):
            numbers.append(node.number)
            node = node.next_functions[0][0]
        assert numbers == sorted(numbers, reverse=True) and numbers[-1] > last
        last = numbers[0]
    assert out.grad_fn.number > last


def test_without_gradients():
    block, x = block_and_input()
    with mc.no_grad():
        assert not block(x).requires_grad
    assert block(x).requires_grad


@pytest.mark.parametrize("change", ["hook", "shared", "dropout", "large"])
def test_one_after_the_other_where_somebody_could_tell(calls, monkeypatch, change):
    block, x = block_and_input()
    order = []
    if change == "hook":
        block.branch3[0].register_forward_hook(lambda *_: order.append(3))
        block.branch4.register_forward_hook(lambda *_: order.append(4))
    elif change == "shared":
        block.branch3 = block.branch2
    elif change == "dropout":
        block.branch4.append(nn.Dropout())
    else:
        monkeypatch.setattr(branches, "_LARGEST_INPUT", x.array.size - 1)
    block(x)
    assert not calls and order in ([], [3, 4])


def test_an_error_in_a_branch_is_raised():
    block, _ = block_and_input()
    with pytest.raises(RuntimeError, match="channels"):
        block(mc.randn(2, 5, 9, 9))


def test_all_branches_are_recorded():
    block, x = block_and_input()
    recorded = str(graph.record(block.eval(), x))
    assert recorded.lower().count("conv2d") >= 6
