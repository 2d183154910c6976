"""Several optimizers that are used as one."""

from __future__ import annotations

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn, optim


def parts() -> tuple[nn.Module, optim.Optimizer, optim.Optimizer]:
    mc.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 2))
    matrices = [p for p in net.parameters() if p.ndim > 1]
    biases = [p for p in net.parameters() if p.ndim == 1]
    return net, optim.Muon(matrices, lr=0.1), optim.SGD(biases, lr=0.01, momentum=0.9)


def train(net: nn.Module, steps: range, *stepped: object) -> None:
    for number in steps:
        mc.manual_seed(number)
        net.zero_grad()
        net(mc.randn(3, 1, 4, 4)).square().sum().backward()
        for each in stepped:
            each.step()


def weights(net: nn.Module) -> np.ndarray:
    return np.concatenate([p.detach().cpu().numpy().ravel() for p in net.parameters()])


def test_is_the_same_as_one_after_the_other() -> None:
    net, *both = parts()
    schedules = [optim.lr_scheduler.StepLR(optimizer, 2) for optimizer in both]
    train(net, range(5), *both, *schedules)
    other, *pair = parts()
    combined = optim.Combined(*pair)
    train(other, range(5), combined, optim.lr_scheduler.StepLR(combined, 2))
    assert np.array_equal(weights(net), weights(other))


def test_goes_on_from_its_state() -> None:
    net, *both = parts()
    combined = optim.Combined(*both)
    train(net, range(3), combined)
    other, *pair = parts()
    loaded = optim.Combined(*pair)
    other.load_state_dict(net.state_dict())
    loaded.load_state_dict(combined.state_dict())
    train(net, range(3, 5), combined)
    train(other, range(3, 5), loaded)
    assert np.array_equal(weights(net), weights(other))


def test_skips_a_step_with_infinite_gradients() -> None:
    net, *both = parts()
    combined, scaler, before = optim.Combined(*both), mc.amp.GradScaler("cpu"), weights(net)
    scaler.scale(net(mc.randn(3, 1, 4, 4)).sum() * float("inf")).backward()
    scaler.step(combined)
    scaler.update()
    assert np.array_equal(weights(net), before)


def test_hooks_of_all_run() -> None:
    net, *both = parts()
    combined, called = optim.Combined(*both), []
    both[1].register_step_post_hook(lambda *_: called.append("inner step"))
    combined.register_step_post_hook(lambda *_: called.append("step"))
    combined.register_state_dict_post_hook(lambda *_: called.append("state_dict"))
    combined.register_load_state_dict_post_hook(lambda *_: called.append("load_state_dict"))
    train(net, range(1), combined)
    combined.load_state_dict(combined.state_dict())
    assert called == ["inner step", "step", "state_dict", "load_state_dict"]
    assert combined.has_own_step()


def test_parameters_may_have_names() -> None:
    net, _, unnamed = parts()
    matrices = [(name, p) for name, p in net.named_parameters() if p.ndim > 1]
    combined = optim.Combined(optim.Muon(matrices), unnamed)
    assert combined.param_groups[0]["param_names"] == ["0.weight", "2.weight"]


def test_refusals() -> None:
    _, muon, sgd = parts()
    with pytest.raises(TypeError, match="takes optimizers, got list"):
        optim.Combined([muon, sgd])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="more than one parameter group"):
        optim.Combined(sgd, sgd)
    with pytest.raises(ValueError, match="got none"):
        optim.Combined()
    combined = optim.Combined(muon, sgd)
    with pytest.raises(ValueError, match="before they are combined"):
        combined.add_param_group({"params": [mc.zeros(2, requires_grad=True)]})
    with pytest.raises(ValueError, match="that of 1 combined optimizers, these are 2"):
        combined.load_state_dict(optim.Combined(parts()[1]).state_dict())
    with pytest.raises(ValueError, match=r"got one with \['optimizers'\]"):
        sgd.load_state_dict(combined.state_dict())
    with pytest.raises(ValueError, match=r"got one with \['param_groups', 'state'\]"):
        combined.load_state_dict(sgd.state_dict())
