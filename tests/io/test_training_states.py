"""States of optimizers, schedules and scalers go to torch and back, and training goes on equally."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import minicnn as mc
from minicnn import nn, optim

OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "SGD": ("SGD", {"lr": 0.1}),
    "SGD with momentum": ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    "Adam": ("Adam", {"lr": 0.01, "betas": (0.8, 0.9), "weight_decay": 0.1}),
    "AdamW": ("AdamW", {"lr": 0.01}),
    "RMSprop": ("RMSprop", {"lr": 0.01, "momentum": 0.5, "centered": True}),
}  # fmt: skip
SCHEDULES: dict[str, tuple[str, dict[str, Any]]] = {
    "StepLR": ("StepLR", {"step_size": 2}),
    "MultiStepLR": ("MultiStepLR", {"milestones": [2, 4, 4]}),
    "LambdaLR": ("LambdaLR", {"lr_lambda": lambda epoch: 0.5**epoch}),
    "CosineAnnealingLR": ("CosineAnnealingLR", {"T_max": 10}),
    "LinearLR": ("LinearLR", {"total_iters": 7}),
    "OneCycleLR": ("OneCycleLR", {"max_lr": 0.5, "total_steps": 12}),
    "ReduceLROnPlateau": ("ReduceLROnPlateau", {"patience": 0}),
}


@pytest.fixture(autouse=True)
def on_the_cpu() -> None:
    """Also on a run for a GPU: test_location.py is about devices."""
    mc.set_default_device(None)


class Pair:
    """The same small network in both, with an optimizer and a schedule."""

    def __init__(self, optimizer: str, schedule: str = "StepLR") -> None:
        name, options = OPTIMIZERS[optimizer]
        rule, settings = SCHEDULES[schedule]
        self.theirs: Any = torch.nn.Sequential(torch.nn.Conv2d(2, 4, 3), torch.nn.BatchNorm2d(4))
        self.ours: Any = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4))
        self.their_optimizer = getattr(torch.optim, name)(self.theirs.parameters(), **options)
        self.our_optimizer = getattr(optim, name)(self.ours.parameters(), **options)
        self.their_schedule = getattr(torch.optim.lr_scheduler, rule)(
            self.their_optimizer, **settings
        )
        self.our_schedule = getattr(optim.lr_scheduler, rule)(self.our_optimizer, **settings)

    def train(self, where: str, steps: range) -> None:
        """Steps with gradients from the step's number, on one side."""
        ours = where == "ours"
        net = self.ours if ours else self.theirs
        optimizer = self.our_optimizer if ours else self.their_optimizer
        schedule: Any = self.our_schedule if ours else self.their_schedule
        for step in steps:
            for number, param in enumerate(net.parameters()):
                grad = np.random.default_rng((step, number)).normal(size=param.shape).astype("f4")
                param.grad = mc.tensor(grad) if ours else torch.from_numpy(grad)
            optimizer.step()
            plateau = type(schedule).__name__ == "ReduceLROnPlateau"
            schedule.step(1.0) if plateau else schedule.step()

    def state(self, where: str) -> dict[str, Any]:
        if where == "ours":
            parts = self.ours, self.our_optimizer, self.our_schedule
        else:
            parts = self.theirs, self.their_optimizer, self.their_schedule
        return dict(zip(("model", "optimizer", "schedule"), (p.state_dict() for p in parts)))

    def load(self, where: str, state: dict[str, Any]) -> None:
        if where == "ours":
            parts = self.ours, self.our_optimizer, self.our_schedule
        else:
            parts = self.theirs, self.their_optimizer, self.their_schedule
        for part, name in zip(parts, ("model", "optimizer", "schedule")):
            part.load_state_dict(state[name])

    def assert_equal(self) -> None:
        for ours, theirs in zip(self.ours.parameters(), self.theirs.parameters()):
            np.testing.assert_allclose(
                ours.detach().numpy(), theirs.detach().numpy(), rtol=2e-6, atol=2e-6
            )
        rates = [
            [group["lr"] for group in optimizer.param_groups]
            for optimizer in (self.our_optimizer, self.their_optimizer)
        ]
        assert rates[0] == pytest.approx(rates[1], rel=1e-12)


