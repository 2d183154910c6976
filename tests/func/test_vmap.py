"""vmap against PyTorch's: dimensions, trees, per-sample gradients and ensembles of networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import minicnn as mc

CALLS = {
    "dot": lambda lib, a, b: lib.vmap(lib.dot)(a, a),
    "in_dims": lambda lib, a, b: lib.vmap(lambda x, y: x @ y, (1, None))(a, b),
    "out_dims": lambda lib, a, b: lib.vmap(lambda x: x * 2, out_dims=1)(a),
    "trees": lambda lib, a, b: lib.vmap(
        lambda p, x: {"sum": x + p["w"] + p["b"]}, in_dims=({"w": 0, "b": None}, 0)
    )({"w": a, "b": b[0]}, a)["sum"],
    "two results": lambda lib, a, b: lib.vmap(lambda x: (x.sum(), x), out_dims=(0, 1))(a)[1],
    "a result for all": lambda lib, a, b: lib.vmap(lambda x: ([x], b[0]), out_dims=(0, None))(a)[1],
    "nested": lambda lib, a, b: lib.vmap(lib.vmap(lambda x: x * x))(a),
    "derivatives": lambda lib, a, b: lib.vmap(lib.func.grad(lambda x: (x**3).sum()))(a),
    "derivative of a batch": lambda lib, a, b: lib.func.grad(
        lambda x: lib.vmap(lambda row: row.prod())(x).sum()
    )(a),
}


@pytest.mark.parametrize("name", CALLS)
def test_results_are_those_of_torch(name: str) -> None:
    found = []
    for lib in mc, torch:
        a, b = lib.arange(6.0).reshape(2, 3), lib.arange(6.0).reshape(2, 3) - 2
        found.append(CALLS[name](lib, a, b).detach().cpu().numpy())
    np.testing.assert_allclose(found[0], found[1], rtol=1e-6)


def test_gradients_of_every_example_and_networks_of_one_kind() -> None:
    found = []
    for lib in mc, torch:
        lib.manual_seed(0)
        networks = [lib.nn.Linear(3, 2) for _ in range(2)]
        x, y = lib.randn(4, 3), lib.tensor([0, 1, 1, 0])

        def loss(params: Any, x: Any, y: Any, lib: Any = lib, net: Any = networks[0]) -> Any:
            out = lib.func.functional_call(net, params, (x[None],))
            return lib.nn.functional.cross_entropy(out, y[None])

        params, buffers = lib.func.stack_module_state(networks)
        assert buffers == {} and params["weight"].requires_grad and params["weight"].is_leaf
        per_sample = lib.vmap(lib.func.grad(loss), in_dims=(None, 0, 0))
        gradients = lib.vmap(per_sample, in_dims=(0, None, None))(params, x, y)
        found.append([g.detach().cpu().numpy() for g in gradients.values()])
    for our, their in zip(*found):
        np.testing.assert_allclose(our, their, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    "call",
    [
        lambda lib: lib.vmap(lambda x, y: x)(lib.ones(2), lib.ones(3)),
        lambda lib: lib.vmap(lambda x: x)(3.0),
        lambda lib: lib.vmap(lambda x: x)(lib.ones(())),
        lambda lib: lib.vmap(lambda x: x, in_dims=2)(lib.ones(2)),
        lambda lib: lib.vmap(lambda x: x, in_dims=None)(lib.ones(2)),
        lambda lib: lib.vmap(lambda x: x, in_dims=(0, 0))(lib.ones(2)),
        lambda lib: lib.vmap(lambda x: 1.0)(lib.ones(2)),
    ],
)
def test_errors(call: Any) -> None:
    for lib in mc, torch:
        with pytest.raises(ValueError, match=r"vmap"):
            call(lib)


def test_networks_of_several_kinds_are_refused() -> None:
    networks = [mc.nn.Linear(3, 2), mc.nn.Linear(3, 2).eval()]
    with pytest.raises(RuntimeError, match=r"of one kind, got Linear \(training=True\), Linear"):
        mc.func.stack_module_state(networks)
    with pytest.raises(NotImplementedError, match="randomness"):
        mc.vmap(mc.sin, randomness="same")
