"""Optimizers that people write, hooks, and the constructors' arguments, as in torch."""

from __future__ import annotations

import copy
import inspect
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
import torch

import minicnn as mc
from minicnn import optim
from minicnn.optim import lr_scheduler
from minicnn.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
    required,
)

OPTIMIZERS = [name for name in optim.__all__ if name[0].isupper() and hasattr(torch.optim, name)]
SCHEDULES = [name for name in lr_scheduler.__all__ if hasattr(torch.optim.lr_scheduler, name)]


def signature(function: Any) -> list[tuple]:
    parameters = inspect.signature(function).parameters.values()
    return [(p.name, p.kind, p.default) for p in parameters]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_arguments_of_optimizers(name: str) -> None:
    found, expected = signature(getattr(optim, name)), signature(getattr(torch.optim, name))
    assert sorted(found, key=str) == sorted(expected, key=str)
    positional = [p for p in found if p[1] is not inspect.Parameter.KEYWORD_ONLY]
    assert positional == [p for p in expected if p[1] is not inspect.Parameter.KEYWORD_ONLY]


@pytest.mark.parametrize("name", SCHEDULES)
def test_arguments_of_schedules(name: str) -> None:
    expected = signature(getattr(torch.optim.lr_scheduler, name))
    assert signature(getattr(lr_scheduler, name)) == expected


def own_optimizer(library: Any, base: type) -> type:
    """Momentum as people write it for torch: options in groups, ``state``, its own ``step``."""

    class Own(base):
        def __init__(self, params: Any, lr: Any = required, momentum: float = 0.9) -> None:
            super().__init__(params, {"lr": lr, "momentum": momentum})

        def __setstate__(self, state: dict) -> None:
            super().__setstate__(state)
            for group in self.param_groups:
                group.setdefault("nesterov", False)

        @library.no_grad()
        def step(self, closure: Any = None) -> Any:
            loss = None
            if closure is not None:
                with library.enable_grad():
                    loss = closure()
            for group in self.param_groups:
                for p in group["params"]:
                    state = self.state[p]
                    if "buffer" not in state:
                        state["buffer"], state["calls"] = library.zeros_like(p), 0
                    state["calls"] += 1
                    state["buffer"].mul_(group["momentum"]).add_(p.grad)
                    p.add_(state["buffer"], alpha=-group["lr"])
            return loss

    return Own


def own(library: Any) -> tuple[Any, Any, Any]:
    p = library.tensor(np.arange(4.0)).requires_grad_()
    make = own_optimizer(library, library.optim.Optimizer)
    optimizer = make([p], lr=0.1)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = (p**2).sum()
        loss.backward()
        return loss

    return optimizer, p, closure


def test_an_own_optimizer() -> None:
    seen = []
    for library in mc, torch:
        optimizer, p, closure = own(library)
        schedule = library.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for _ in range(3):
                loss = optimizer.step(closure)
                schedule.step()
        state = optimizer.state_dict()
        again = type(optimizer)([p], lr=1.0)
        again.load_state_dict(copy.deepcopy(state))
        assert again.param_groups[0].pop("nesterov") is False
        buffer = again.state[p].pop("buffer")
        seen.append(
            (loss.item(), p.tolist(), buffer.tolist(), again.state[p], state["param_groups"])
        )
    assert seen[0] == seen[1]


def test_required_options() -> None:
    make = own_optimizer(mc, optim.Optimizer)
    p = mc.ones(1, requires_grad=True)
    with pytest.raises(ValueError, match="required optimization parameter lr"):
        make([p])
    assert make([{"params": [p], "lr": 0.1}]).param_groups[0]["momentum"] == 0.9


def test_copies_and_pickles() -> None:
    p = mc.ones(2, requires_grad=True)
    optimizer = optim.Adam([p])
    p.grad = mc.ones(2)
    optimizer.step()
    for again in copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer)):
        (q,) = again.param_groups[0]["params"]
        assert q is not p
        assert again.state[q]["step"] == 1
        q.grad = mc.ones(2)
        again.step()
        assert again.state[q]["step"] == 2


def test_the_given_group_is_the_optimizers() -> None:
    group = {"params": [mc.ones(1, requires_grad=True)]}
    optimizer = optim.SGD([group], lr=0.1)
    group["lr"] = 0.5
    assert optimizer.param_groups[0]["lr"] == 0.5


