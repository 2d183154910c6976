"""SqueezeNet against torchvision's: weights, outputs and gradients."""

from __future__ import annotations

import importlib

import pytest
import torch
from twins import assert_same_copies, assert_same_network, twins
from with_torchvision import torchvision

import minicnn as mc
from minicnn import models
from minicnn.models.squeezenet import Fire, SqueezeNet

pytestmark = pytest.mark.not_emulated

THEIRS = importlib.import_module(f"{torchvision.__name__}.models.squeezenet")


def test_a_fire_module() -> None:
    pair = twins(lambda: Fire(3, 2, 4, 5), lambda: THEIRS.Fire(3, 2, 4, 5))
    assert_same_network(*pair, (7, 8))


@pytest.mark.parametrize("version", ["1_0", "1_1"])
def test_as_torchvision(version: str) -> None:
    arguments = (version, 5, 0.3)
    pair = twins(lambda: SqueezeNet(*arguments), lambda: THEIRS.SqueezeNet(*arguments))
    assert_same_network(*pair, (33, 40))


def test_copies() -> None:
    assert_same_copies(SqueezeNet("1_1", 5), (33, 40))


def test_by_name() -> None:
    for version in ("1_0", "1_1"):
        net = models.get_model(f"squeezenet{version}", num_classes=3, dropout=0.1)
        assert list(net.state_dict()) == list(SqueezeNet(version).state_dict())
        assert net.num_classes == 3 and net.classifier[0].p == 0.1


def test_a_new_head_is_a_convolution() -> None:
    net = models.replace_head(SqueezeNet("1_1"), 4).eval()
    assert net(mc.zeros(2, 3, 32, 32)).shape == (2, 4)
    assert net.classifier[1].weight.shape == (4, 512, 1, 1)


@pytest.mark.parametrize(("version", "smallest"), [("1_0", 21), ("1_1", 17)])
def test_small_pictures(version: str, smallest: int) -> None:
    net = SqueezeNet(version, 2).eval()
    assert net(mc.zeros(1, 3, smallest, smallest)).shape == (1, 2)
    with pytest.raises(ValueError, match=rf"SqueezeNet expects .* at least {smallest}"):
        net(mc.zeros(1, 3, smallest - 1, smallest))
    with pytest.raises(RuntimeError):
        THEIRS.SqueezeNet(version, 2)(torch.zeros(1, 3, smallest - 1, smallest))


def test_another_version() -> None:
    for make in (SqueezeNet, THEIRS.SqueezeNet):
        with pytest.raises(ValueError, match="2_0"):
            make("2_0")
