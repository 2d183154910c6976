"""The convolutions that the GPU suite measures."""

import importlib

import numpy as np
import pytest
import torch

from minicnn.kernels import Geometry

pytestmark = pytest.mark.cpu_only

# how often a convolution occurs in its network, by channels in and out, and height of the images
VGG16 = {(256, 256, 56): 2, (512, 512, 28): 2, (512, 512, 14): 3}
RESNET34 = {(64, 64, 56): 6, (128, 128, 28): 7, (256, 256, 14): 11, (512, 512, 7): 5}


@pytest.mark.parametrize(
    ("network", "counts", "multiplications"),
    [
        ("AlexNet", {}, 1.0766e9),
        pytest.param("VGG16", VGG16, 15.3466e9, marks=pytest.mark.slow),
        ("ResNet-34", RESNET34, 3.6636e9),
    ],
)
def test_layers_add_up_to_the_published_work_of_their_network(network, counts, multiplications):
    model, size = importlib.import_module("gpu_conv2d").NETWORKS[network]
    layers = importlib.import_module("layers").conv_layers(model, 1, size)

    def count(layer):
        _, C, H, _ = layer.input_shape
        return counts.get((C, layer.output_shape[1], H), 1)

    work = sum(count(layer) * layer.multiply_adds for layer in layers)
    assert work == pytest.approx(multiplications, rel=1e-3)


def test_convolutions_of_both_frameworks_agree_in_every_direction():
    conv2d = importlib.import_module("conv2d")
    geometry = Geometry((9, 9), (5, 5), (3, 3), (2, 2), (1, 1))
    rng = np.random.default_rng(0)
    shapes = [(2, 3, 9, 9), (5, 3, 3, 3), (5,), (2, 5, 5, 5)]
    arrays = [rng.standard_normal(shape, dtype=np.float32) for shape in shapes]
    ours = conv2d.minicnn_passes(*arrays, geometry)
    theirs = conv2d.torch_passes(*map(torch.from_numpy, arrays), geometry)
    assert list(ours) == list(theirs)
    for name, run in ours.items():
        np.testing.assert_allclose(run(), theirs[name]().numpy(), rtol=1e-4, atol=1e-4)
