"""Several optimizers that are used as one."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable

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


def test_groups_that_a_part_adds_later() -> None:
    _, muon, sgd = parts()
    combined, extra = optim.Combined(muon, sgd), mc.ones(2, 3, requires_grad=True)
    muon.add_param_group({"params": [extra], "lr": 1.0})
    (extra * 2).sum().backward()
    combined.step()
    assert not mc.equal(extra.detach(), mc.ones(2, 3))
    combined.zero_grad()
    assert extra.grad is None
    optim.lr_scheduler.StepLR(combined, 1, gamma=0.5).step()
    assert [group["lr"] for group in muon.param_groups] == [0.05, 0.5]
    again = copy.deepcopy(combined)
    assert len(again.param_groups) == 3
    assert again.param_groups[1] is again.optimizers[0].param_groups[1]


def test_closure_is_called_once() -> None:
    combined, losses = optim.Combined(*parts()[1:]), [mc.tensor(3.0)]
    assert float(combined.step(losses.pop)) == 3 and not losses


@pytest.mark.parametrize(
    "schedule",
    [
        lambda optimizer: optim.lr_scheduler.OneCycleLR(optimizer, 0.5, total_steps=9),
        lambda optimizer: optim.lr_scheduler.CyclicLR(optimizer, 0.1, 0.5, step_size_up=4),
    ],
)
def test_momentum_and_betas_are_cycled(schedule: Callable) -> None:
    def optimizers() -> tuple[optim.Optimizer, optim.Optimizer]:
        weights = [mc.zeros(2, 2, requires_grad=True) for _ in range(2)]
        return optim.Muon(weights[:1]), optim.Adam(weights[1:])

    single, pair = optimizers(), optimizers()
    schedules = [*map(schedule, single), schedule(optim.Combined(*pair))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of steps before the optimizer's
        for _ in range(5):
            for each in schedules:
                each.step()
    for one, other in zip(single, pair, strict=True):
        for name in {"lr", "momentum", "betas"} & one.param_groups[0].keys():
            assert one.param_groups[0][name] == other.param_groups[0][name]
    adagrad = optim.Adagrad([mc.zeros(2, requires_grad=True)])
    with pytest.raises(ValueError, match="must support momentum or beta1"):
        schedule(optim.Combined(single[0], adagrad))


def test_a_refused_state_changes_nothing() -> None:
    net, *both = parts()
    inner, last = optim.Combined(both[0]), both[1]
    combined = optim.Combined(inner, last)
    train(net, range(2), combined)
    before = copy.deepcopy(combined.state_dict())
    good, bad = copy.deepcopy(before["optimizers"])
    good["optimizers"][0]["param_groups"][0].update(lr=5.0, new=1)
    for state in good["optimizers"][0]["state"].values():
        state["momentum_buffer"].zero_()
    bad["state"][0]["momentum_buffer"] = mc.zeros(7)
    with pytest.raises(ValueError, match=r"must have the parameter's shape"):
        combined.load_state_dict({"optimizers": [good, bad]})
    with pytest.raises(TypeError, match="state_dict must be a dict, got int"):
        combined.load_state_dict({"optimizers": [good, 5]})
    groups = [each["param_groups"] for each in (muon_state(before), before["optimizers"][1])]
    after = combined.state_dict()
    assert groups == [each["param_groups"] for each in (muon_state(after), after["optimizers"][1])]
    for index, state in muon_state(before)["state"].items():
        found = muon_state(after)["state"][index]["momentum_buffer"]
        assert mc.equal(found, state["momentum_buffer"])


def muon_state(state: dict) -> dict:
    return state["optimizers"][0]["optimizers"][0]


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (None, "state_dict must be a dict, got NoneType"),
        ({"optimizers": 5}, "must be a list, got int"),
        ({"optimizers": None}, "must be a list, got NoneType"),
    ],
)
def test_states_of_other_types(state: object, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        optim.Combined(*parts()[1:]).load_state_dict(state)  # type: ignore[arg-type]


def test_refusals() -> None:
    _, muon, sgd = parts()
    with pytest.raises(TypeError, match="takes optimizers, got list"):
        optim.Combined([muon, sgd])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"got one of shape \(2,\) in two of them"):
        optim.Combined(sgd, sgd)
    with pytest.raises(ValueError, match="got none"):
        optim.Combined()
    lbfgs = optim.LBFGS([mc.zeros(2, requires_grad=True)])
    with pytest.raises(ValueError, match="whose step needs no closure, got LBFGS"):
        optim.Combined(muon, lbfgs)
    combined = optim.Combined(muon, sgd)
    with pytest.raises(ValueError, match="add the group to one of the combined optimizers"):
        combined.add_param_group({"params": [mc.zeros(2, requires_grad=True)]})
    with pytest.raises(ValueError, match="that of 1 combined optimizers, these are 2"):
        combined.load_state_dict(optim.Combined(parts()[1]).state_dict())
    with pytest.raises(ValueError, match=r"got one with \['optimizers'\]"):
        sgd.load_state_dict(combined.state_dict())
    with pytest.raises(ValueError, match=r"got one with \['param_groups', 'state'\]"):
        combined.load_state_dict(sgd.state_dict())
