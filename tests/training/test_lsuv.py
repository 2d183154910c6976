"""First weights that fit the data."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn, training


def network() -> nn.Sequential:
    mc.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.9),
        nn.Flatten(),
        nn.Linear(72, 5),
    )


def test_outputs_of_all_layers_have_variance_one() -> None:
    net, images = network(), 40 * mc.randn(16, 3, 8, 8)
    assert training.lsuv_(net, images) is net
    assert net.training
    with mc.no_grad():
        net.eval()
        for layer in (net[0], net):
            assert float(layer(images).std()) == pytest.approx(1, rel=1e-5)


def test_the_last_outputs_may_be_smaller() -> None:
    net, images = network().eval(), mc.randn(16, 3, 8, 8)
    training.lsuv_(net, images, last=0.1)
    assert float(net[0](images).detach().std()) == pytest.approx(1, rel=1e-5)
    assert float(net(images).detach().std()) == pytest.approx(0.1, rel=1e-5)


def test_a_layer_that_is_used_twice_is_fitted_once() -> None:
    layer = nn.Linear(4, 4)
    images = mc.randn(32, 4)
    training.lsuv_(nn.Sequential(layer, layer), images)
    assert float(layer(images).detach().std()) == pytest.approx(1, rel=1e-5)


def test_a_weight_of_two_layers_is_fitted_once() -> None:
    first, second = nn.Linear(4, 4), nn.Linear(4, 4)
    second.weight = first.weight
    images = mc.randn(32, 4)
    training.lsuv_(nn.Sequential(first, second), images)
    assert float(first(images).detach().std()) == pytest.approx(1, rel=1e-5)


def test_parametrized_weights() -> None:
    layer, images = nn.utils.parametrizations.weight_norm(nn.Linear(4, 4)), mc.randn(32, 4)
    training.lsuv_(layer, images)
    assert float(layer(images).detach().std()) == pytest.approx(1, rel=1e-5)


def test_transposed_convolutions() -> None:
    layers = nn.ConvTranspose2d(3, 4, 3, stride=2), nn.ConvTranspose1d(3, 4, 3)
    for layer, shape in zip(layers, ((8, 3, 5, 5), (8, 3, 9)), strict=True):
        images = 7 * mc.randn(*shape)
        training.lsuv_(layer, images)
        assert float(layer(images).detach().std()) == pytest.approx(1, rel=1e-5)


def test_a_bias_of_two_layers_stays_as_the_first_needs_it() -> None:
    first, second = nn.Linear(4, 4), nn.Linear(4, 4)
    second.bias = first.bias
    images = 9 * mc.randn(32, 4)
    training.lsuv_(nn.Sequential(first, second), images)
    with mc.no_grad():
        assert float(first(images).std()) == pytest.approx(1, rel=1e-5)
        assert float(second(first(images)).std()) == pytest.approx(1, abs=0.01)


def test_frozen_parameters_stay_as_they_are() -> None:
    net, images = network(), 40 * mc.randn(16, 3, 8, 8)
    net[0].requires_grad_(False)
    net[5].bias.requires_grad_(False)
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    training.lsuv_(net, images)
    same = {name: mc.equal(p.detach(), before[name]) for name, p in net.named_parameters()}
    assert same == {"0.weight": True, "0.bias": True, "5.weight": False, "5.bias": True}
    with mc.no_grad():
        assert float(net.eval()(images).std()) == pytest.approx(1, abs=0.01)


@pytest.mark.numbers_decide
@pytest.mark.parametrize("norm", [nn.utils.spectral_norm, nn.utils.parametrizations.spectral_norm])
def test_weights_whose_scale_a_norm_undoes_are_refused(norm: Callable) -> None:
    net, images = network(), 40 * mc.randn(16, 3, 8, 8)
    norm(net[5])
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    with pytest.raises(ValueError, match="must follow its weights, got a standard deviation of"):
        training.lsuv_(net, images)
    assert all(mc.equal(p.detach(), before[name]) for name, p in net.named_parameters())
    assert net.training


@pytest.mark.parametrize("last", [0, -1.0, float("nan"), float("inf")])
def test_deviations_that_no_outputs_have(last: float) -> None:
    with pytest.raises(ValueError, match=f"last must be a finite number above 0, got {last}"):
        training.lsuv_(network(), mc.randn(4, 3, 8, 8), last=last)


def test_frozen_parts_stay_in_evaluation_mode() -> None:
    net = network()
    net[3].eval()
    training.lsuv_(net, mc.randn(4, 3, 8, 8))
    assert net.training and not net[3].training


def test_later_passes_are_as_usual() -> None:
    net, images = network().eval(), mc.randn(4, 3, 8, 8)
    training.lsuv_(net, images)
    before = {name: value.cpu().numpy().copy() for name, value in net.state_dict().items()}
    net(images)
    assert all(
        np.array_equal(value.cpu().numpy(), before[n]) for n, value in net.state_dict().items()
    )


def test_outputs_without_variance_are_refused() -> None:
    net = network()
    nn.init.zeros_(net[0].bias)
    with pytest.raises(ValueError, match=r"got a standard deviation of 0\.0 after Conv2d"):
        training.lsuv_(net, mc.zeros(4, 3, 8, 8))
    assert net.training
