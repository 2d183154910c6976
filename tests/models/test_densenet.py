"""DenseNet against torchvision's: weights, outputs, gradients, and old names in files."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from twins import assert_same_copies, assert_same_network, twins
from with_torchvision import torchvision

import minicnn as mc
from minicnn import models
from minicnn.models.densenet import DenseNet, _DenseBlock, _DenseLayer, _Transition

pytestmark = pytest.mark.not_emulated

THEIRS = importlib.import_module(f"{torchvision.__name__}.models.densenet")
SMALL = (4, (2, 3), 6, 2)  # growth_rate, block_config, num_init_features, bn_size


@pytest.mark.parametrize("options", [{}, {"drop_rate": 0.3}, {"memory_efficient": True}])
def test_as_torchvision(options: dict[str, Any]) -> None:
    options = {"num_classes": 5, **options}
    pair = twins(lambda: DenseNet(*SMALL, **options), lambda: THEIRS.DenseNet(*SMALL, **options))
    assert_same_network(*pair, (33, 40))


@pytest.mark.slow
def test_densenet121_as_torchvision() -> None:
    pair = twins(models.densenet121, torchvision.models.densenet121)
    assert_same_network(*pair, (64, 45))


def test_parts() -> None:
    theirs = THEIRS
    x = np.random.default_rng(0).normal(size=(2, 6, 8, 8)).astype(np.float32)
    for ours, other in (
        (lambda: _DenseLayer(6, 4, 2, 0), lambda: theirs._DenseLayer(6, 4, 2, 0)),
        (lambda: _DenseBlock(2, 6, 2, 4, 0.0), lambda: theirs._DenseBlock(2, 6, 2, 4, 0.0)),
        (lambda: _Transition(6, 3), lambda: theirs._Transition(6, 3)),
    ):
        net, expected = twins(ours, other)
        np.testing.assert_allclose(
            net(mc.tensor(x)).detach().cpu().numpy(),
            expected(torch.tensor(x)).detach().numpy(),
            rtol=1e-4,
            atol=1e-5,
        )
    layer = _DenseLayer(6, 4, 2, 0)
    parts = mc.tensor(x).split([4, 2], 1)
    assert (layer(list(parts)) == layer(mc.tensor(x))).all()  # apart or joined


def test_files_with_old_names(tmp_path: Path) -> None:
    state = THEIRS.DenseNet(*SMALL).state_dict()
    old = {
        re.sub(r"(layer\d+\.(norm|conv))(\d)", r"\1.\3", key): value
        for key, value in state.items()
        if not key.endswith("num_batches_tracked")
    }
    assert "features.denseblock2.denselayer3.norm.1.running_mean" in old
    torch.save(old, tmp_path / "old.pth")
    net = DenseNet(*SMALL)
    net.load_state_dict(mc.io.load_weights(tmp_path / "old.pth"))
    for key, value in net.state_dict().items():
        np.testing.assert_array_equal(value.cpu().numpy(), state[key].numpy(), err_msg=key)


def test_copies() -> None:
    assert_same_copies(DenseNet(*SMALL, num_classes=5), (33, 40))


def test_small_pictures() -> None:
    net = DenseNet(4, (1, 1, 1, 1), 6, 2, num_classes=3).eval()
    assert net(mc.zeros(1, 3, 29, 29)).shape == (1, 3)
    with pytest.raises(ValueError, match=r"DenseNet expects .* at least 29, got \(1, 3, 28, 29\)"):
        net(mc.zeros(1, 3, 28, 29))
    with pytest.raises(ValueError, match=r"DenseNet expects .* got \(1, 1, 40, 40\)"):
        net(mc.zeros(1, 1, 40, 40))