def from_ours(state: dict[str, Any], path: Path) -> Any:
    mc.save(state, path)
    return torch.load(path, weights_only=True)


def from_theirs(state: dict[str, Any], path: Path) -> Any:
    torch.save(state, path)
    return mc.load(path)


def from_theirs_as_a_stream(state: dict[str, Any], path: Path) -> Any:
    torch.save(state, path, _use_new_zipfile_serialization=False)
    return mc.load(path)


@pytest.mark.parametrize(
    "saved, loaded, transfer",
    [
        ("ours", "theirs", from_ours),
        ("theirs", "ours", from_theirs),
        ("theirs", "ours", from_theirs_as_a_stream),
    ],
)
@pytest.mark.parametrize(
    "optimizer, schedule",
    [*((name, "StepLR") for name in OPTIMIZERS), *(("AdamW", name) for name in SCHEDULES)],
)
def test_training_goes_on_equally(
    saved: str,
    loaded: str,
    transfer: Callable[..., Any],
    optimizer: str,
    schedule: str,
    tmp_path: Path,
) -> None:
    pair = Pair(optimizer, schedule)
    pair.train(saved, range(3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pair.load(loaded, transfer(pair.state(saved), tmp_path / "x.pth"))
    pair.assert_equal()
    pair.train("ours", range(3, 7))
    pair.train("theirs", range(3, 7))
    pair.assert_equal()


def test_there_and_back_is_bit_for_bit(tmp_path: Path) -> None:
    """Ours to torch's format, read by torch, written by torch, read by ours."""
    pair = Pair("AdamW", "MultiStepLR")
    pair.train("ours", range(3))
    before = pair.state("ours")
    torch.save(from_ours(before, tmp_path / "x.pth"), tmp_path / "y.pth")
    after = mc.load(tmp_path / "y.pth")
    assert after["schedule"] == before["schedule"]
    assert after["optimizer"]["param_groups"] == before["optimizer"]["param_groups"]
    for index, state in before["optimizer"]["state"].items():
        for key, value in state.items():
            loaded = after["optimizer"]["state"][index][key]
            if isinstance(value, mc.Tensor):
                np.testing.assert_array_equal(loaded.array, value.array)
            else:
                assert loaded == value and type(loaded) is type(value)


def test_a_scaler(tmp_path: Path) -> None:
    ours, theirs = (
        mc.amp.GradScaler("cpu", init_scale=8.0),
        torch.amp.GradScaler("cpu", init_scale=16.0),
    )
    theirs.load_state_dict(from_ours(ours.state_dict(), tmp_path / "x.pth"))
    assert theirs.state_dict() == ours.state_dict()
    theirs.load_state_dict({**theirs.state_dict(), "scale": 32.0, "_growth_tracker": 5})
    ours.load_state_dict(from_theirs(theirs.state_dict(), tmp_path / "x.pth"))
    assert ours.state_dict() == theirs.state_dict()


def test_a_random_generator(tmp_path: Path) -> None:
    generator = mc.Generator().manual_seed(3)
    generator.random(5)
    mc.save(generator.get_state(), tmp_path / "x.pth")
    other = mc.Generator().manual_seed(4)
    other.set_state(mc.load(tmp_path / "x.pth"))
    np.testing.assert_array_equal(other.random(4), generator.random(4))


def test_old_states_of_sgd_without_momentum(tmp_path: Path) -> None:
    """torch once kept ``momentum_buffer: None``."""
    pair = Pair("SGD")
    state = pair.state("theirs")
    state["optimizer"]["state"] = {0: {"momentum_buffer": None}}
    pair.our_optimizer.load_state_dict(from_theirs(state, tmp_path / "x.pth")["optimizer"])
    pair.our_optimizer.param_groups[0]["momentum"] = 0.9
    pair.train("ours", range(2))
