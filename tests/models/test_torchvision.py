"""Classes and arguments of torchvision's networks that programs use to make networks of their own."""

from __future__ import annotations

import functools
import importlib
from typing import Any

import numpy as np
import pytest
import torch
from with_torchvision import torchvision

import minicnn as mc
from minicnn import models, nn
from minicnn.models.googlenet import BasicConv2d, Inception, InceptionAux
from minicnn.models.resnet import BasicBlock, Bottleneck, ResNet, conv1x1, conv3x3
from minicnn.models.vgg import VGG, cfgs, make_layers

pytestmark = pytest.mark.not_emulated

THEIRS = torchvision.models
IMAGES = np.random.default_rng(0).normal(size=(2, 3, 48, 40))


def assert_same(ours: nn.Module, theirs: torch.nn.Module, images: np.ndarray = IMAGES) -> None:
    """The same names, and with the same weights the same outputs, in float64 and in evaluation."""
    theirs = theirs.double().eval()
    state = {name: mc.tensor(value.numpy()) for name, value in theirs.state_dict().items()}
    assert list(ours.state_dict()) == list(state)
    ours = ours.to(dtype=mc.float64).eval()
    ours.load_state_dict(state)
    with mc.no_grad(), torch.no_grad():
        out = ours(mc.tensor(images))
        expected = theirs(torch.from_numpy(images))
    np.testing.assert_allclose(out.cpu().numpy(), expected.numpy(), rtol=1e-9, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnext50_32x4d", "wide_resnet50_2"])
def test_wide_and_grouped_networks(name: str) -> None:
    options = {"num_classes": 3}
    small = IMAGES[:1, :, :32, :32]
    assert_same(models.get_model(name, **options), THEIRS.get_model(name, **options), small)
    with pytest.raises(ValueError, match=f"{name} has width_per_group=.*, got 9"):
        models.get_model(name, width_per_group=9)


def test_blocks_by_position() -> None:
    theirs = THEIRS.resnet
    for ours, expected in ((BasicBlock, theirs.BasicBlock), (Bottleneck, theirs.Bottleneck)):
        assert ours.expansion == expected.expansion
        args = 3, 4, 2
        out = 4 * ours.expansion
        assert_same(
            ours(*args, nn.Sequential(conv1x1(3, out, 2), nn.BatchNorm2d(out))),
            expected(
                *args, torch.nn.Sequential(theirs.conv1x1(3, out, 2), torch.nn.BatchNorm2d(out))
            ),
        )
    assert_same(conv3x3(3, 6, 2, 3, 2), theirs.conv3x3(3, 6, 2, 3, 2))
    with pytest.raises(ValueError, match="groups=1 and base_width=64, got 2 and 64"):
        BasicBlock(4, 4, groups=2)


def test_another_norm() -> None:
    def make(resnet: Any, block: Any, norm: Any) -> Any:
        layer = functools.partial(norm, 4)
        return resnet(block, [1, 1, 1, 1], 5, norm_layer=layer)

    assert_same(
        make(ResNet, BasicBlock, nn.GroupNorm),
        make(THEIRS.ResNet, THEIRS.resnet.BasicBlock, torch.nn.GroupNorm),
    )


def test_a_resnet_of_ones_own() -> None:
    class Small(ResNet):
        def __init__(self) -> None:
            super().__init__(BasicBlock, [1, 1, 1, 1], num_classes=4)
            self.inplanes = 8
            self.conv1 = nn.Conv2d(1, 8, 3, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(8)
            self.layer1 = self._make_layer(BasicBlock, 64, 1)

        def forward(self, x: mc.Tensor) -> mc.Tensor:
            return self._forward_impl(x)

    assert Small()(mc.zeros(2, 1, 16, 16)).shape == (2, 4)


def test_networks_for_other_images() -> None:
    """Programs replace first layers: for grey images, or for smaller ones."""
    net: Any = models.resnet18(num_classes=2)
    net.conv1 = nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False)
    assert net(mc.zeros(2, 1, 28, 28)).shape == (2, 2)
    with nn.init.no_init():
        net = models.alexnet(num_classes=2).eval()
    net.features[0] = nn.Conv2d(1, 64, kernel_size=3, padding=1)
    assert net(mc.zeros(1, 1, 32, 32)).shape == (1, 2)
    with pytest.raises(ValueError, match=r"AlexNet expects .* got \(1, 3, 32, 32\): .*1 channels"):
        net(mc.zeros(1, 3, 32, 32))


def test_layers_of_vgg() -> None:
    assert cfgs == THEIRS.vgg.cfgs
    for batch_norm in (False, True):
        small = [4, "M", 6, 6, "M"]
        assert_same(make_layers(small, batch_norm), THEIRS.vgg.make_layers(small, batch_norm))
    with nn.init.no_init():
        net = VGG(make_layers([8, "M", 512, "M"]), 3, init_weights=False)
    assert net.eval()(mc.zeros(1, 3, 32, 32)).shape == (1, 3)


def test_blocks_of_googlenet() -> None:
    widths = (3, 4, 2, 6, 2, 5, 3)
    theirs = importlib.import_module(f"{THEIRS.__name__}.googlenet")
    assert_same(Inception(*widths), theirs.Inception(*widths))
    options = {"num_classes": 3, "aux_logits": False, "init_weights": False}

    class Thin(BasicConv2d):
        pass

    net = models.googlenet(blocks=[Thin, Inception, InceptionAux], **options)
    assert isinstance(net.conv1, Thin) and isinstance(net.inception3a.branch1, BasicConv2d)
    assert_same(net, THEIRS.googlenet(**options))