@pytest.mark.parametrize("name", ["SGD", "Adam", "Adagrad"])
def test_a_parameter_twice_is_updated_twice(name: str) -> None:
    seen = []
    for library in mc, torch:
        p = library.tensor([1.0, 2.0], requires_grad=True)
        q = library.tensor([3.0], requires_grad=True)
        with pytest.warns(UserWarning, match="duplicate parameters"):
            optimizer = getattr(library.optim, name)([p, q, p], lr=0.1)
        for _ in range(2):
            p.grad, q.grad = library.tensor([0.5, -1.0]), library.tensor([1.0])
            optimizer.step()
        seen.append((p.tolist(), q.tolist(), optimizer.state_dict()["param_groups"]))
    np.testing.assert_allclose(seen[0][0], seen[1][0], rtol=1e-6)
    np.testing.assert_allclose(seen[0][1], seen[1][1], rtol=1e-6)
    assert seen[0][2] == seen[1][2]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_are_not_differentiable(name: str) -> None:
    make = getattr(optim, name)
    if "differentiable" in inspect.signature(make).parameters:
        with pytest.raises(NotImplementedError, match="minicnn records no steps"):
            make([mc.ones(1, requires_grad=True)], differentiable=True)


def test_step_hooks() -> None:
    p = mc.ones(1, requires_grad=True)
    p.grad = mc.ones(1)
    optimizer = optim.SGD([p], lr=0.1)
    log: list[Any] = []
    handles = [
        optimizer.register_step_pre_hook(
            lambda o, args, kwargs: log.append((args == (o,), kwargs))
        ),
        optimizer.register_step_post_hook(lambda o, args, kwargs: log.append("after")),
        register_optimizer_step_pre_hook(lambda o, args, kwargs: log.append("before all")),
        register_optimizer_step_post_hook(lambda o, args, kwargs: log.append("after all")),
    ]
    optimizer.step()
    assert log == ["before all", (True, {}), "after", "after all"]
    for handle in handles:
        handle.remove()
    optimizer.step()
    assert len(log) == 4

    optimizer.register_step_pre_hook(lambda o, args, kwargs: (args, {"closure": lambda: 7}))
    assert optimizer.step() == 7
    optimizer.register_step_pre_hook(lambda o, args, kwargs: "no")
    with pytest.raises(RuntimeError, match=r"must return None or \(args, kwargs\), got"):
        optimizer.step()


def test_hooks_of_saving_and_loading() -> None:
    optimizer = optim.SGD([mc.ones(1, requires_grad=True)], lr=0.1)
    log: list[Any] = []
    optimizer.register_state_dict_pre_hook(lambda o: log.append("second"))
    optimizer.register_state_dict_pre_hook(lambda o: log.append("first"), prepend=True)
    optimizer.register_state_dict_post_hook(lambda o, state: {**state, "extra": 1})
    state = optimizer.state_dict()
    assert log == ["first", "second"]
    assert state["extra"] == 1
    state["param_groups"][0]["lr"] = 0.5

    def halved(o: Any, state: dict) -> dict:
        groups = [{**group, "lr": group["lr"] / 2} for group in state["param_groups"]]
        return {**state, "param_groups": groups}

    optimizer.register_load_state_dict_pre_hook(halved)
    optimizer.register_load_state_dict_post_hook(lambda o: log.append(o.param_groups[0]["lr"]))
    optimizer.load_state_dict(state)
    assert log[-1] == 0.25
    assert state["param_groups"][0]["lr"] == 0.5


@pytest.mark.parametrize("kind", ["own", "hooked"])
def test_a_scaler_with_a_step_that_knows_no_scaling(kind: str) -> None:
    scaler = mc.amp.GradScaler(mc.get_default_device().type, init_scale=8.0)
    optimizer, p, _ = own(mc)
    calls: list[Any] = []
    if kind == "hooked":
        optimizer = optim.SGD([p], lr=0.1, momentum=0.9)
        optimizer.register_step_post_hook(lambda o, args, kwargs: calls.append(o))
    scaler.scale((p**2).sum()).backward()
    scaler.step(optimizer)
    scaler.update()
    np.testing.assert_allclose(p.numpy_copy(), 0.8 * np.arange(4.0))
    p.grad = mc.full((4,), float("inf"), dtype=mc.float64)
    scaler.scale((p**2).sum())
    scaler.step(optimizer)
    scaler.update()
    np.testing.assert_allclose(p.numpy_copy(), 0.8 * np.arange(4.0))
    assert scaler.get_scale() == 4.0
    assert len(calls) == (kind == "hooked")
