"""A small network trained under autocast: the losses follow PyTorch's, and those of float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from oracle import normal

import minicnn

STEPS = 20


def network(library: Any) -> Any:
    nn = library.nn
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(64, 32),
        nn.ReLU(),
        nn.Linear(32, 4),
    )


def losses(library: Any, state: dict[str, np.ndarray], autocast: Any) -> np.ndarray:
    model = network(library)
    model.load_state_dict({key: library.tensor(value) for key, value in state.items()})
    optimizer = library.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    criterion = library.nn.CrossEntropyLoss()
    images = library.tensor(normal(16, 3, 10, 10).astype(np.float32))
    target = library.tensor(np.arange(16) % 4)
    history = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        with autocast:
            loss = criterion(model(images), target)
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    assert all(p.dtype == p.grad.dtype == library.float32 for p in model.parameters())
    return np.array(history)


def test_training_follows_torch_and_float32() -> None:
    torch.manual_seed(3)  # with 0, torch's own losses are 0.04 from those of float32
    state = {key: value.cpu().numpy().copy() for key, value in network(torch).state_dict().items()}
    ours = losses(minicnn, state, minicnn.autocast())
    theirs = losses(torch, state, torch.autocast("cpu", dtype=torch.bfloat16))
    exact = losses(minicnn, state, minicnn.autocast(enabled=False))
    assert exact[-1] < 0.85 * exact[0]
    # what is rounded as in torch stays with torch; rounding changes which pixel is the largest of
    # a window, so that both leave float32
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=0.005)
    np.testing.assert_allclose(ours, exact, rtol=0, atol=0.02)
    assert (ours != exact).any()
