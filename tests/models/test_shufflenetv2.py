"""ShuffleNet v2 against torchvision's: weights, outputs, gradients and wrong arguments."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
import torch
from twins import assert_same_copies, assert_same_network, twins
from with_torchvision import torchvision

import minicnn as mc
from minicnn import models, nn
from minicnn.models.shufflenetv2 import InvertedResidual, ShuffleNetV2, channel_shuffle

pytestmark = pytest.mark.not_emulated

THEIRS = importlib.import_module(f"{torchvision.__name__}.models.shufflenetv2")
SMALL: tuple[Any, ...] = ([2, 1, 3], [4, 6, 8, 12, 10], 5)


def test_as_torchvision() -> None:
    pair = twins(lambda: ShuffleNetV2(*SMALL), lambda: THEIRS.ShuffleNetV2(*SMALL))
    assert_same_network(*pair, (33, 40))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["shufflenet_v2_x0_5", "shufflenet_v2_x1_0"])
def test_published_ones_as_torchvision(name: str) -> None:
    pair = twins(getattr(models, name), getattr(torchvision.models, name))
    assert_same_network(*pair, (32, 35))


def test_copies() -> None:
    assert_same_copies(ShuffleNetV2(*SMALL), (33, 40))


def test_blocks_of_ones_own() -> None:
    class Plain(nn.Conv2d):
        def __init__(self, inp: int, oup: int, stride: int) -> None:
            super().__init__(inp, oup, 3, stride, 1)

    net = ShuffleNetV2(*SMALL, inverted_residual=Plain)
    assert isinstance(net.stage3[0], Plain)
    assert net(mc.zeros(2, 3, 32, 32)).shape == (2, 5)


def test_channel_shuffle() -> None:
    x = np.random.default_rng(0).normal(size=(2, 6, 3, 4))
    for groups in (1, 2, 3):
        np.testing.assert_array_equal(
            channel_shuffle(mc.tensor(x), groups).cpu().numpy(),
            THEIRS.channel_shuffle(torch.tensor(x), groups).numpy(),
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((4, 4, 0), "stride of 1 to 3, got 0"), ((4, 4, 4), "got 4"), ((4, 6, 1), "got 4 and 6"),
     ((5, 5, 1), "got 5 and 5")],
)  # fmt: skip
def test_wrong_blocks(arguments: tuple[int, int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        InvertedResidual(*arguments)
    with pytest.raises(ValueError):
        THEIRS.InvertedResidual(*arguments)


def test_wrong_numbers_of_stages() -> None:
    for make in (ShuffleNetV2, THEIRS.ShuffleNetV2):
        with pytest.raises(ValueError, match="stages_repeats"):
            make([1, 1], [4, 6, 8, 12, 10])
        with pytest.raises(ValueError, match="stages_out_channels"):
            make([1, 1, 1], [4, 6, 8, 12])


def test_a_wrong_picture() -> None:
    with pytest.raises(ValueError, match=r"ShuffleNetV2 expects .* got \(1, 1, 40, 40\)"):
        ShuffleNetV2(*SMALL)(mc.zeros(1, 1, 40, 40))
