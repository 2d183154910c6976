"""Networks begin with the weights that torchvision's have after the same seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from with_torchvision import torchvision

import minicnn as mc
from minicnn import models

pytestmark = pytest.mark.cpu_only

theirs = torchvision.models
NETWORKS: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "resnet18": (models.resnet18, theirs.resnet18),
    "googlenet": (
        lambda: models.googlenet(init_weights=True),
        lambda: theirs.googlenet(init_weights=True),
    ),
    "alexnet": (models.alexnet, theirs.alexnet),
    "vgg11": (models.vgg11, theirs.vgg11),
    "fcn_resnet50": (
        lambda: models.fcn_resnet50(weights=None),
        lambda: theirs.segmentation.fcn_resnet50(weights=None, weights_backbone=None),
    ),
}
USUAL = {"resnet18", "googlenet"}


@pytest.mark.parametrize(
    "ours, other",
    [
        pytest.param(*pair, id=name, marks=() if name in USUAL else pytest.mark.slow)
        for name, pair in NETWORKS.items()
    ],
)
def test_as_torchvision(ours: Callable[[], Any], other: Callable[[], Any]) -> None:
    torch.manual_seed(3)
    mc.manual_seed(3)
    expected, state = other().state_dict(), ours().state_dict()
    assert state.keys() == expected.keys()
    for key, weight in expected.items():
        np.testing.assert_allclose(
            state[key].numpy(), weight.numpy(), rtol=1e-5, atol=1e-6, err_msg=key
        )
    assert mc.get_rng_state().tolist() == torch.get_rng_state().tolist()
