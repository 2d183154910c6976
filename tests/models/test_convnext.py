"""ConvNeXt against torchvision's: weights, outputs, gradients and the numbers it draws."""

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
from minicnn.models import convnext as ours

pytestmark = pytest.mark.not_emulated

theirs = importlib.import_module(f"{torchvision.__name__}.models.convnext")


def small(module: Any, **options: Any) -> Any:
    stages = [module.CNBlockConfig(*shape) for shape in ((4, 8, 1), (8, 12, 2), (12, None, 2))]
    return module.ConvNeXt(stages, 0.6, num_classes=5, **options)


def test_as_torchvision() -> None:
    pair = twins(lambda: small(ours, layer_scale=0.5), lambda: small(theirs, layer_scale=0.5))
    assert repr(pair[0]) == repr(pair[1])
    assert_same_network(*pair, (40, 36))


def test_other_layers() -> None:
    """Blocks and normalisations of one's own, and a last stage with a convolution after it."""

    def make(module: Any, layers: Any) -> Any:
        stages = [module.CNBlockConfig(4, 6, 2), module.CNBlockConfig(6, 8, 1)]
        block = functools.partial(
            module.CNBlock, norm_layer=functools.partial(layers.LayerNorm, eps=0.1)
        )
        norm = functools.partial(layers.GroupNorm, 2)
        return module.ConvNeXt(stages, block=block, norm_layer=norm, num_classes=3, layer_scale=1)

    pair = twins(lambda: make(ours, nn), lambda: make(theirs, torch.nn))
    assert_same_network(*pair, (32, 33))


def test_layer_norm_of_images() -> None:
    pair = ours.LayerNorm2d(3, eps=0.1), theirs.LayerNorm2d(3, eps=0.1)
    assert_same_network(*pair, (4, 5))


def test_settings() -> None:
    found, expected = ours.CNBlockConfig(4, None, 2), theirs.CNBlockConfig(4, None, 2)
    assert repr(found) == repr(expected)
    assert vars(found) == vars(expected)
    for module in (ours, theirs):
        with pytest.raises(ValueError, match="block_setting|at least one stage"):
            module.ConvNeXt([])
        with pytest.raises(TypeError):
            module.ConvNeXt([(4, 8, 1)])
        module.ConvNeXt([found if module is ours else expected], ignored=True)


def test_builders() -> None:
    net = build("convnext_tiny", num_classes=3, stochastic_depth_prob=0.34)
    assert net.classifier[2].out_features == 3
    assert net.features[7][2].stochastic_depth.p == 0.34
    assert pickle.loads(pickle.dumps(ours.convnext_small)) is ours.convnext_small


def test_copies() -> None:
    assert_same_copies(small(ours, layer_scale=0.5), (32, 32))


def test_a_new_head() -> None:
    assert models.replace_head(small(ours), 7)(mc.zeros(2, 3, 32, 32)).shape == (2, 7)


def test_images_that_do_not_fit() -> None:
    net = ours.ConvNeXt([ours.CNBlockConfig(4, 4, 1)] * 3, num_classes=2).eval()
    assert net(mc.zeros(1, 3, 32, 32)).shape == (1, 2)
    with pytest.raises(ValueError, match=r"ConvNeXt expects .* at least 32, got \(1, 3, 31, 32\)"):
        net(mc.zeros(1, 3, 31, 32))
