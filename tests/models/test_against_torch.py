"""Every network computes what the same network in PyTorch does, on weights from torch.save.

Outputs, loss, all gradients and batch norms' statistics in float64, in training and evaluation. The
wide linear layers of AlexNet, VGG and the FCNs on it are narrow here; their widths are counted in
test_counts_and_keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from networks import build

import minicnn as mc
from benchmarks import torch_models
from minicnn import models, nn
from minicnn.io import load_weights

CLASSES = 5
HIDDEN = 24
TOLERANCE = 1e-9
deep = [pytest.mark.slow, pytest.mark.not_emulated]


@pytest.fixture(autouse=True)
def no_dropout_in_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.nn.functional, "dropout", lambda x, *_, **__: x)


@pytest.fixture(autouse=True)
def one_thread_for_torch() -> Iterator[None]:
    """Two wait for each other, many times longer than they work, on images as small as here."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def drop_nothing(net: nn.Module) -> nn.Module:
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return net


def narrow(net: Any, library: Any) -> None:
    """Replaces the wide linear layers, and the convolutions that stand for them, in place."""
    for parts in (net.classifier, net):
        for name, layer in list(parts.named_children()):
            wide = {4096: HIDDEN}
            if isinstance(layer, library.Linear):
                new = library.Linear(
                    wide.get(layer.in_features, layer.in_features),
                    wide.get(layer.out_features, layer.out_features),
                )
            elif type(layer) is library.Conv2d:
                new = library.Conv2d(
                    wide.get(layer.in_channels, layer.in_channels),
                    wide.get(layer.out_channels, layer.out_channels),
                    layer.kernel_size,
                    padding=layer.padding,
                )
            else:
                continue
            setattr(parts, name, new)


def their_network(name: str, **options: Any) -> torch.nn.Module:
    """In float32, with statistics that are not the first ones."""
    torch.manual_seed(0)
    net = torch_models.get_model(name, CLASSES, **options)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean, 0, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.1)
    return net


def loss_of(outputs: Any, target: Any, cross_entropy: Any) -> tuple[Any, dict[str, Any]]:
    """The loss that trains the network, and its outputs by name."""
    if isinstance(outputs, dict):
        losses = {name: cross_entropy(x, target, ignore_index=255) for name, x in outputs.items()}
        return losses["out"] + 0.5 * losses["aux"] if "aux" in losses else losses["out"], outputs
    if isinstance(outputs, tuple):
        main, aux2, aux1 = outputs
        loss = cross_entropy(main, target)
        loss = loss + 0.3 * cross_entropy(aux2, target) + 0.3 * cross_entropy(aux1, target)
        return loss, {"logits": main, "aux2": aux2, "aux1": aux1}
    return cross_entropy(outputs, target), {"logits": outputs}


def assert_equal(ours: Any, theirs: torch.Tensor, what: str) -> None:
    our, their = ours.detach().cpu().numpy(), theirs.detach().cpu().numpy()
    assert our.shape == their.shape, what
    scale = max(np.abs(their).max(), 1e-3)  # biases before batch norms have a gradient of 0
    difference = np.abs(our - their).max()
    assert difference <= TOLERANCE * scale, f"{what}: {difference} of {scale}"


def compare(ours: Any, theirs: Any, shape: tuple[int, int]) -> None:
    """Forward and backward of both, in float64, in evaluation and in training."""
    ours, theirs = drop_nothing(ours).to(dtype=mc.float64), theirs.double()
    if any(isinstance(module, nn.BatchNorm2d) for module in ours.modules()):
        compare_in_mode(ours.eval(), theirs.eval(), shape)
        ours.zero_grad(), theirs.zero_grad()
    compare_in_mode(ours.train(), theirs.train(), shape)  # without batch norm there is but one


