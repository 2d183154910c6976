"""Nodes, ``Variable``, modes and ``autograd.functional``, as PyTorch scripts use them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import minicnn as mc

LIBRARIES = pytest.mark.parametrize("lib", [mc, torch], ids=["minicnn", "torch"])


@LIBRARIES
def test_the_graph_can_be_walked(lib: Any) -> None:
    x = lib.ones(2, requires_grad=True)
    node = (x * 2).sum().grad_fn
    ((product, index),) = node.next_functions
    (leaf, _), nothing = product.next_functions
    assert (node.name(), product.name(), index) == ("SumBackward0", "MulBackward0", 0)
    assert leaf.variable is x and leaf.next_functions == () and nothing == (None, 0)
    assert leaf.name() == "torch::autograd::AccumulateGrad" and "AccumulateGrad" in repr(leaf)
    assert product.next_functions[0][0] == leaf and len({leaf, product.next_functions[0][0]}) == 1


INDICES: list[Any] = [
    0, (0, slice(2)), (slice(None), 1), (slice(1, None), 0), (..., 0), None, (slice(None), None, 0),
    slice(None), (slice(None), slice(None)), ..., (0, ..., slice(1, None)), [0, 1], (0, [0, 1]),
]  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_names_of_indexing(index: Any) -> None:
    ours, theirs = (lib.ones(2, 3, 4, requires_grad=True)[index] for lib in (mc, torch))
    assert ours.grad_fn.name() == theirs.grad_fn.name()
    assert ours[:].grad_fn.name() == theirs[:].grad_fn.name()


# of x, of a = 3x and of y = 2a
ENDS = ["x", "a", "y", "xy", "ay", "xay"]


def chain(lib: Any, ends: str, hooks: bool, retain: bool) -> tuple[Any, Any, Any, list[Any]]:
    """x, a and y by name, those that are asked for, their loss, and what their hooks will see."""
    x = lib.ones(3, requires_grad=True)
    a = x * 3
    tensors = {"x": x, "a": a, "y": a * 2}
    seen: list[Any] = []
    for name, tensor in tensors.items() if hooks else ():
        tensor.register_hook(lambda g, name=name: (seen.append((name, g.tolist())), g * 10)[1])
    for name in "ay" if retain else "":
        tensors[name].retain_grad()
    return tensors, [tensors[name] for name in ends], (tensors["y"] ** 2).sum(), seen


def gradients(tensors: dict[str, Any]) -> dict[str, Any]:
    """The gradient that each tensor has, a list or None."""
    found = {name: tensor.grad for name, tensor in tensors.items()}
    return {name: None if grad is None else grad.tolist() for name, grad in found.items()}


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
@pytest.mark.parametrize("retain", [False, True])
@pytest.mark.parametrize("hooks", [False, True])
@pytest.mark.parametrize("ends", ENDS)
def test_a_walk_that_ends_at_given_tensors(ends: str, hooks: bool, retain: bool) -> None:
    """Which hooks run, whether before a gradient is returned, and who keeps one."""
    outcomes = []
    for lib in (mc, torch):
        tensors, inputs, loss, seen = chain(lib, ends, hooks, retain)
        returned = [grad.tolist() for grad in lib.autograd.grad(loss, inputs)]
        outcomes.append((returned, seen, gradients(tensors)))
        tensors, inputs, loss, seen = chain(lib, ends, hooks, retain)
        loss.backward(inputs=inputs)
        outcomes[-1] += (seen, gradients(tensors), [t.retains_grad for t in tensors.values()])
    assert outcomes[0] == outcomes[1]


@LIBRARIES
def test_inputs_of_backward(lib: Any) -> None:
    """As a GAN's script does: the generator's loss leaves the discriminator's gradients alone."""
    generator, discriminator = lib.nn.Linear(2, 2), lib.nn.Linear(2, 1)
    for _ in range(2):
        discriminator(generator(lib.ones(3, 2))).sum().backward(inputs=list(generator.parameters()))
    assert discriminator.weight.grad is None
    expected = 6 * discriminator.weight.detach()[0]
    np.testing.assert_allclose(generator.bias.grad.tolist(), expected.tolist(), rtol=1e-5)
    x, unused = lib.ones(2, requires_grad=True), lib.ones(2, requires_grad=True)
    lib.autograd.backward((x * 2).sum(), inputs=[unused])
    assert x.grad is None and unused.grad is None
    lib.autograd.backward(x, lib.ones(2), inputs=unused)
    assert x.grad is None
    with pytest.raises(RuntimeError):
        x.sum().backward(inputs=[])
    with pytest.raises(RuntimeError):
        x.sum().backward(inputs=[lib.ones(2)])


