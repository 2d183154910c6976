"""FrozenBatchNorm2d, DropBlock2d and feature pyramids against torchvision."""

from __future__ import annotations

import copy
from collections import OrderedDict

import numpy as np
import oracle
import pytest
import torch
from with_torchvision import torchvision

import minicnn
from minicnn import nn, vision
from minicnn.vision.feature_pyramid import LastLevelMaxPool, LastLevelP6P7

STATISTICS = {
    "weight": oracle.normal(4, seed=1),
    "bias": oracle.normal(4, seed=2),
    "running_mean": oracle.normal(4, seed=3),
    "running_var": oracle.normal(4, seed=4) ** 2,
}


def frozen(dtype: str = "float64") -> tuple[vision.FrozenBatchNorm2d, torch.nn.Module]:
    ours, theirs = vision.FrozenBatchNorm2d(4, 1e-3), torchvision.ops.FrozenBatchNorm2d(4, 1e-3)
    ours.load_state_dict({k: minicnn.tensor(v) for k, v in STATISTICS.items()})
    theirs.load_state_dict({k: torch.tensor(v) for k, v in STATISTICS.items()})
    return ours.to(getattr(minicnn, dtype)), theirs.to(getattr(torch, dtype))


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("of_layer", ["float64", "float32"])
def test_frozen_batch_norm(of_layer: str, dtype: str) -> None:
    ours, theirs = frozen(of_layer)
    for shape in ((2, 4, 3, 5), (0, 4, 3, 5)):
        oracle.assert_same(ours, theirs, [oracle.normal(*shape)], np.dtype(dtype), tolerance=2e-3)
    ours, theirs = frozen()
    oracle.assert_same(ours, theirs, [oracle.normal(2, 4, 3, 5)])


def test_frozen_means_that_there_are_no_parameters() -> None:
    ours, theirs = frozen()
    assert repr(ours) == repr(theirs)
    assert not list(ours.parameters())
    assert list(ours.state_dict()) == list(theirs.state_dict())
    x = minicnn.tensor(oracle.normal(2, 4, 3, 5))
    assert minicnn.equal(ours.train()(x), ours.eval()(x))


def test_the_state_of_a_batch_norm_can_be_loaded() -> None:
    trained = nn.BatchNorm2d(4).double()
    trained(minicnn.tensor(oracle.normal(2, 4, 3, 5)))
    net = nn.Sequential(vision.FrozenBatchNorm2d(4).double())
    net.load_state_dict(nn.Sequential(trained).state_dict())
    x = minicnn.tensor(oracle.normal(2, 4, 3, 5, seed=1))
    assert minicnn.allclose(net(x), trained.eval()(x))
    assert minicnn.equal(copy.deepcopy(net)(x), net(x))


def test_folded_and_compiled() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), vision.FrozenBatchNorm2d(4), nn.ReLU()).eval()
    net[1].load_state_dict({k: minicnn.tensor(v).float() for k, v in STATISTICS.items()})
    x = minicnn.rand(2, 3, 8, 8)
    with minicnn.no_grad():
        wanted = net(x)
        folded = nn.utils.fuse_conv_bn(net, x)
        assert isinstance(folded[1], nn.Identity)
        assert minicnn.allclose(folded(x), wanted, atol=1e-5)
        assert minicnn.allclose(minicnn.compile(net)(x), wanted, atol=1e-5)


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("size", [1, 3, 9])
def test_drop_block(size: int, inplace: bool) -> None:
    x = oracle.normal(2, 3, 9, 7).astype(np.float32)
    results = []
    for library, of_vision in ((minicnn, vision), (torch, torchvision.ops)):
        library.manual_seed(3)
        layer = of_vision.DropBlock2d(0.3, size, inplace)
        given = library.tensor(x)
        results.append(layer(given))
        assert (results[-1] is given) == inplace
        assert layer.eval()(given) is given
    assert repr(vision.DropBlock2d(0.3, size)) == repr(torchvision.ops.DropBlock2d(0.3, size))
    if minicnn.get_default_device().type == "cpu":
        oracle.assert_close(*results, 1e-6)
    else:  # which draws other numbers
        assert results[0].shape == x.shape


@pytest.mark.parametrize(
    "shape, p, size", [((2, 3, 4, 4), 1.5, 3), ((3, 4, 4), 0.5, 3), ((1, 1, 4, 4), 0.5, 2)]
)
def test_drop_block_refuses(shape: tuple[int, ...], p: float, size: int) -> None:
    with pytest.raises(ValueError):
        torchvision.ops.drop_block2d(torch.zeros(shape), p, size)
    with pytest.raises(ValueError, match="p must be|N, C, H, W|odd"):
        vision.drop_block2d(minicnn.zeros(shape), p, size)


MAPS = {"fine": (1, 3, 9, 12), "middle": (1, 4, 5, 6), "coarse": (1, 5, 3, 3)}


@pytest.mark.not_emulated
@pytest.mark.parametrize(
    "extra, norm", [("none", True), ("pool", False), ("p6p7", False), ("p6p7 of c5", False)]
)
def test_feature_pyramids(extra: str, norm: bool) -> None:
    def pyramid(library, of_vision, blocks):
        extra_blocks = {
            "none": lambda: None,
            "pool": blocks.LastLevelMaxPool,
            "p6p7": lambda: blocks.LastLevelP6P7(6, 6),
            "p6p7 of c5": lambda: blocks.LastLevelP6P7(5, 6),
        }[extra]()
        layer = library.nn.BatchNorm2d if norm else None
        library.manual_seed(0)
        return of_vision.FeaturePyramidNetwork([3, 4, 5], 6, extra_blocks, layer)

    ours = pyramid(minicnn, vision, vision.feature_pyramid)
    theirs = pyramid(torch, torchvision.ops, torchvision.ops.feature_pyramid_network)
    wanted = {name: each.shape for name, each in theirs.state_dict().items()}
    assert {name: tuple(each.shape) for name, each in ours.state_dict().items()} == wanted
    ours.load_state_dict({k: minicnn.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    ours, theirs = ours.double(), theirs.double()

    def call(net):
        return lambda *maps: tuple(net(OrderedDict(zip(MAPS, maps))).values())

    oracle.assert_same(call(ours), call(theirs), [oracle.normal(*s) for s in MAPS.values()])
    added = {"none": [], "pool": ["pool"]}.get(extra, ["p6", "p7"])
    maps = OrderedDict((name, minicnn.zeros(size).double()) for name, size in MAPS.items())
    assert list(ours(maps)) == [*MAPS, *added]


def test_an_older_state_of_a_pyramid_can_be_loaded() -> None:
    net = vision.FeaturePyramidNetwork([3, 4], 5)
    older = OrderedDict((key[:15] + key[17:], each) for key, each in net.state_dict().items())
    assert "inner_blocks.1.weight" in older
    other = vision.FeaturePyramidNetwork([3, 4], 5)
    other.load_state_dict(older)
    assert minicnn.equal(other.inner_blocks[1][0].weight, net.inner_blocks[1][0].weight)


def test_pyramids_refuse() -> None:
    with pytest.raises(ValueError, match="expects channels"):
        vision.FeaturePyramidNetwork([3, 0], 5)
    with pytest.raises(TypeError, match="ExtraFPNBlock"):
        vision.FeaturePyramidNetwork([3, 4], 5, nn.ReLU())
    assert isinstance(LastLevelMaxPool(), type(LastLevelP6P7(1, 1)).__base__)
