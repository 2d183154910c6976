"""Averaged networks, their BatchNorm statistics and their schedule, against torch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import minicnn as mc
from minicnn.optim import swa_utils

FORMS = [
    lambda utils: {},
    lambda utils: {"avg_fn": utils.get_ema_avg_fn(0.7), "use_buffers": True},
    lambda utils: {"multi_avg_fn": utils.get_ema_multi_avg_fn(0.9)},
    lambda utils: {"multi_avg_fn": utils.get_ema_multi_avg_fn(0.3), "use_buffers": True},
    lambda utils: {"multi_avg_fn": utils.get_swa_multi_avg_fn()},
    lambda utils: {"avg_fn": utils.get_swa_avg_fn()},
]


def averaged(library: Any, form: Callable[[Any], dict], updates_bn: bool) -> dict[str, np.ndarray]:
    """The state of the average of a network whose numbers change five times."""
    nn, rng = library.nn, np.random.default_rng(0)

    def draw(*shape: int) -> Any:
        return library.tensor(rng.standard_normal(shape).astype("float32"))

    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(32, 3))
    model = library.optim.swa_utils.AveragedModel(net, **form(library.optim.swa_utils))
    for _ in range(5):
        with library.no_grad():
            for param in net.parameters():
                param.copy_(draw(*param.shape))
            net(draw(4, 1, 6, 6))
        model.update_parameters(net)
    if updates_bn:
        batches = [(draw(4, 1, 6, 6), None) for _ in range(3)]
        library.optim.swa_utils.update_bn(batches, model.eval())
        assert not model.training
        assert model.module[1].momentum == 0.1
    return {name: value.cpu().numpy() for name, value in model.state_dict().items()}


@pytest.mark.numbers_decide
@pytest.mark.parametrize("updates_bn", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_average(form: Callable[[Any], dict], updates_bn: bool) -> None:
    found, expected = (averaged(library, form, updates_bn) for library in (mc, torch))
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-6, err_msg=name)


def test_the_average_is_a_copy() -> None:
    net = mc.nn.Linear(2, 1)
    model = swa_utils.AveragedModel(net)
    model.update_parameters(net)
    before = model.module.weight.numpy_copy()
    with mc.no_grad():
        net.weight.zero_()
    np.testing.assert_array_equal(model.module.weight.numpy_copy(), before)
    x = mc.ones(1, 2)
    assert model(x).item() == model.module(x).item()


def test_an_exponential_moving_average_in_a_loop_of_ones_own() -> None:
    """Weights and running statistics follow ``0.9 * average + 0.1 * now``, from the first step on."""
    mc.manual_seed(0)
    net = mc.nn.Sequential(mc.nn.Linear(3, 4), mc.nn.BatchNorm1d(4), mc.nn.Linear(4, 2))
    optimizer = mc.optim.SGD(net.parameters(), lr=0.5)
    ema = swa_utils.AveragedModel(
        net, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(0.9), use_buffers=True
    )
    formula: dict[str, np.ndarray] = {}
    for _ in range(6):
        loss = mc.nn.functional.cross_entropy(net(mc.randn(8, 3)), mc.randint(0, 2, (8,)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        ema.update_parameters(net)
        for name, value in net.state_dict().items():
            now = value.numpy_copy()
            formula[name] = 0.9 * formula[name] + 0.1 * now if name in formula else now
    found = ema.module.state_dict()
    for name in [name for name in formula if "num_batches" not in name]:
        np.testing.assert_allclose(found[name].numpy_copy(), formula[name], rtol=1e-5, atol=1e-6)
    x = mc.randn(5, 3)
    outputs = [model.eval()(x).numpy_copy() for model in (ema, net)]
    net.load_state_dict(found)
    np.testing.assert_array_equal(outputs[0], net(x).numpy_copy())
    assert np.abs(outputs[0] - outputs[1]).max() > 1e-3


@pytest.mark.parametrize("strategy", ["cos", "linear"])
@pytest.mark.parametrize("epochs", [0, 1, 6])
def test_swalr(strategy: str, epochs: int) -> None:
    seen = []
    for library in mc, torch:
        params = [library.zeros(2, requires_grad=True) for _ in range(2)]
        groups = [{"params": params[:1], "lr": 0.1}, {"params": params[1:], "lr": 0.02}]
        optimizer = library.optim.SGD(groups)
        scheduler = library.optim.swa_utils.SWALR(optimizer, [0.05, 0.04], epochs, strategy)
        rates = [scheduler.get_last_lr()]
        for _ in range(9):
            optimizer.step()
            scheduler.step()
            rates.append(scheduler.get_last_lr())
        seen.append((rates, scheduler.state_dict()))
    assert seen[0] == seen[1]


def test_errors() -> None:
    net = mc.nn.Linear(2, 1)
    optimizer = mc.optim.SGD(net.parameters())
    with pytest.raises(AssertionError, match="avg_fn and multi_avg_fn exclude each other"):
        swa_utils.AveragedModel(
            net, avg_fn=swa_utils.get_swa_avg_fn(), multi_avg_fn=swa_utils.get_swa_multi_avg_fn()
        )
    for make in swa_utils.get_ema_avg_fn, swa_utils.get_ema_multi_avg_fn:
        with pytest.raises(ValueError, match=r"decay must be in \[0, 1\], got 1.5"):
            make(1.5)
    with pytest.raises(ValueError, match="'cos' or 'linear', got 'sine'"):
        swa_utils.SWALR(optimizer, 0.1, anneal_strategy="sine")
    with pytest.raises(ValueError, match="anneal_epochs must be 0 or .*, got -1"):
        swa_utils.SWALR(optimizer, 0.1, -1)
