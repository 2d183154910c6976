"""MNASNet against torchvision's: weights, outputs and gradients, in a narrow version."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import torch
from twins import assert_same_network, twins
from with_torchvision import torchvision

import minicnn as mc
from minicnn import models

pytestmark = pytest.mark.not_emulated

THEIRS = importlib.import_module(f"{torchvision.__name__}.models.mnasnet")


def test_as_torchvision() -> None:
    pair = twins(lambda: models.MNASNet(0.2, 5, 0.4), lambda: THEIRS.MNASNet(0.2, 5, 0.4))
    assert_same_network(*pair, (33, 40))


def test_torchvision_loads_our_file(tmp_path: Path) -> None:
    """It asks for the version of the entries."""
    net, theirs = models.MNASNet(0.1, 2), THEIRS.MNASNet(0.1, 2)
    mc.save(net.state_dict(), tmp_path / "mnasnet.pth")
    theirs.load_state_dict(torch.load(tmp_path / "mnasnet.pth", map_location="cpu"))
    assert theirs.classifier[1].weight.tolist() == net.classifier[1].weight.tolist()


def test_wrong_arguments() -> None:
    for package in (models, THEIRS):
        with pytest.raises(ValueError, match=r"alpha .*got -1|alpha .*instead of -1"):
            package.MNASNet(-1)
    with pytest.raises(ValueError, match=r"MNASNet expects images .* got \(1, 1, 8, 8\)"):
        models.MNASNet(0.1)(mc.zeros(1, 1, 8, 8))