@LIBRARIES
def test_variable(lib: Any) -> None:
    Variable = lib.autograd.Variable
    x = lib.ones(2, requires_grad=True)
    assert isinstance(x, Variable) and not isinstance(3, Variable)
    assert not Variable(x).requires_grad and Variable(x.detach(), requires_grad=True).is_leaf
    assert Variable(x).data_ptr() == x.data_ptr()
    with pytest.warns(UserWarning, match="volatile"):
        Variable(x, volatile=True)
    with pytest.raises(TypeError, match="list"):
        Variable([1.0])


@LIBRARIES
def test_modes(lib: Any) -> None:
    @lib.inference_mode
    def bare() -> tuple[bool, bool]:
        return lib.is_grad_enabled(), lib.is_inference_mode_enabled()

    @lib.inference_mode()
    def called() -> tuple[bool, bool]:
        return lib.is_grad_enabled(), lib.is_inference_mode_enabled()

    assert bare() == called() == (False, True)
    with lib.inference_mode(False):
        assert lib.is_grad_enabled() and not lib.is_inference_mode_enabled()
    with lib.no_grad(), lib.inference_mode(False):
        assert lib.is_grad_enabled()
    assert lib.is_grad_enabled() and not lib.is_inference_mode_enabled()
    lib.autograd.set_detect_anomaly(True)
    assert lib.is_anomaly_enabled()
    lib.autograd.set_detect_anomaly(False)
    with lib.autograd.set_detect_anomaly(True):
        assert lib.is_anomaly_enabled()
    assert not lib.is_anomaly_enabled()


@LIBRARIES
def test_hooks_after_the_gradient_was_added(lib: Any) -> None:
    x, seen = lib.ones(2, requires_grad=True), []
    handle = x.register_post_accumulate_grad_hook(lambda t: seen.append(t.grad.tolist()))
    for _ in range(2):
        (x * 3).sum().backward()
    handle.remove()
    (x * 3).sum().backward()
    assert seen == [[3.0, 3.0], [6.0, 6.0]]
    with pytest.raises(RuntimeError, match="leaf"):
        (x * 2).register_post_accumulate_grad_hook(print)


def two(x: Any, y: Any) -> tuple[Any, Any]:
    return x**2 * y.sum(), x.sum() + y * 0


def square(x: Any) -> Any:
    return (x**3).sum() * x[0, 0]


CASES: dict[str, Callable[[Any, Any, Any], Any]] = {
    "jacobian": lambda f, x, y: f.jacobian(two, (x, y)),
    "jacobian of one": lambda f, x, y: f.jacobian(lambda a: a.exp(), x),
    "hessian": lambda f, x, y: f.hessian(square, x),
    "hessian of two": lambda f, x, y: f.hessian(lambda a, b: (a**2).sum() * b.sum(), (x, y)),
    "vjp": lambda f, x, y: f.vjp(two, (x, y), (x * 2, y)),
    "jvp": lambda f, x, y: f.jvp(two, (x, y), (x * 2, y)),
    "vhp": lambda f, x, y: f.vhp(square, x, x * 2),
    "hvp": lambda f, x, y: f.hvp(square, x, x * 2),
}


@pytest.mark.parametrize("name", CASES)
def test_functional(name: str) -> None:
    arrays = np.arange(1.0, 7.0).reshape(2, 3), np.array([0.5])
    ours = CASES[name](mc.autograd.functional, *map(mc.tensor, arrays))
    theirs = CASES[name](torch.autograd.functional, *map(torch.tensor, arrays))
    assert_equal(ours, theirs)


def assert_equal(ours: Any, theirs: Any) -> None:
    assert isinstance(ours, tuple) == isinstance(theirs, tuple)
    if not isinstance(theirs, tuple):
        np.testing.assert_allclose(ours.numpy_copy(), theirs.numpy(), rtol=1e-12)
        return
    assert len(ours) == len(theirs)
    for our, their in zip(ours, theirs):
        assert_equal(our, their)
