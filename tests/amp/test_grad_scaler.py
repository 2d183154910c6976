"""GradScaler: the same steps, skipped steps and scales as PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from oracle import normal

import minicnn
from minicnn.amp import GradScaler

OPTIMIZERS = {
    "SGD": ("SGD", {"lr": 0.1}),
    "SGD momentum": ("SGD", {"lr": 0.1, "momentum": 0.9}),
    "RMSprop": ("RMSprop", {"lr": 0.01, "momentum": 0.5}),
    "AdamW": ("AdamW", {"lr": 0.01}),
}


def trajectory(
    library: Any, scaler: Any, optimizer: tuple[str, dict[str, float]], overflows: dict[int, float],
    clip: bool = False,
) -> list[np.ndarray]:  # fmt: skip
    """Weights and scale after each of 12 steps, whose gradients overflow in some."""
    weight = library.tensor(normal(4, 3).astype(np.float32), requires_grad=True)
    bias = library.tensor(np.zeros(4, np.float32), requires_grad=True)
    name, options = optimizer
    steps = getattr(library.optim, name)([weight, bias], **options)
    x = library.tensor(normal(8, 3, seed=1).astype(np.float32))
    history = []
    for number in range(12):
        steps.zero_grad()
        loss = ((library.nn.functional.linear(x, weight, bias) - 1.0) ** 2).mean()
        scaler.scale(loss).backward()
        if number in overflows:
            weight.grad[1, 2] = overflows[number]
        if clip:
            scaler.unscale_(steps)
            library.nn.utils.clip_grad_norm_([weight, bias], 0.5)
        scaler.step(steps)
        scaler.update()
        scale = np.array([scaler.get_scale()])
        history.append(
            np.concatenate([np.array(weight.tolist()).reshape(-1), bias.tolist(), scale])
        )
    return history


INFINITE = {2: np.inf, 3: np.nan, 7: -np.inf}


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("overflows", [{}, INFINITE, {0: np.inf}], ids=["none", "some", "first"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_trajectories_are_those_of_torch(name: str, overflows: Any, clip: bool) -> None:
    if name == "AdamW" and overflows:
        pytest.skip("Adam's step number counts skipped steps here")
    options = {"init_scale": 1024.0, "growth_interval": 3}
    ours = trajectory(minicnn, GradScaler("cpu", **options), OPTIMIZERS[name], overflows, clip)
    scaler = torch.amp.GradScaler("cpu", **options)
    theirs = trajectory(torch, scaler, OPTIMIZERS[name], overflows, clip)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_skipped_steps_of_adam_change_nothing() -> None:
    options = {"init_scale": 1024.0}
    history = trajectory(minicnn, GradScaler("cpu", **options), OPTIMIZERS["AdamW"], INFINITE)
    for number in range(1, 12):
        changed = (history[number][:-1] != history[number - 1][:-1]).any()
        assert changed == (number not in INFINITE)


def test_float16_training_that_fails_without_scaling() -> None:
    def gradient(scaler: GradScaler) -> np.ndarray:
        layer = minicnn.nn.Linear(4, 4)
        steps = minicnn.optim.SGD(layer.parameters(), lr=1.0)
        with minicnn.autocast(dtype=minicnn.float16):
            loss = layer(minicnn.ones(2, 4)).float().sum() * 1e-9
        scaler.scale(loss).backward()
        scaler.unscale_(steps)
        return layer.bias.grad.numpy_copy()

    np.testing.assert_allclose(gradient(GradScaler("cpu")), 2e-9, 1e-2)
    assert (gradient(GradScaler("cpu", enabled=False)) == 0).all()


def test_two_optimizers_and_several_losses() -> None:
    weights = [minicnn.ones(3, requires_grad=True) for _ in range(2)]
    optimizers = [minicnn.optim.SGD([w], lr=0.5) for w in weights]
    scaler = GradScaler("cpu", init_scale=8.0)
    losses = scaler.scale([w.sum() for w in weights])
    assert isinstance(losses, list) and [loss.item() for loss in losses] == [24.0, 24.0]
    for loss in losses:
        loss.backward()
    weights[1].grad[0] = np.inf
    for optimizer in optimizers:
        scaler.step(optimizer)
    scaler.update()
    assert weights[0].tolist() == [0.5] * 3 and weights[1].tolist() == [1.0] * 3
    assert scaler.get_scale() == 4.0  # one that overflows lowers it for both


def test_state_as_torch() -> None:
    ours, theirs = GradScaler("cpu", init_scale=4.0), torch.amp.GradScaler("cpu", init_scale=4.0)
    assert ours.state_dict() == theirs.state_dict()
    for library, scaler in (minicnn, ours), (torch, theirs):
        trajectory(library, scaler, OPTIMIZERS["SGD"], {1: np.inf})
    assert ours.state_dict() == theirs.state_dict()
    again = GradScaler("cpu")
    again.load_state_dict(ours.state_dict())
    assert again.state_dict() == ours.state_dict() and again.get_scale() == 2.0
    again.scale(minicnn.ones(1))
    again.load_state_dict({**ours.state_dict(), "scale": 16.0})
    assert again.get_scale() == 16.0 and again.scale(minicnn.ones(1)).item() == 16.0


def test_a_new_scale() -> None:
    scaler = GradScaler("cpu")
    weight = minicnn.ones(2, requires_grad=True)
    scaler.scale(weight.sum())
    scaler.update(64.0)
    assert scaler.get_scale() == 64.0
    scaler.update(minicnn.tensor(32.0))
    scaler.scale(weight.sum()).backward()
    steps = minicnn.optim.SGD([weight], lr=1.0)
    scaler.unscale_(steps)
    assert weight.grad.tolist() == [1.0, 1.0]


def test_without_effect_when_disabled() -> None:
    scaler = GradScaler("cpu", enabled=False)
    weight = minicnn.ones(2, requires_grad=True)
    steps = minicnn.optim.SGD([weight], lr=1.0)
    loss = weight.sum()
    assert scaler.scale(loss) is loss
    loss.backward()
    scaler.unscale_(steps)
    assert scaler.step(steps, lambda: 7.0) == 7.0 and weight.tolist() == [0.0, 0.0]
    scaler.update()
    assert scaler.get_scale() == 1.0 and scaler.state_dict() == {} and not scaler.is_enabled()


def test_errors() -> None:
    weight = minicnn.ones(2, requires_grad=True)
    steps = minicnn.optim.SGD([weight], lr=1.0)
    scaler = GradScaler("cpu")
    with pytest.raises(RuntimeError, match="expects a loss that it scaled"):
        scaler.step(steps)
    with pytest.raises(RuntimeError, match="a loss was scaled before"):
        scaler.update()
    loss = scaler.scale(weight.sum())
    with pytest.raises(RuntimeError, match="an optimizer with gradients"):
        scaler.step(steps)
    with pytest.raises(RuntimeError, match="No inf checks"):
        scaler.update()
    loss.backward()
    other = minicnn.optim.SGD([weight], lr=1.0)
    scaler.step(other)
    with pytest.raises(RuntimeError, match="after step"):
        scaler.unscale_(other)
    scaler.unscale_(steps)
    with pytest.raises(RuntimeError, match="already been called on this optimizer"):
        scaler.unscale_(steps)
    with pytest.raises(RuntimeError, match="closure is not supported"):
        scaler.step(steps, lambda: 0.0)
    scaler.step(steps)
    with pytest.raises(RuntimeError, match="since the last update"):
        scaler.step(steps)
    with pytest.raises(RuntimeError, match="source state dict is empty"):
        scaler.load_state_dict({})
    with pytest.raises(ValueError, match="got 0.5 and 0.5"):
        GradScaler("cpu", growth_factor=0.5)
    with pytest.raises(RuntimeError, match="device must be"):
        GradScaler(1024.0)
    with pytest.raises(ValueError, match="tensor or tensors, got int"):
        scaler.scale(3)
    half = minicnn.ones(2, dtype=minicnn.float16, requires_grad=True)
    scaler.scale(half.sum()).backward()
    with pytest.raises(ValueError, match="FP16 gradients"):
        scaler.unscale_(minicnn.optim.SGD([half], lr=1.0))
