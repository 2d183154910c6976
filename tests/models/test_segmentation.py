"""DeepLab v3 and LR-ASPP against torchvision's: weights, outputs and gradients, in small versions."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from networks import build
from twins import assert_same_network, twins
from with_torchvision import torchvision

import minicnn as mc
from minicnn import models, nn
from minicnn.models._utils import IntermediateLayerGetter
from minicnn.models.segmentation import deeplabv3, fcn, lraspp

pytestmark = pytest.mark.not_emulated

THEIRS = importlib.import_module(f"{torchvision.__name__}.models.segmentation")
THEIR_GETTER = torchvision.models._utils.IntermediateLayerGetter


def backbone(library: Any, getter: Any, early: str, late: str) -> Any:
    layers = library.Sequential(
        library.Conv2d(3, 4, 3, stride=2, padding=1), library.Conv2d(4, 6, 3, stride=2, padding=1)
    )
    return getter(layers, {"0": early, "1": late})


def small_deeplab(library: Any, getter: Any, deeplab: Any, head: Any) -> Any:
    features = backbone(library, getter, "aux", "out")
    return deeplab.DeepLabV3(features, deeplab.DeepLabHead(6, 3, (2, 3)), head(4, 3))


def small_lraspp(library: Any, getter: Any, package: Any) -> Any:
    return package.LRASPP(backbone(library, getter, "low", "high"), 4, 6, 3, inter_channels=5)


def test_deeplab() -> None:
    pair = twins(
        lambda: small_deeplab(nn, IntermediateLayerGetter, deeplabv3, fcn.FCNHead),
        lambda: small_deeplab(torch.nn, THEIR_GETTER, THEIRS.deeplabv3, THEIRS.fcn.FCNHead),
    )
    assert_same_network(*pair, (33, 40))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("ASPPConv", (3, 4, 2)), ("ASPPPooling", (3, 4)), ("ASPP", (3, (1, 2), 5))],
)
def test_parts_of_deeplab(name: str, arguments: tuple[Any, ...]) -> None:
    ours, theirs = getattr(deeplabv3, name), getattr(THEIRS.deeplabv3, name)
    assert_same_network(*twins(lambda: ours(*arguments), lambda: theirs(*arguments)), (7, 8))


def test_lraspp() -> None:
    pair = twins(
        lambda: small_lraspp(nn, IntermediateLayerGetter, lraspp),
        lambda: small_lraspp(torch.nn, THEIR_GETTER, THEIRS.lraspp),
    )
    assert_same_network(*pair, (33, 40))


@pytest.mark.slow
def test_lraspp_on_mobilenet(tmp_path: Path) -> None:
    """From a file of torchvision's, and with new last layers."""
    theirs = THEIRS.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=3)
    torch.save(theirs.state_dict(), tmp_path / "lraspp.pth")
    net = models.lraspp_mobilenet_v3_large(weights=tmp_path / "lraspp.pth", num_classes=3).eval()
    images = torch.rand(1, 3, 32, 48)
    with mc.no_grad(), torch.no_grad():
        found, expected = net(mc.tensor(images.numpy()))["out"], theirs.eval()(images)["out"]
    assert mc.allclose(found, mc.tensor(expected.numpy()), atol=1e-5)
    models.replace_head(net, 2)
    assert net(mc.zeros(1, 3, 32, 48))["out"].shape == (1, 2, 32, 48)


def test_lraspp_has_no_auxiliary_loss() -> None:
    for package in (models.segmentation, THEIRS):
        with pytest.raises(NotImplementedError, match="auxiliary loss"):
            package.lraspp_mobilenet_v3_large(aux_loss=True)


@pytest.mark.slow
def test_deeplab_on_mobilenet(tmp_path: Path) -> None:
    """The auxiliary classifier comes with a file that has it, unless it is not wanted."""
    name = "deeplabv3_mobilenet_v3_large"
    options: dict[str, Any] = {"weights_backbone": None, "aux_loss": True, "num_classes": 3}
    pair = twins(
        lambda: models.get_model(name, **options),
        lambda: torchvision.models.get_model(name, **options),
    )
    torch.save(pair[1].state_dict(), tmp_path / "deeplab.pth")
    options = {"weights": tmp_path / "deeplab.pth", "num_classes": 3}
    assert models.get_model(name, **options).aux_classifier is not None
    assert models.get_model(name, aux_loss=False, **options).aux_classifier is None
    assert_same_network(*pair, (32, 40))


@pytest.mark.slow
def test_a_backbone_from_a_file(tmp_path: Path) -> None:
    mobilenet = torchvision.models.mobilenet_v3_large()
    torch.save(mobilenet.state_dict(), tmp_path / "mobilenet.pth")
    net = models.deeplabv3_mobilenet_v3_large(weights_backbone=tmp_path / "mobilenet.pth")
    expected = mobilenet.features.state_dict()
    for key, value in net.backbone.state_dict().items():
        np.testing.assert_array_equal(value.cpu().numpy(), expected[key].numpy(), err_msg=key)


def test_wrong_images() -> None:
    with nn.init.no_init():
        net = small_deeplab(nn, IntermediateLayerGetter, deeplabv3, fcn.FCNHead)
    with pytest.raises(ValueError, match=r"DeepLabV3 expects images .* got \(1, 1, 8, 8\)"):
        net(mc.zeros(1, 1, 8, 8))


def test_scores_have_the_size_of_the_picture() -> None:
    net = build("deeplabv3_mobilenet_v3_large", num_classes=2, aux_loss=True)
    for parameter in net.parameters():
        parameter.detach().zero_()
    scores = net.eval()(mc.zeros(1, 3, 17, 30))
    assert {name: value.shape for name, value in scores.items()} == {
        "out": (1, 2, 17, 30),
        "aux": (1, 2, 17, 30),
    }
