"""Pruning against torch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.utils.prune

import minicnn as mc
import minicnn.nn.utils.prune

# masks decide how many elements are pruned
pytestmark = pytest.mark.numbers_decide


def layers() -> list[tuple[Any, Any]]:
    """A convolution in both libraries, with the same weights."""
    theirs = torch.nn.Conv2d(3, 4, 3)
    ours = mc.nn.Conv2d(3, 4, 3)
    ours.load_state_dict({name: mc.tensor(x.numpy()) for name, x in theirs.state_dict().items()})
    return [(mc, ours), (torch, theirs)]


def numbers(layer: Any) -> dict[str, np.ndarray]:
    return {name: x.detach().cpu().numpy() for name, x in layer.state_dict().items()}


def assert_same(one: Any, other: Any) -> None:
    one, other = numbers(one), numbers(other)
    assert list(one) == list(other)
    for name in one:
        np.testing.assert_allclose(one[name], other[name], atol=1e-6, err_msg=name)


def test_twice_and_removed() -> None:
    found = []
    for lib, layer in layers():
        prune = lib.nn.utils.prune
        assert not prune.is_pruned(layer)
        prune.l1_unstructured(layer, "weight", amount=0.3)
        prune.l1_unstructured(layer, "weight", amount=10)
        prune.ln_structured(layer, "weight", 0.25, n=2, dim=0)
        assert prune.is_pruned(layer)
        layer(lib.ones(1, 3, 4, 4)).sum().backward()
        found.append((layer, layer.weight_orig.grad.cpu().numpy(), numbers(layer)))
        original = layer.weight_orig
        prune.remove(layer, "weight")
        assert layer.weight is original and not prune.is_pruned(layer)
        assert sorted(layer.state_dict()) == ["bias", "weight"]
        with pytest.raises(ValueError, match="weight"):
            prune.remove(layer, "weight")
    assert_same(found[0][0], found[1][0])
    np.testing.assert_allclose(found[0][1], found[1][1], atol=1e-5)
    assert list(found[0][2]) == list(found[1][2]) == ["bias", "weight_orig", "weight_mask"]


def test_several_parameters_together() -> None:
    found = []
    for lib, layer in layers():
        net = lib.nn.Sequential(layer)
        prune = lib.nn.utils.prune
        parameters = [(layer, "weight"), (layer, "bias")]
        prune.global_unstructured(parameters, pruning_method=prune.L1Unstructured, amount=0.4)
        found.append(net)
    assert_same(*found)


@pytest.mark.parametrize("lib", [mc, torch], ids=["minicnn", "torch"])
def test_random_and_errors(lib: Any) -> None:
    layer = lib.nn.Linear(4, 5)
    prune = lib.nn.utils.prune
    prune.random_unstructured(layer, "weight", amount=7)
    assert int((layer.weight == 0).sum()) == 7
    prune.random_unstructured(layer, "weight", amount=3)
    assert int((layer.weight == 0).sum()) == 10
    for amount in (-1, 1.5, 50):
        with pytest.raises(ValueError, match="amount"):
            prune.l1_unstructured(lib.nn.Linear(4, 5), "weight", amount)


def test_random_channels_and_identity():
    net = mc.nn.Linear(6, 4)
    mc.nn.utils.prune.random_structured(net, "weight", amount=2, dim=1)
    assert int((net.weight_mask.sum(0) == 0).sum()) == 2
    assert set(net.weight_mask.unique().tolist()) == {0.0, 1.0}
    mc.nn.utils.prune.random_structured(
        net, "weight", amount=0.5, dim=-1
    )  # of the four that are left
    assert int((net.weight_mask.sum(0) == 0).sum()) == 4
    mc.nn.utils.prune.identity(net, "bias")
    assert (net.bias_mask == 1).all() and mc.nn.utils.prune.is_pruned(net)


def own_method(lib):
    """Every other element that is left is pruned, twice."""

    class Halved(lib.nn.utils.prune.BasePruningMethod):
        PRUNING_TYPE = "unstructured"

        def compute_mask(self, t, default_mask):
            mask = default_mask.clone()
            mask.view(-1)[::2] = 0
            return mask

    net = lib.nn.Linear(6, 4)
    Halved.apply(net, "weight")
    Halved.apply(net, "weight")
    return net.weight_mask.numpy(force=True)


def test_ones_own_method():
    np.testing.assert_array_equal(own_method(mc), own_method(torch))
