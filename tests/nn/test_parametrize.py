"""Weight norm, spectral norm and parametrizations against torch's, with torch's keys and numbers."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import minicnn as mc
from minicnn import nn

LAYERS = {
    "linear": (lambda lib: lib.nn.Linear(5, 4), (3, 5)),
    "conv1d": (lambda lib: lib.nn.Conv1d(3, 4, 3), (2, 3, 6)),
    "conv2d": (lambda lib: lib.nn.Conv2d(3, 4, 3), (2, 3, 6, 5)),
    "transposed": (lambda lib: lib.nn.ConvTranspose2d(3, 4, 3), (2, 3, 6, 5)),
}
WAYS: dict[str, Callable[[Any, Any], Any]] = {
    "old weight_norm": lambda lib, layer: lib.nn.utils.weight_norm(layer),
    "old weight_norm of all": lambda lib, layer: lib.nn.utils.weight_norm(layer, dim=None),
    "weight_norm": lambda lib, layer: lib.nn.utils.parametrizations.weight_norm(layer),
    "weight_norm dim 1": lambda lib, layer: lib.nn.utils.parametrizations.weight_norm(layer, dim=1),
    "old spectral_norm": lambda lib, layer: lib.nn.utils.spectral_norm(layer),
    "spectral_norm": lambda lib, layer: lib.nn.utils.parametrizations.spectral_norm(layer),
}


def made(way: str, layer: str) -> tuple[Any, Any, tuple[int, ...]]:
    """The layer in both libraries, in float64, with torch's numbers."""
    build, shape = LAYERS[layer]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        ours, theirs = (WAYS[way](lib, build(lib).double()) for lib in (mc, torch))
    ours.load_state_dict({k: mc.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    return ours, theirs, shape


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("way", WAYS)
def test_outputs_gradients_and_state(way: str, layer: str) -> None:
    ours, theirs, shape = made(way, layer)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    rng = np.random.default_rng(0)
    for training in (True, True, False):
        values = rng.standard_normal(shape)
        out, expected = (
            ours.train(training)(mc.tensor(values)),
            theirs.train(training)(torch.tensor(values)),
        )
        np.testing.assert_allclose(
            out.detach().cpu().numpy(), expected.detach().numpy(), atol=1e-12
        )
        (out**2).sum().backward()
        (expected**2).sum().backward()
    for (name, our), their in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(
            our.grad.cpu().numpy(), their.grad.numpy(), atol=1e-10, err_msg=name
        )
    for key, their in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[key].cpu().numpy(), their.numpy(), atol=1e-12)


def test_two_calls_before_backward() -> None:
    layer = nn.utils.parametrizations.spectral_norm(nn.Linear(4, 3))
    (layer(mc.rand(2, 4)) - layer(mc.rand(2, 4))).sum().backward()
    layer = nn.utils.spectral_norm(nn.Linear(4, 3))
    (layer(mc.rand(2, 4)) - layer(mc.rand(2, 4))).sum().backward()


def test_removed_old_ways() -> None:
    with pytest.warns(FutureWarning, match="parametrizations.weight_norm"):
        layer = nn.utils.weight_norm(nn.Linear(4, 3))
    with pytest.raises(RuntimeError, match="already"), pytest.warns(FutureWarning):
        nn.utils.weight_norm(layer)
    weight = layer.weight.detach().clone()
    nn.utils.remove_weight_norm(layer)
    assert sorted(layer.state_dict()) == ["bias", "weight"]
    np.testing.assert_allclose(layer.weight.detach().cpu().numpy(), weight.cpu().numpy(), rtol=1e-6)
    with pytest.raises(ValueError, match="no WeightNorm of 'weight'"):
        nn.utils.remove_weight_norm(layer)
    layer = nn.utils.spectral_norm(nn.Linear(4, 3))
    out = layer.eval()(mc.ones(1, 4))
    nn.utils.remove_spectral_norm(layer)
    assert sorted(layer.state_dict()) == ["bias", "weight"]
    np.testing.assert_allclose(
        layer(mc.ones(1, 4)).detach().cpu().numpy(), out.detach().cpu().numpy(), rtol=1e-5
    )


def symmetric(lib: Any) -> Any:
    class Symmetric(lib.nn.Module):
        def forward(self, x: Any) -> Any:
            return x + x.transpose(-1, -2)

        def right_inverse(self, x: Any) -> Any:
            return x / 2

    return Symmetric()


def doubled(lib: Any) -> Any:
    class Doubled(lib.nn.Module):
        def forward(self, x: Any) -> Any:
            return 2 * x

    return Doubled()


@pytest.mark.parametrize("lib", [mc, torch], ids=["minicnn", "torch"])
def test_a_parametrization_of_ones_own(lib: Any) -> None:
    parametrize = lib.nn.utils.parametrize
    layer = lib.nn.Linear(3, 3, bias=False)
    before = layer.weight
    assert parametrize.register_parametrization(layer, "weight", symmetric(lib)) is layer
    assert parametrize.is_parametrized(layer) and parametrize.is_parametrized(layer, "weight")
    assert not parametrize.is_parametrized(layer, "bias")
    assert layer.parametrizations.weight.original is before
    assert type(layer).__name__ == "ParametrizedLinear" and isinstance(layer, lib.nn.Linear)
    assert bool((layer.weight == layer.weight.T).all())
    parametrize.register_parametrization(layer, "weight", doubled(lib))
    assert list(layer.state_dict()) == ["parametrizations.weight.original"]
    with parametrize.cached():
        assert layer.weight is layer.weight
    assert layer.weight is not layer.weight
    twin = copy.deepcopy(layer)
    assert bool((twin.weight == layer.weight).all())
    with pytest.raises(RuntimeError, match="right_inverse"):
        layer.weight = lib.ones(3, 3)
    with pytest.raises(RuntimeError, match="state_dict"):
        layer.__getstate__()
    parametrize.remove_parametrizations(layer, "weight")
    assert type(layer) is lib.nn.Linear and layer.weight is before
    assert list(layer.state_dict()) == ["weight"]


@pytest.mark.parametrize("lib", [mc, torch], ids=["minicnn", "torch"])
def test_assigning_goes_through_the_inverse(lib: Any) -> None:
    layer = lib.nn.utils.parametrize.register_parametrization(
        lib.nn.Linear(3, 3), "weight", symmetric(lib)
    )
    layer.weight = lib.eye(3)
    assert layer.parametrizations.weight.original.tolist() == (lib.eye(3) / 2).tolist()
    assert layer.weight.tolist() == lib.eye(3).tolist()
    lib.nn.utils.parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
    assert layer.weight.tolist() == (lib.eye(3) / 2).tolist()


@pytest.mark.parametrize("lib", [mc, torch], ids=["minicnn", "torch"])
def test_errors(lib: Any) -> None:
    class Flat(lib.nn.Module):
        def forward(self, x: Any) -> Any:
            return x.reshape(-1)

    parametrize = lib.nn.utils.parametrize
    with pytest.raises(ValueError, match="shape"):
        parametrize.register_parametrization(lib.nn.Linear(3, 3), "weight", Flat())
    with pytest.raises(ValueError, match="parameter"):
        parametrize.register_parametrization(lib.nn.Linear(3, 3), "name", symmetric(lib))
    with pytest.raises(ValueError, match="parametrization"):
        parametrize.remove_parametrizations(lib.nn.Linear(3, 3), "weight")
    layer = lib.nn.utils.parametrizations.weight_norm(lib.nn.Linear(3, 3))
    with pytest.raises(ValueError, match="leave_"):
        parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
    with pytest.raises(ValueError, match="n_power_iterations"):
        lib.nn.utils.parametrizations.spectral_norm(lib.nn.Linear(3, 3), n_power_iterations=0)
