"""Shapes of layers are those of the same network in PyTorch."""

from __future__ import annotations

import importlib

import pytest
import torch

pytestmark = pytest.mark.cpu_only


@pytest.fixture
def layers():
    return importlib.import_module("layers")


@pytest.mark.parametrize(("model", "size"), [("alexnet227", 227), ("resnet18", 64)])
def test_layers_have_the_shapes_of_torch(layers, model, size):
    net = importlib.import_module("torch_models").get_model(model, 10).eval()
    kinds = {torch.nn.Conv2d: "conv", torch.nn.MaxPool2d: "pool", torch.nn.Linear: "linear"}
    expected = {kind: set() for kind in kinds.values()}

    def note(module, args, output):
        weight = tuple(getattr(module, "weight", torch.empty(0)).shape)
        shapes = ((7, *args[0].shape[1:]), (7, *output.shape[1:]), weight)
        expected[kinds[type(module)]].add(shapes)

    for module in net.modules():
        if type(module) in kinds:
            module.register_forward_hook(note)
    net(torch.zeros(1, 3, size, size))
    for kind, shapes in expected.items():
        found = getattr(layers, f"{kind}_layers")(model, 7, size, num_classes=10)
        without_weight = [(a, b, w or (0,)) for a, b, w in map(triple, found)]
        assert sorted(without_weight) == sorted(shapes)
        assert len(found) == len(shapes)  # each once


def triple(layer):
    return layer.input_shape, layer.output_shape, layer.weight_shape


def test_a_layer_tells_its_windows_and_its_work(layers):
    first, *_ = layers.conv_layers("alexnet227", 32, 227)
    assert first.name == "features.0"
    assert (first.kernel_size, first.stride, first.padding) == ((11, 11), (4, 4), (0, 0))
    assert first.geometry.input_size == (227, 227) and first.geometry.output_size == (55, 55)
    assert first.multiply_adds == 32 * 55 * 55 * 96 * 3 * 11 * 11