def compare_in_mode(ours: Any, theirs: Any, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    images = rng.normal(size=(2, 3, *shape))
    dense = isinstance(ours, (models.FCN, models.FCNVGG))
    target = rng.integers(0, CLASSES, (2, *shape) if dense else 2)
    if dense:
        target[:, :5] = 255
    x, y = mc.tensor(images, requires_grad=True), torch.tensor(images, requires_grad=True)
    our_loss, our_outputs = loss_of(ours(x), mc.tensor(target), nn.functional.cross_entropy)
    loss, outputs = loss_of(theirs(y), torch.tensor(target), torch.nn.functional.cross_entropy)
    our_loss.backward()
    loss.backward()

    assert list(our_outputs) == list(outputs)
    for name, output in outputs.items():
        assert_equal(our_outputs[name], output, f"output {name}")
    assert_equal(our_loss, loss, "loss")
    assert_equal(x.grad, y.grad, "gradient of the images")
    for (name, weight), their in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        if their.grad is None:
            assert weight.grad is None, name
        else:
            assert_equal(weight.grad, their.grad, f"gradient of {name}")
    for (name, buffer), (_, their) in zip(ours.named_buffers(), theirs.named_buffers()):
        assert_equal(buffer, their, name)


@pytest.mark.parametrize(
    "name, options, shape",
    [
        ("resnet18", {}, (33, 47)),
        pytest.param("resnet34", {}, (40, 33), marks=pytest.mark.slow),
        pytest.param("resnet50", {}, (35, 35), marks=pytest.mark.slow),
        pytest.param("resnet101", {}, (33, 33), marks=deep),
        pytest.param("resnet152", {}, (33, 33), marks=deep),
        ("googlenet", {"aux_logits": True, "transform_input": False}, (67, 45)),
        pytest.param("fcn_resnet50", {}, (33, 41), marks=pytest.mark.slow),
        pytest.param("fcn_resnet101", {}, (41, 33), marks=deep),
    ],
)
def test_networks_with_their_weights(
    name: str, options: dict[str, Any], shape: tuple[int, int], tmp_path: Path
) -> None:
    theirs = their_network(name)
    torch.save(theirs.state_dict(), tmp_path / "weights.pth")
    ours = models.get_model(name, weights=tmp_path / "weights.pth", num_classes=CLASSES, **options)
    compare(ours, theirs, shape)


@pytest.mark.parametrize(
    "name, shape",
    [
        ("alexnet", (67, 71)),
        ("alexnet227", (227, 227)),
        ("vgg11", (33, 45)),
        ("vgg11_bn", (45, 33)),
        pytest.param("vgg13", (33, 45), marks=deep),
        pytest.param("vgg13_bn", (45, 33), marks=deep),
        ("vgg16", (33, 45)),
        pytest.param("vgg16_bn", (45, 33), marks=deep),
        pytest.param("vgg19", (33, 45), marks=deep),
        pytest.param("vgg19_bn", (45, 33), marks=deep),
        ("fcn32s", (67, 45)),
        pytest.param("fcn16s", (45, 67), marks=pytest.mark.slow),
        pytest.param("fcn8s", (67, 45), marks=pytest.mark.slow),
        ("fcn8s", (33, 63)),
    ],
)
def test_narrow_networks(name: str, shape: tuple[int, int], tmp_path: Path) -> None:
    with torch.device("meta"):
        theirs = torch_models.get_model(name, CLASSES)
        narrow(theirs, torch.nn)
    theirs.to_empty(device="cpu")
    for module in theirs.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    torch.save(theirs.state_dict(), tmp_path / "weights.pth", _use_new_zipfile_serialization=False)
    ours = build(name, num_classes=CLASSES)
    narrow(ours, nn)
    ours.load_state_dict(load_weights(tmp_path / "weights.pth"))
    compare(ours, theirs, shape)


def test_true_5x5_branches() -> None:
    theirs = torch_models.GoogLeNet(CLASSES, kernel5=5)
    ours = models.googlenet(num_classes=CLASSES, paper_5x5=True)
    ours.load_state_dict({name: value.cpu().numpy() for name, value in theirs.state_dict().items()})
    compare(ours, theirs, (40, 33))


@pytest.mark.slow
@pytest.mark.not_emulated
@pytest.mark.parametrize("name", ["vgg11", "fcn32s"])
def test_at_full_width(name: str, tmp_path: Path) -> None:
    theirs = torch_models.get_model(name, CLASSES).eval()
    torch.save(theirs.state_dict(), tmp_path / "weights.pth")
    ours = models.get_model(name, weights=tmp_path / "weights.pth", num_classes=CLASSES).eval()
    images = np.random.default_rng(0).normal(size=(1, 3, 64, 64)).astype(np.float32)
    with mc.no_grad(), torch.no_grad():
        our, their = ours(mc.tensor(images)), theirs(torch.tensor(images))
    if isinstance(their, dict):
        our, their = our["out"], their["out"]
    np.testing.assert_allclose(our.cpu().numpy(), their.cpu().numpy(), rtol=0, atol=1e-5)
