"""Batch norms folded into convolutions, against the network as it was and torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import minicnn as mc
from minicnn import models, nn
from minicnn.nn.utils import fuse_conv_bn, fuse_conv_bn_eval

NETS: dict[str, tuple[Any, int]] = {  # and how many batch norms run in evaluation
    "resnet18": (lambda: models.resnet18(num_classes=5), 20),
    "resnet50": (lambda: models.resnet50(num_classes=5), 53),
    "googlenet": (lambda: models.googlenet(num_classes=5, aux_logits=False), 57),
    "vgg11_bn": (lambda: models.vgg11_bn(num_classes=5), 8),
    "fcn_resnet50": (lambda: models.fcn_resnet50(num_classes=5, aux_loss=True), 55),
}


def norms(net: nn.Module) -> list[nn.Module]:
    return [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]


def as_if_trained(net: nn.Module) -> nn.Module:
    """In evaluation mode and float64, with some statistics, weights and biases in its batch norms."""
    rng = np.random.default_rng(0)
    for norm in norms(net):
        for tensor in (norm.running_var, norm.weight):
            tensor.data.copy_(mc.tensor(rng.uniform(0.5, 1.5, tensor.shape)))
        for tensor in (norm.running_mean, norm.bias):
            tensor.data.copy_(mc.tensor(rng.standard_normal(tensor.shape) / 10))
    return net.double().eval()


def images(*shape: int) -> mc.Tensor:
    return mc.tensor(np.random.default_rng(1).standard_normal(shape))


def assert_same_results(net: nn.Module, other: nn.Module, x: mc.Tensor) -> None:
    with mc.no_grad():
        ours, expected = other(x), net(x)
    if isinstance(expected, mc.Tensor):
        ours, expected = {"out": ours}, {"out": expected}
    for name, tensor in expected.items():
        scale = tensor.abs().max().item()
        np.testing.assert_allclose(
            ours[name].cpu().numpy(), tensor.cpu().numpy(), rtol=0, atol=1e-10 * scale
        )


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (name == "vgg11_bn")) for name in NETS],
)
def test_networks_give_the_same_without_batch_norms(name: str) -> None:
    make, count = NETS[name]
    net, x = as_if_trained(make()), images(2, 3, 32, 32)
    assert len(norms(net)) == count
    folded = fuse_conv_bn(net, x[:1])
    assert norms(folded) == []
    assert len(norms(net)) == count  # the network itself stays as it was
    assert_same_results(net, folded, x)


@pytest.mark.parametrize("conv_bias", [True, False])
@pytest.mark.parametrize("norm", [{}, {"affine": False}, {"bias": False}])
def test_one_convolution_against_torch(conv_bias: bool, norm: dict[str, bool]) -> None:
    options = {"stride": 2, "padding": 1, "groups": 2, "bias": conv_bias}
    conv, bn = nn.Conv2d(4, 6, 3, **options).double(), nn.BatchNorm2d(6, **norm).double()
    for tensor in bn.state_dict().values():
        tensor.copy_(mc.tensor(np.random.default_rng(0).uniform(1, 2, tensor.shape)))
    conv.eval(), bn.eval()
    x = images(2, 4, 7, 8)
    fused = fuse_conv_bn_eval(conv, bn)
    np.testing.assert_allclose(
        fused(x).detach().cpu().numpy(), bn(conv(x)).detach().cpu().numpy(), rtol=1e-12, atol=1e-12
    )
    assert isinstance(fused.bias, nn.Parameter) and fused.weight is not conv.weight
    if norm or not conv_bias:  # torch has no batch norm with weight and without bias
        return
    torch_conv, torch_bn = torch.nn.Conv2d(4, 6, 3, **options), torch.nn.BatchNorm2d(6)
    for theirs, ours in ((torch_conv, conv), (torch_bn, bn)):
        theirs.double().eval()
        theirs.load_state_dict(
            {k: torch.tensor(v.cpu().numpy()) for k, v in ours.state_dict().items()}
        )
    expected = torch.nn.utils.fuse_conv_bn_eval(torch_conv, torch_bn).state_dict()
    for key, tensor in fused.state_dict().items():
        np.testing.assert_allclose(tensor.cpu().numpy(), expected[key].cpu().numpy(), rtol=1e-12)


class Net(nn.Module):
    """Batch norms that are no convolution's: behind a ReLU, of a convolution used twice, alone."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3)
        self.bn1 = nn.BatchNorm2d(4)
        self.twice = nn.Conv2d(4, 4, 1)
        self.bn2 = nn.BatchNorm2d(4)
        self.conv3 = nn.Conv2d(4, 4, 1)
        self.bn3 = nn.BatchNorm2d(4)
        self.conv4 = nn.Conv2d(4, 4, 1)
        self.bn4 = nn.BatchNorm2d(4, track_running_stats=False)

    def forward(self, x: mc.Tensor) -> mc.Tensor:
        x = self.bn1(nn.functional.relu(self.conv1(x)))
        x = self.bn2(self.twice(self.twice(x)))
        x = self.bn3(self.conv3(x))
        return self.bn4(self.conv4(x))


def test_only_batch_norms_that_directly_follow_a_convolution_are_folded() -> None:
    net, x = Net().double().eval(), images(2, 3, 5, 6)
    folded = fuse_conv_bn(net, x)
    kinds = [type(getattr(folded, f"bn{i}")).__name__ for i in (1, 2, 3, 4)]
    assert kinds == ["BatchNorm2d", "BatchNorm2d", "Identity", "BatchNorm2d"]
    assert_same_results(net, folded, x)


def test_residuals_and_relus_outlive_the_batch_norm() -> None:
    block = as_if_trained(models.resnet18().layer1[0])
    x = images(1, 64, 6, 5)
    folded = fuse_conv_bn(block, x)
    assert isinstance(folded.bn1, nn.Identity) and isinstance(folded.bn2, nn.Identity)
    assert_same_results(block, folded, x)


def test_training_mode_is_an_error() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    with pytest.raises(ValueError, match="in training mode: call eval"):
        fuse_conv_bn(net, mc.zeros(1, 3, 4, 4))
    with pytest.raises(ValueError, match="BatchNorm2d in training mode"):
        fuse_conv_bn_eval(net[0].eval(), net[1])
    with pytest.raises(ValueError, match="running statistics, got none"):
        fuse_conv_bn_eval(net[0], nn.BatchNorm2d(4, track_running_stats=False).eval())
