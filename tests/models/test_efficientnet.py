"""EfficientNet against torchvision's: weights, outputs, gradients and the numbers it draws."""

from __future__ import annotations

import functools
import importlib
import pickle
from typing import Any

import pytest
import torch
from networks import build
from twins import assert_same_copies, assert_same_network, twins
from with_torchvision import torchvision

import minicnn as mc
from minicnn import models, nn
from minicnn.models import efficientnet as ours

pytestmark = pytest.mark.not_emulated

theirs = importlib.import_module(f"{torchvision.__name__}.models.efficientnet")


def small(module: Any, layers: Any, **options: Any) -> Any:
    """Fused blocks and others, with and without a first convolution that widens."""
    mb, fused = module.MBConvConfig, module.FusedMBConvConfig
    stages = [
        fused(1, 3, 1, 8, 8, 2),
        fused(4, 3, 2, 8, 16, 1),
        mb(1, 3, 1, 16, 16, 2),
        mb(4, 5, 2, 16, 24, 1, width_mult=1.0, depth_mult=1.5),
    ]
    norm = functools.partial(layers.BatchNorm2d, eps=1e-3, momentum=0.01)
    given = {"last_channel": 20, "norm_layer": norm, "num_classes": 5, **options}
    return module.EfficientNet(stages, 0.3, stochastic_depth_prob=0.6, **given)


def test_as_torchvision() -> None:
    pair = twins(lambda: small(ours, nn), lambda: small(theirs, torch.nn))
    assert repr(pair[0]) == repr(pair[1])
    assert_same_network(*pair, (40, 36))


def test_the_shapes_of_all_sizes() -> None:
    """Their blocks alone tell them apart: the channels follow from the scaled stages."""
    fused = ours.FusedMBConvConfig(4, 3, 2, 24, 48, 4)
    assert repr(fused).partition("block")[0] == (
        "FusedMBConvConfig(expand_ratio=4, kernel=3, stride=2, input_channels=24, out_channels=48, "
        "num_layers=4, "
    )
    for width, depth in ((1.0, 1.0), (1.1, 1.2), (1.4, 1.8), (2.0, 3.1)):
        arguments = (6, 5, 2, 40, 112, 3, width, depth)
        found, expected = ours.MBConvConfig(*arguments), theirs.MBConvConfig(*arguments)
        assert {**vars(found), "block": None} == {**vars(expected), "block": None}


def test_other_layers() -> None:
    """Blocks, normalisations and excitations of one's own, and torchvision's arguments for them."""

    def make(module: Any, layers: Any, squeeze: Any) -> Any:
        class Block(module.MBConv):
            def __init__(self, cnf: Any, p: float, norm_layer: Any) -> None:
                super().__init__(cnf, p, norm_layer, se_layer=squeeze)

        norm = functools.partial(layers.GroupNorm, 2)
        stages = [module.MBConvConfig(2, 3, 1, 8, 8, 2, block=Block)]
        return module.EfficientNet(stages, 0.0, num_classes=3, norm_layer=norm)

    pair = twins(
        lambda: make(
            ours,
            nn,
            functools.partial(mc.vision.SqueezeExcitation, scale_activation=nn.Tanh),
        ),
        lambda: make(
            theirs,
            torch.nn,
            functools.partial(torchvision.ops.SqueezeExcitation, scale_activation=torch.nn.Tanh),
        ),
    )
    assert_same_network(*pair, (9, 12))


@pytest.mark.parametrize(
    ("error", "make"),
    [
        (ValueError, lambda module: module.EfficientNet([], 0.2)),
        (TypeError, lambda module: module.EfficientNet([(1, 3, 1, 8, 8, 1)], 0.2)),
        (TypeError, lambda module: module.EfficientNet({module.MBConvConfig(1, 3, 1, 8, 8, 1): 1}, 0.2)),
        (ValueError, lambda module: module.EfficientNet([module.MBConvConfig(1, 3, 3, 8, 8, 1)], 0.2)),
        (ValueError, lambda module: module.EfficientNet([module.FusedMBConvConfig(1, 3, 0, 8, 8, 1)], 0.2)),
        (TypeError, lambda module: module.efficientnet_b0(last_channel=8)),
        (TypeError, lambda module: module.efficientnet_b5(norm_layer=None)),
        (TypeError, lambda module: module.efficientnet_b0(width_mult=2.0)),
    ],
)  # fmt: skip
def test_wrong_arguments(error: type[Exception], make: Any) -> None:
    for module in (ours, theirs):
        with pytest.raises(error):
            make(module)


def test_builders() -> None:
    net = build("efficientnet_b0", num_classes=3, dropout=0.1, stochastic_depth_prob=0.4)
    assert net.classifier[0].p == 0.1 and net.features[7][0].stochastic_depth.p == 0.4 * 15 / 16
    assert build("EfficientNet_V2_S", num_classes=2).features[0][1].eps == 1e-3
    assert ours.efficientnet_b5.__name__ == "efficientnet_b5" and "b5" in str(
        ours.efficientnet_b5.__doc__
    )
    assert pickle.loads(pickle.dumps(ours.efficientnet_b1)) is ours.efficientnet_b1


def test_copies() -> None:
    net = small(ours, nn, norm_layer=functools.partial(nn.BatchNorm2d, momentum=None))
    with mc.no_grad():
        net(mc.randn(8, 3, 32, 32))  # without momentum, its statistics are those of this batch
    assert_same_copies(net, (32, 32))


def test_a_new_head() -> None:
    assert models.replace_head(small(ours, nn), 7)(mc.zeros(2, 3, 32, 32)).shape == (2, 7)


def test_images_that_do_not_fit() -> None:
    net = small(ours, nn).eval()
    assert net(mc.zeros(1, 3, 1, 1)).shape == (1, 5)
    with pytest.raises(ValueError, match=r"EfficientNet expects .* got \(1, 1, 32, 32\)"):
        net(mc.zeros(1, 1, 32, 32))
