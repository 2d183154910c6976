"""Inception v3 against torchvision's: modules, weights, outputs and the auxiliary classifier."""

from __future__ import annotations

import importlib
from collections.abc import Callable
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
from minicnn.io import save_weights
from minicnn.models import inception

pytestmark = pytest.mark.not_emulated

THEIRS = importlib.import_module(f"{torchvision.__name__}.models.inception")


def thin(module: Any) -> Callable[..., Any]:
    """A convolution of a 32nd of the channels, so that the modules' own wiring is what takes time."""
    library = nn if module is inception else torch.nn

    def make(in_channels: int, out_channels: int, **options: Any) -> Any:
        few = [n if n <= 3 else -(-n // 32) for n in (in_channels, out_channels)]
        return library.Sequential(library.Conv2d(*few, bias=False, **options), library.ReLU())

    return make


MODULES: dict[str, tuple[int, ...]] = {
    "InceptionA": (3, 64), "InceptionB": (3,), "InceptionC": (3, 64), "InceptionD": (3,),
    "InceptionE": (3,),
}  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_modules(name: str) -> None:
    def make(module: Any) -> Any:
        return getattr(module, name)(*MODULES[name], conv_block=thin(module))

    assert_same_network(*twins(lambda: make(inception), lambda: make(THEIRS)), (9, 8))


def test_the_auxiliary_classifier() -> None:
    def make(module: Any) -> Any:
        return module.InceptionAux(3, 4, module.BasicConv2d)

    assert_same_network(*twins(lambda: make(inception), lambda: make(THEIRS)), (17, 17))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"aux_logits": False, "transform_input": True, "init_weights": False}, (75, 80)),
        ({"init_weights": True, "num_classes": 4}, (299, 299)),
    ],
)
def test_as_torchvision(options: dict[str, Any], size: tuple[int, int]) -> None:
    pair = twins(
        lambda: models.inception_v3(**options), lambda: torchvision.models.inception_v3(**options)
    )
    assert_same_network(*pair, size)


def test_blocks_of_ones_own() -> None:
    class Module(nn.Identity):
        pass

    blocks: list[Any] = [nn.Conv2d, *[Module] * 6]
    net = models.Inception3(5, inception_blocks=blocks, init_weights=False)
    assert isinstance(net.Conv2d_4a_3x3, nn.Conv2d)
    assert isinstance(net.Mixed_7c, Module) and isinstance(net.AuxLogits, Module)
    for make in (models.Inception3, THEIRS.Inception3):
        with pytest.raises(ValueError, match="inception_blocks"):
            make(inception_blocks=blocks[:6], init_weights=False)


def test_outputs_by_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    net = build("inception_v3", num_classes=2, init_weights=False)
    answers = mc.zeros(1, 2), mc.ones(1, 2)
    monkeypatch.setattr(net, "_forward", lambda _: answers)
    outputs = net(mc.zeros(1, 3, 75, 75))
    assert isinstance(outputs, models.InceptionOutputs)
    assert outputs._fields == THEIRS.InceptionOutputs._fields
    assert (outputs.logits, outputs.aux_logits) == answers
    assert net.eval()(mc.zeros(1, 3, 75, 75)) is answers[0]
    net.train().aux_logits = False
    assert net(mc.zeros(1, 3, 75, 75)) is answers[0]


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_weights(build("inception_v3", init_weights=False).state_dict(), path)
    net = models.inception_v3(weights=path)
    assert net.transform_input and net.aux_logits and net.AuxLogits is not None
    net = models.inception_v3(weights=path, aux_logits=False, transform_input=False)
    assert not net.transform_input and not net.aux_logits and net.AuxLogits is None
    save_weights(net.state_dict(), path)
    assert models.inception_v3(weights=path).AuxLogits is None
    with pytest.raises(RuntimeError, match=r"Missing key.*AuxLogits\.conv0"):
        models.inception_v3(weights=path, aux_logits=True)


def test_small_pictures() -> None:
    net = build("inception_v3", num_classes=2, init_weights=False)
    for value in net.state_dict().values():
        value.fill_(1 if value.ndim < 2 else 0)
    assert net.eval()(mc.zeros(1, 3, 75, 75)).shape == (1, 2)
    with pytest.raises(
        ValueError, match=r"Inception3 expects .* at least 75, got \(1, 3, 74, 80\)"
    ):
        net(mc.zeros(1, 3, 74, 80))
    with pytest.raises(
        ValueError, match=r"Inception3 expects .* at least 299, got \(2, 3, 75, 75\)"
    ):
        net.train()(mc.zeros(2, 3, 75, 75))


def test_normalised_input_is_converted() -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    net, theirs = (
        build("inception_v3", init_weights=False),
        THEIRS.Inception3.__new__(THEIRS.Inception3),
    )
    torch.nn.Module.__init__(theirs)
    net.transform_input = theirs.transform_input = True
    np.testing.assert_allclose(
        net._transform_input(mc.tensor(x)).cpu().numpy(),
        theirs._transform_input(torch.tensor(x)).numpy(),
        rtol=1e-12,
    )
