"""Small vision transformers against torchvision's: weights, results, gradients, other sizes."""

from __future__ import annotations

import copy
import functools
import importlib
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from twins import assert_same_network, twins
from with_torchvision import torchvision

import minicnn as mc
from minicnn import models
from minicnn.models import vision_transformer as ours

theirs = importlib.import_module(f"{torchvision.models.__name__}.vision_transformer")
OPTIONS = {
    "image_size": 32,
    "patch_size": 8,
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 16,
    "mlp_dim": 24,
    "num_classes": 5,
}


def small(module: Any, **options: Any) -> Any:
    """A network of one of the two frameworks."""
    if "conv_stem_configs" in options:
        stem = [module.ConvStemConfig(4, 3, 4), module.ConvStemConfig(6, 3, 2)]
        options["conv_stem_configs"] = stem
    return module.VisionTransformer(**OPTIONS, **options)


def state_of(net: torch.nn.Module) -> OrderedDict[str, mc.Tensor]:
    return OrderedDict((key, mc.tensor(x.numpy())) for key, x in net.state_dict().items())


@pytest.mark.cpu_only
@pytest.mark.parametrize(
    "options",
    [
        {"dropout": 0.3, "attention_dropout": 0.2},
        {"representation_size": 12, "conv_stem_configs": ()},
    ],
    ids=["dropout", "stem"],
)
def test_as_torchvision(options: dict[str, Any]) -> None:
    """Also the random numbers: those of the weights, and in training those of dropout."""
    our, their = twins(*(functools.partial(small, module, **options) for module in (ours, theirs)))
    assert repr(our) == repr(their)
    torch.nn.init.normal_(their.heads.head.weight)  # with 0, no gradient reaches the encoder
    assert_same_network(our, their, (32, 32))


def test_patches_of_other_sizes() -> None:
    our, their = small(ours), small(theirs)
    state = theirs.interpolate_embeddings(48, 8, their.state_dict(), reset_heads=True)
    found = ours.interpolate_embeddings(48, 8, state_of(their), reset_heads=True)
    assert list(found) == list(state) and "heads.head.weight" not in found
    key = "encoder.pos_embedding"
    np.testing.assert_allclose(found[key].cpu().numpy(), state[key].numpy(), 0, 1e-6)
    kept = our.state_dict()
    assert ours.interpolate_embeddings(32, 8, kept, reset_heads=True) is kept
    with pytest.raises(ValueError, match=r"\(1, S \* S \+ 1, D\), got \(1, 12, 4\)"):
        ours.interpolate_embeddings(32, 8, OrderedDict({key: mc.zeros(1, 12, 4)}))


def test_keys_of_older_files() -> None:
    net = small(ours)
    old = OrderedDict(
        (key.replace("mlp.0", "mlp.linear_1").replace("mlp.3", "mlp.linear_2"), value + 1)
        for key, value in net.state_dict().items()
    )
    copied = copy.deepcopy(net)
    copied.load_state_dict(old)
    for key, value in net.state_dict().items():
        assert mc.equal(copied.state_dict()[key], value + 1), key


@pytest.mark.not_emulated
def test_a_file_tells_the_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ours._SHAPES, "vit_b_32", (32, 1, 2, 8, 8))
    net = models.vit_b_32(image_size=96, num_classes=2)
    path = tmp_path / "vit.safetensors"
    mc.save(net.state_dict(), path)
    again = models.vit_b_32(weights=path, num_classes=2)
    images = mc.randn(1, 3, 96, 96)
    assert mc.equal(again(images), net(images))
    with pytest.raises(ValueError, match="for images of 96 pixels, got image_size=64"):
        models.vit_b_32(weights=path, num_classes=2, image_size=64)


def test_refused() -> None:
    with pytest.raises(ValueError, match="must divide image_size, got 8, 30"):
        ours.VisionTransformer(**OPTIONS | {"image_size": 30})
    with pytest.raises(ValueError, match=r"\(N, 3, 32, 32\), got \(1, 3, 40, 32\)"):
        small(ours)(mc.zeros(1, 3, 40, 32))
