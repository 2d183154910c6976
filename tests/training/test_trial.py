"""What is tried before a run begins."""

from __future__ import annotations

import argparse

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn, training


@pytest.fixture
def net() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 4, stride=4), nn.BatchNorm2d(4), nn.Flatten(), nn.LazyLinear(2)
    )


def options(size: int, batch_size: int) -> argparse.Namespace:
    device = mc.get_default_device()
    return argparse.Namespace(size=size, batch_size=batch_size, device=device)


def test_batches_of_one_need_larger_images_where_there_is_batch_norm(net):
    message = "^--batch-size must be at least 2 at 4 px, got 1: .*more than 1 value per channel"
    with pytest.raises(ValueError, match=message):
        training.try_network(net, options(4, 1))
    training.try_network(net, options(4, 2))


def test_the_network_stays_as_it_is(net):
    net.append(nn.Dropout()).eval()
    before = mc.get_rng_state()
    training.try_network(net, options(8, 1))
    assert mc.equal(mc.get_rng_state(), before)
    assert np.array_equal(net[1].running_mean.numpy_copy(), np.zeros(4))
    with pytest.raises(RuntimeError, match="the output would be 0 x 0"):
        training.try_network(net, options(3, 2))
