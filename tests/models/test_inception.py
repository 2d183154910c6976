"""Inception v3 against torchvision's: modules, weights, outputs and the auxiliary classifier."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from twins import assert_same_copies, assert_same_network, twins
from with_torchvision import torchvision

import minicnn as mc
from minicnn import models, nn
from minicnn.io import save_weights
from minicnn.models import inception

pytestmark = pytest.mark.not_emulated

THEIRS = importlib.import_module(f"{torchvision.__name__}.models.inception")


def thin(module: Any) -> Callable[..., Any]:
    """Makes convolutions of a 32nd of the channels."""
    library = nn if module is inception else torch.nn

    def make(in_channels: int, out_channels: int, **options: Any) -> Any:
        before, after = (n if n <= 3 else -(-n // 32) for n in (in_channels, out_channels))
        conv = library.Conv2d(before, after, bias=False, **options)
        return library.Sequential(conv, library.BatchNorm2d(after), library.ReLU())

    return make


def thin_network(module: Any, **options: Any) -> Any:
    library, conv = nn if module is inception else torch.nn, thin(module)
    names = [*MODULES, "InceptionAux"]
    blocks = [functools.partial(getattr(module, name), conv_block=conv) for name in names]
    net = module.Inception3(5, inception_blocks=[conv, *blocks], init_weights=True, **options)
    net.fc = library.Linear(2048 // 32, 5)
    if net.AuxLogits is not None:
        net.AuxLogits.fc = library.Linear(768 // 32, 5)
    return net


MODULES: dict[str, tuple[int, ...]] = {
    "InceptionA": (3, 64), "InceptionB": (3,), "InceptionC": (3, 64), "InceptionD": (3,),
    "InceptionE": (3,),
}  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_modules(name: str) -> None:
    def make(module: Any) -> Any:
        return getattr(module, name)(*MODULES[name], conv_block=thin(module))

    assert_same_network(*twins(lambda: make(inception), lambda: make(THEIRS)), (9, 8))


@pytest.mark.parametrize(
    ("options", "size"),
    [({}, (299, 299)), ({"aux_logits": False, "transform_input": True}, (75, 91))],
)
def test_thin_networks(options: dict[str, Any], size: tuple[int, int]) -> None:
    pair = twins(
        lambda: thin_network(inception, **options), lambda: thin_network(THEIRS, **options)
    )
    assert_same_network(*pair, size)


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"aux_logits": False, "init_weights": False}, {}])
def test_as_torchvision(options: dict[str, Any]) -> None:
    options = {"init_weights": True, **options}
    pair = twins(
        lambda: models.inception_v3(**options), lambda: torchvision.models.inception_v3(**options)
    )
    assert_same_network(*pair, (75, 80), modes=(False,))


def test_copies() -> None:
    assert_same_copies(thin_network(inception, aux_logits=False), (75, 80))


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
    net = thin_network(inception)
    answers = mc.zeros(1, 2), mc.ones(1, 2)
    monkeypatch.setattr(net, "_forward", lambda _: answers)
    outputs = net(mc.zeros(1, 3, 75, 75))
    assert isinstance(outputs, models.InceptionOutputs)
    assert outputs._fields == THEIRS.InceptionOutputs._fields
    assert (outputs.logits, outputs.aux_logits) == answers
    assert net.eval()(mc.zeros(1, 3, 75, 75)) is answers[0]
    net.train().aux_logits = False
    assert net(mc.zeros(1, 3, 75, 75)) is answers[0]


def few_weights() -> list[Any]:
    """Blocks without weights but in the auxiliary classifier."""

    class Nothing(nn.Identity):
        pass

    def conv(*_: Any, **__: Any) -> Any:
        return Nothing()

    class Aux(inception.InceptionAux):
        def __init__(self, in_channels: int, num_classes: int) -> None:
            super().__init__(in_channels, num_classes, conv)

    return [conv, *[Nothing] * 5, Aux]


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    options: dict[str, Any] = {"weights": path, "inception_blocks": few_weights()}
    make = models.inception_v3
    save_weights(make(inception_blocks=few_weights(), init_weights=False).state_dict(), path)
    net = make(**options)
    assert net.transform_input and net.aux_logits and net.AuxLogits is not None
    net = make(**options, aux_logits=False, transform_input=False)
    assert not net.transform_input and not net.aux_logits and net.AuxLogits is None
    save_weights(net.state_dict(), path)
    assert make(**options).AuxLogits is None
    with pytest.raises(RuntimeError, match=r"Missing key.*AuxLogits\.fc"):
        make(**options, aux_logits=True)


def test_small_pictures() -> None:
    net = thin_network(inception)
    assert net.eval()(mc.zeros(1, 3, 75, 75)).shape == (1, 5)
    with pytest.raises(
        ValueError, match=r"Inception3 expects .* at least 75, got \(1, 3, 74, 80\)"
    ):
        net(mc.zeros(1, 3, 74, 80))
    with pytest.raises(
        ValueError, match=r"Inception3 expects .* at least 299, got \(2, 3, 75, 75\)"
    ):
        net.train()(mc.zeros(2, 3, 75, 75))
