"""A seed gives a new network the weights that torchvision's gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from with_torchvision import torchvision

import minicnn as mc
from minicnn import models

pytestmark = pytest.mark.cpu_only

NETWORKS: list[tuple[str, dict[str, Any]]] = [
    ("resnet18", {"num_classes": 10}),
    ("resnet50", {"num_classes": 2, "zero_init_residual": True}),
    ("resnext50_32x4d", {"num_classes": 2}),
    pytest.param("wide_resnet50_2", {"num_classes": 2}, marks=pytest.mark.slow),  # type: ignore[list-item]
    ("googlenet", {"num_classes": 10, "init_weights": True}),
    ("googlenet", {"num_classes": 10, "init_weights": False, "aux_logits": False}),
    ("fcn_resnet50", {"num_classes": 3, "aux_loss": True, "weights_backbone": None}),
    pytest.param("alexnet", {"num_classes": 10}, marks=pytest.mark.slow),  # type: ignore[list-item]
    pytest.param("vgg11", {"num_classes": 10}, marks=pytest.mark.slow),  # type: ignore[list-item]
    pytest.param("vgg11_bn", {"init_weights": False}, marks=pytest.mark.slow),  # type: ignore[list-item]
]


@pytest.mark.parametrize(("name", "options"), NETWORKS)
def test_weights(name: str, options: dict[str, Any]) -> None:
    mc.manual_seed(7)
    torch.manual_seed(7)
    ours = models.get_model(name, **options).state_dict()
    theirs = torchvision.models.get_model(name, **options).state_dict()
    assert list(ours) == list(theirs)
    for key, value in theirs.items():
        # Uniform numbers are equal to the bit, normal ones to the last digits of log and cos.
        np.testing.assert_allclose(
            ours[key].numpy(), value.numpy(), rtol=1e-6, atol=1e-7, err_msg=key
        )
    assert mc.rand(5).tolist() == torch.rand(5).tolist()  # as many numbers were drawn


@pytest.mark.parametrize("name", ["resnet18", "googlenet", "fcn_resnet50"])
def test_a_new_head_on_published_weights(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers drawn after a network with weights are the same as well: of its new last layer."""
    published = torchvision.models.get_model_weights(name)
    options = {"weights_backbone": None, "aux_loss": True} if name.startswith("fcn") else {}
    full = torchvision.models.get_model(name, **options)
    torch.save(full.state_dict(), tmp_path / "x.pth")
    monkeypatch.setattr(published, "get_state_dict", lambda *_, **__: full.state_dict())
    mc.manual_seed(5)
    torch.manual_seed(5)
    models.get_model(name, weights=tmp_path / "x.pth")
    torchvision.models.get_model(name, weights="DEFAULT")
    ours, theirs = mc.nn.Linear(8, 3), torch.nn.Linear(8, 3)
    assert ours.weight.tolist() == theirs.weight.tolist()
