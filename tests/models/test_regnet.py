"""RegNet against torchvision's: weights, outputs, gradients, and the rule for its widths."""

from __future__ import annotations

import importlib
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from networks import build
from twins import assert_same_network, twins
from with_torchvision import torchvision

import minicnn as mc
from minicnn import models, nn
from minicnn.models import regnet as ours

pytestmark = pytest.mark.not_emulated

theirs = importlib.import_module(f"{torchvision.__name__}.models.regnet")


def small(module: Any, se_ratio: float | None, **options: Any) -> Any:
    params = module.BlockParams([1, 2], [8, 12], [4, 6], [1.0, 0.5], [2, 2], se_ratio)
    return module.RegNet(params, num_classes=5, stem_width=6, **options)


@pytest.mark.parametrize("se_ratio", [None, 0.25])
def test_as_torchvision(se_ratio: float | None) -> None:
    pair = twins(lambda: small(ours, se_ratio), lambda: small(theirs, se_ratio))
    assert repr(pair[0]) == repr(pair[1])
    assert_same_network(*pair, (40, 36))


def test_other_layers() -> None:
    def make(module: Any, layers: Any) -> Any:
        class Block(module.ResBottleneckBlock):
            pass

        options = {"activation": layers.SiLU, "norm_layer": layers.InstanceNorm2d}
        return small(module, 0.5, block_type=Block, stem_type=module.SimpleStemIN, **options)

    pair = twins(lambda: make(ours, nn), lambda: make(theirs, torch.nn))
    assert_same_network(*pair, (33, 40))


def test_widths() -> None:
    """Of all sizes: depth, w_0, w_a, w_m, group width."""
    for args in (
        (16, 48, 27.89, 2.09, 8), (14, 56, 38.84, 2.4, 16), (27, 48, 20.71, 2.65, 24),
        (21, 80, 42.63, 2.66, 24), (17, 192, 76.82, 2.19, 56), (18, 200, 106.23, 2.48, 112),
        (20, 232, 115.89, 2.53, 232), (27, 456, 160.83, 2.52, 264), (22, 24, 24.48, 2.54, 16),
        (16, 56, 35.73, 2.28, 16), (18, 80, 34.01, 2.25, 24), (25, 88, 26.31, 2.25, 48),
        (23, 80, 49.56, 2.88, 120), (22, 216, 55.59, 2.1, 128), (23, 320, 69.86, 2.0, 168),
    ):  # fmt: skip
        for others in ((), (0.5, 0.25)):
            made = [m.BlockParams.from_init_params(*args, *others) for m in (ours, theirs)]
            assert vars(made[0]) == vars(made[1]), args
    for module in (ours, theirs):
        for wrong in ((4, 20, 8.0, 2.0, 8), (4, 16, -1.0, 2.0, 8), (4, 16, 8.0, 1.0, 8)):
            with pytest.raises(ValueError, match=r"RegNet"):
                module.BlockParams.from_init_params(*wrong)


def test_what_is_done_to_networks() -> None:
    net = build("regnet_y_400mf", num_classes=3)
    assert net.trunk_output[0][0].f.se.fc1.out_channels == 8
    assert not hasattr(build("regnet_x_400mf").trunk_output[0][0].f, "se")
    assert pickle.loads(pickle.dumps(ours.regnet_x_8gf)) is ours.regnet_x_8gf
    net = small(ours, 0.25).eval()
    x = mc.randn(2, 3, 32, 32)
    with mc.no_grad():
        np.testing.assert_allclose(
            mc.compile(net)(x).cpu().numpy(), net(x).cpu().numpy(), rtol=0, atol=1e-5
        )
    assert models.replace_head(net, 7)(x).shape == (2, 7)
    with pytest.raises(ValueError, match=r"RegNet expects .* got \(1, 1, 32, 32\)"):
        net(mc.zeros(1, 1, 32, 32))
