"""The training step that the GPU suite measures: its work, its contenders, their losses."""

import importlib
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import minicnn as mc
from minicnn import nn

pytestmark = pytest.mark.cpu_only


def test_the_flops_of_a_training_step():
    flops = importlib.import_module("gpu_train_step").training_flops
    convolutions, first, linear = 1.0766e9, 105.4e6, 9216 * 4096 + 4096 * 4096 + 4096 * 2
    alexnet = 2 * (3 * (convolutions + linear) - first)
    assert flops("alexnet", 1) == pytest.approx(alexnet, rel=1e-3)
    assert flops("alexnet", 128) == 128 * flops("alexnet", 1)


@pytest.mark.parametrize(("precision", "tolerance"), [("tf32", 1e-4), ("bf16", 2e-2)])
def test_both_frameworks_make_the_same_steps(precision, tolerance, monkeypatch):
    gpu_train_step = importlib.import_module("gpu_train_step")
    monkeypatch.setitem(gpu_train_step.SGD_OPTIONS, "lr", 1e-3)
    ours = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(144, 2)
    )
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})
    sgd = torch.optim.SGD(theirs.parameters(), **gpu_train_step.SGD_OPTIONS)
    our_step = gpu_train_step.minicnn_step(ours, precision)
    their_step = gpu_train_step.torch_step(theirs, sgd, "tf32", tuned=False, compiled=False)
    rng = np.random.default_rng(0)
    images = 10 * rng.standard_normal((2, 3, 8, 8), dtype=np.float32)
    labels = np.array([0, 1])
    losses = [
        (
            our_step(mc.tensor(images), mc.tensor(labels)).item(),
            their_step(torch.tensor(images), torch.tensor(labels)).item(),
        )
        for _ in range(4)
    ]
    assert losses[0][0] > 1.01 * losses[3][0]
    for our_loss, their_loss in losses:
        assert our_loss == pytest.approx(their_loss, rel=tolerance)


def test_every_contender_is_written_down_at_once(monkeypatch):
    """One that fails, or has other losses, does not stop the others."""
    gpu_train_step = importlib.import_module("gpu_train_step")
    losses = {"minicnn graph": [0.7], "torch tuned": [0.71], "minicnn": [0.8]}
    for name in ("random_batches", "initial_weights", "free_unused_memory"):
        monkeypatch.setattr(gpu_train_step, name, lambda *_: [])
    monkeypatch.setattr(gpu_train_step, "first_losses", lambda name, *_: losses[name])
    memory = {"peak_memory_mib": 3.0, "held_memory_mib": 4.0}
    monkeypatch.setattr(gpu_train_step, "start", lambda *_: (None, memory))
    monkeypatch.setattr(
        gpu_train_step, "step_seconds", lambda runs, turns: dict.fromkeys(runs, turns / 10)
    )
    args = SimpleNamespace(
        model="alexnet",
        batch=4,
        precision="tf32",
        turns=9,
        contenders=[*losses, "torch tuned graph"],
    )
    kept = []
    rows = gpu_train_step.measure(args, lambda rows: kept.append(json.loads(json.dumps(rows))))
    assert [len(rows) for rows in kept] == [1, 2, 3, 4, 4]
    assert kept[0][0]["alone"] and kept[0][0]["seconds"] == 0.3
    assert [row.get("seconds") for row in rows] == [0.9, 0.9, 0.9, None]
    assert [row.get("agrees") for row in rows] == [True, True, False, None]
    assert rows[3]["error"] == "KeyError: 'torch tuned graph'"
