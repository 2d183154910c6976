"""A seed gives a new network the weights that torchvision's gets."""

from __future__ import annotations

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
    ("wide_resnet50_2", {"num_classes": 2}),
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
