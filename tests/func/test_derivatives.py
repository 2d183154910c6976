"""grad, vjp, jacrev and hessian against PyTorch's, nested and with trees of arguments."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pytest
import torch

import minicnn as mc
from minicnn.graph.structure import leaves


def arrays(lib: Any, results: Any) -> list[Any]:
    return [
        leaf.detach().cpu().numpy() if lib.is_tensor(leaf) else leaf for leaf in leaves(results)
    ]


def check(function: Any) -> None:
    """``function(lib, func, x, params)`` gives the same numbers in trees of the same form."""
    found = []
    for lib in mc, torch:
        x = lib.tensor([0.5, -1.0, 2.0])
        params = {"weight": lib.tensor([[1.0, 0.0, 2.0], [0.5, 3.0, 1.0]]), "bias": [lib.ones(2)]}
        found.append(arrays(lib, function(lib, lib.func, x, params)))
    assert len(found[0]) == len(found[1])
    for our, their in zip(*found):
        np.testing.assert_allclose(our, their, rtol=1e-5, atol=1e-6)


def layer(x: Any, params: Any) -> Any:
    return (params["weight"] @ x + params["bias"][0]).tanh()


def loss(x: Any, params: Any) -> Any:
    return layer(x, params).sum()


def cubes(x: Any) -> Any:
    return (x**3).sum()


DERIVATIVES = {
    "grad": lambda lib, func, x, p: func.grad(loss, argnums=1)(x, p),
    "several arguments": lambda lib, func, x, p: func.grad(loss, argnums=(1, 0))(x, p),
    "a named argument": lambda lib, func, x, p: func.grad(loss)(x, params=p),
    "unused": lambda lib, func, x, p: func.grad(lambda x, p: x.sum(), 1)(x, p),
    "constant": lambda lib, func, x, p: func.grad(lambda x: lib.tensor(2.0))(x),
    "value": lambda lib, func, x, p: func.grad_and_value(loss)(x, p),
    "aux": lambda lib, func, x, p: func.grad_and_value(
        lambda x: (x.prod(), {"last": x[2]}), has_aux=True
    )(x),
    "grad of grad": lambda lib, func, x, p: func.grad(lambda x: func.grad(cubes)(x).sum())(x),
    "what the inner function knows": lambda lib, func, x, p: func.grad(
        lambda x: func.grad(lambda y: (x * y**2).sum())(lib.ones(3)).sum()
    )(x),
    "vjp": lambda lib, func, x, p: func.vjp(layer, x, p)[1](lib.tensor([1.0, -2.0])),
    "vjp's result": lambda lib, func, x, p: func.vjp(lambda x: {"a": x * 2}, x)[0],
    "jacrev": lambda lib, func, x, p: func.jacrev(layer, argnums=(0, 1))(x, p),
    "jacfwd": lambda lib, func, x, p: func.jacfwd(layer)(x, p),
    "jacrev of two results": lambda lib, func, x, p: func.jacrev(lambda x: (x * x, x.sum()))(x),
    "hessian": lambda lib, func, x, p: func.hessian(lambda x: layer(x, p).prod())(x),
}


@pytest.mark.parametrize("name", DERIVATIVES)
def test_derivatives_are_those_of_torch(name: str) -> None:
    check(DERIVATIVES[name])


def test_what_can_be_differentiated_further() -> None:
    for lib in mc, torch:
        x = lib.ones(3)
        assert not lib.func.grad(cubes)(x).requires_grad and not x.requires_grad
        x.requires_grad_()
        lib.func.grad(cubes)(x).sum().backward()
        assert x.grad.tolist() == [6.0, 6.0, 6.0]
        with lib.no_grad():
            assert lib.func.grad(cubes)(x).tolist() == [3.0, 3.0, 3.0]
        assert lib.func.grad(lambda y, x: (x * y).sum())(lib.ones(3), x=x).requires_grad


def test_what_the_function_knows_can_be_differentiated_by() -> None:
    """As a network's parameters by a penalty on the gradients of its inputs."""
    found = []
    for lib in mc, torch:
        weight, x = lib.ones(3, requires_grad=True), lib.arange(3.0)

        def function(x: Any, weight: Any = weight) -> Any:
            return (x**2 * weight).sum()

        gradient, value = lib.func.grad_and_value(function)(x)
        matrix = lib.func.jacrev(lambda x, weight=weight: (x * weight, x * 2))(x)[0]
        product = lib.func.vjp(function, x)[1](lib.ones(()))[0]
        (gradient.sum() + 2 * value + matrix.sum() + product.sum()).backward()
        found.append(weight.grad.tolist())
        with lib.no_grad():
            assert not lib.func.grad(function)(x).requires_grad
        inner = lib.func.grad(function)
        outer = lib.func.grad(lambda w, x=x, inner=inner: inner(x, w).sum())
        assert not outer(lib.ones(3)).requires_grad
    assert found[0] == found[1]


def test_what_else_the_function_returns_has_no_history() -> None:
    def function(x: Any) -> Any:
        return x.sum(), defaultdict(list, a=[x * 2])

    for lib in mc, torch:
        for x in lib.ones(3), lib.ones(3, requires_grad=True):
            for _, aux in (
                lib.func.grad(function, has_aux=True)(x),
                lib.func.jacrev(function, has_aux=True)(x),
                lib.func.vjp(function, x, has_aux=True)[1:],
            ):
                assert aux["a"][0].requires_grad is x.requires_grad


@pytest.mark.parametrize("function", [lambda x: x * 2, lambda x: 3.0])
def test_gradients_are_those_of_one_number(function: Any) -> None:
    for lib in mc, torch:
        with pytest.raises(
            RuntimeError, match=r"scalar|return a Tensor|a single number, got (\(3,\)|float)"
        ):
            lib.func.grad(function)(lib.ones(3))


MISTAKES = {
    "positions": lambda func, x: func.grad(cubes, argnums=1)(x),
    "no position": lambda func, x: func.jacrev(cubes, argnums=[0])(x),
    "no pair": lambda func, x: func.grad(cubes, has_aux=True)(x),
    "no tensor": lambda func, x: func.grad(cubes)(2.0),
    "no result": lambda func, x: func.jacrev(lambda x: 2.0)(x),
    "too few": lambda func, x: func.vjp(lambda x: (x, x), x)[1](x),
    "a list": lambda func, x: func.vjp(lambda x: (x, x), x)[1]([x, x]),
    "another order": lambda func, x: func.vjp(lambda x: {"a": x, "b": x}, x)[1]({"b": x, "a": x}),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_told_as_by_torch(name: str) -> None:
    told = [
        pytest.raises((RuntimeError, ValueError), MISTAKES[name], lib.func, lib.ones(2))
        for lib in (mc, torch)
    ]
    assert told[0].type is told[1].type
    assert ", got " in str(told[0].value)


def test_jacobian_leaves_its_inputs_alone() -> None:
    x = mc.ones(2)
    assert mc.autograd.functional.jacobian(lambda x: x**2, x, create_graph=True).requires_grad
    assert not x.requires_grad
