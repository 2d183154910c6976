"""Outputs of layers inside a network, against those of torchvision's rewritten networks."""

from __future__ import annotations

import importlib
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import torch
from with_torchvision import torchvision

import minicnn as mc
from minicnn import models
from minicnn.models._utils import IntermediateLayerGetter
from minicnn.models.feature_extraction import create_feature_extractor, get_graph_node_names

pytestmark = pytest.mark.not_emulated

THEIRS = importlib.import_module(f"{torchvision.__name__}.models.feature_extraction")
THEIRS_UTILS = importlib.import_module(f"{torchvision.__name__}.models._utils")


@pytest.fixture
def pair() -> tuple[models.ResNet, torch.nn.Module]:
    """A ResNet-18 with the same weights here and in torchvision."""
    theirs = torchvision.models.resnet18(num_classes=3).eval()
    ours = models.resnet18(num_classes=3).eval()
    ours.load_state_dict({k: mc.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    return ours, theirs


IMAGES = np.random.default_rng(0).normal(size=(1, 3, 48, 40)).astype(np.float32)


def assert_equal(ours: Any, theirs: Any) -> None:
    assert list(ours) == list(theirs)
    for name, value in theirs.items():
        np.testing.assert_allclose(
            ours[name].detach().cpu().numpy(), value.detach().numpy(), rtol=1e-3, atol=1e-4
        )


@pytest.mark.parametrize(
    "nodes",
    [
        ["layer1", "layer4"],
        {"layer2.0.conv1": "a", "fc": "b", "avgpool": "c"},
        {"layer1.1.relu": "first", "layer1.1.relu_1": "second"},
        ["relu"],
    ],
)
def test_nodes(pair: Any, nodes: Any) -> None:
    ours, theirs = pair
    expected = THEIRS.create_feature_extractor(theirs, nodes)
    extractor = create_feature_extractor(ours, nodes)
    assert_equal(extractor(mc.tensor(IMAGES)), expected(torch.from_numpy(IMAGES)))
    assert list(extractor.state_dict()) == list(ours.state_dict())
    assert not any(module._forward_hooks for module in ours.modules())


def test_modes(pair: Any) -> None:
    ours, _ = pair
    extractor = create_feature_extractor(
        ours, train_return_nodes=["fc"], eval_return_nodes={"layer4": "x"}
    )
    assert list(extractor(mc.tensor(IMAGES))) == ["x"]
    with mc.no_grad():
        assert list(extractor.train()(mc.tensor(IMAGES[:, :, :32, :32].repeat(2, 0)))) == ["fc"]
    assert ours.training and ours.layer1[0].bn1.training
    extractor.eval()
    assert not ours.training


def test_what_follows_the_last_node_is_not_computed(
    pair: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, _ = pair
    monkeypatch.setattr(ours.fc, "forward", lambda _: pytest.fail("nobody asked for it"))
    extractor = create_feature_extractor(ours, ["layer2"])
    assert extractor(mc.tensor(IMAGES))["layer2"].shape == (1, 128, 6, 5)


def test_names(pair: Any) -> None:
    ours, theirs = pair
    names, _ = THEIRS.get_graph_node_names(theirs)
    train, evaluation = get_graph_node_names(ours)
    assert train == evaluation and set(train) <= set(names)
    assert set(names) - set(train) == {
        "x", "flatten", *(n for n in names if n.endswith((".add", "relu_1")))
    }  # fmt: skip
    with pytest.raises(ValueError, match="'flatten' must be a module of the network: conv1, bn1"):
        create_feature_extractor(ours, ["flatten"])
    with pytest.raises(ValueError, match="either return_nodes or both"):
        create_feature_extractor(ours, ["fc"], train_return_nodes=["fc"])
    with pytest.raises(ValueError, match=r"no module was called of the name conv1_1"):
        create_feature_extractor(ours, ["conv1_1"])(mc.tensor(IMAGES))


def test_intermediate_layers(pair: Any) -> None:
    ours, theirs = pair
    layers = {"layer1": "a", "layer3": "b"}
    expected = THEIRS_UTILS.IntermediateLayerGetter(theirs, dict(layers))
    getter = IntermediateLayerGetter(ours, layers)
    assert list(getter) == list(expected) and getter.return_layers == layers
    out = getter(mc.tensor(IMAGES))
    assert isinstance(out, OrderedDict)
    assert_equal(out, expected(torch.from_numpy(IMAGES)))
    with pytest.raises(ValueError, match="must be among conv1, .*, got layer9"):
        IntermediateLayerGetter(ours, {"layer9": "x"})
