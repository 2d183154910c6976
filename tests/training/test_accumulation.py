"""Gradients that are added up over batches, against those of one large batch."""

import contextlib

import numpy as np
import pytest

import minicnn as mc
import minicnn.nn.functional as F
from minicnn import data, nn, training


def gradients(net: nn.Module) -> list[np.ndarray]:
    return [parameter.grad.numpy_copy() for parameter in net.parameters()]


def test_the_gradient_is_that_of_the_mean_over_all_samples():
    """Of 11 samples in batches of 4: a step of 4 + 4 and one of 3."""
    net = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 3))
    inputs, labels = mc.randn(11, 5), mc.arange(11) % 3
    loader = data.DataLoader(data.TensorDataset(inputs, labels), batch_size=4)
    found = []
    for part in training.accumulated(loader, batches=2):
        x, y = part.batch
        (part.share * F.cross_entropy(net(x), y)).backward()
        if part.is_last:
            found.append(gradients(net))
            net.zero_grad()
    for step, samples in enumerate((slice(0, 8), slice(8, 11))):
        net.zero_grad()
        F.cross_entropy(net(inputs[samples]), labels[samples]).backward()
        for mine, whole in zip(found[step], gradients(net), strict=True):
            np.testing.assert_allclose(mine, whole, rtol=1e-4, atol=1e-6)


def test_an_uneven_batch_counts_by_its_samples():
    batches = [(mc.ones(6, 1), 0), (mc.ones(2, 1), 0), (mc.ones(5, 1), 0)]
    parts = list(training.accumulated(batches, 2))
    assert [(part.share, part.is_last) for part in parts] == [
        (0.75, False),
        (0.25, True),
        (1, True),
    ]
    assert parts[2].batch is batches[2]
    parts = list(training.accumulated(["ab", "abcdef"], 2, count=len))
    assert [part.share for part in parts] == [0.25, 0.75]


def test_processes_exchange_gradients_in_the_last_part_alone():
    entered = []

    class Distributed(nn.Linear):
        @contextlib.contextmanager
        def no_sync(self):
            entered.append("no_sync")
            yield

    net = Distributed(1, 1)
    for part in training.accumulated([([1], 0)] * 5, 3):
        with part.sync(net):
            entered.append(part.is_last)
    assert entered == ["no_sync", False, "no_sync", False, True, "no_sync", False, True]
    with training.Part(None, 1.0, False).sync(nn.Linear(1, 1)):
        pass


def test_at_least_one_batch():
    with pytest.raises(ValueError, match="batches must be at least 1, got 0"):
        training.accumulated([], 0)
