"""MobileNet v2 and v3 against torchvision's: weights, outputs and gradients, in small versions."""

from __future__ import annotations

import functools
import importlib
from typing import Any

import pytest
import torch
from twins import assert_same_network, twins
from with_torchvision import torchvision

import minicnn as mc
from minicnn import models, nn
from minicnn.models import _utils, mobilenetv2, mobilenetv3

pytestmark = pytest.mark.not_emulated

THEIR_V2 = importlib.import_module(f"{torchvision.__name__}.models.mobilenetv2")
THEIR_V3 = importlib.import_module(f"{torchvision.__name__}.models.mobilenetv3")
STAGES = [[1, 8, 1, 1], [3, 12, 2, 2], [2, 16, 1, 2]]
ROWS = [  # channels before, kernel, channels inside, after, excitation, activation, stride, dilation
    (8, 3, 8, 8, True, "RE", 2, 1),
    (8, 5, 24, 16, False, "HS", 2, 1),
    (16, 5, 40, 16, True, "HS", 1, 2),
]


def test_version_2() -> None:
    options: dict[str, Any] = {"width_mult": 0.7, "inverted_residual_setting": STAGES}
    options |= {"round_nearest": 4, "num_classes": 5, "dropout": 0.4}
    pair = twins(lambda: models.MobileNetV2(**options), lambda: THEIR_V2.MobileNetV2(**options))
    assert pair[0].last_channel == pair[1].last_channel
    assert_same_network(*pair, (33, 40))


def test_version_2_with_another_norm_and_block() -> None:
    class Block(mobilenetv2.InvertedResidual):
        pass

    def options(library: Any) -> dict[str, Any]:
        norm = functools.partial(library.GroupNorm, 2)
        return {"norm_layer": norm, "inverted_residual_setting": STAGES[:2]}

    net, other = twins(
        lambda: models.mobilenet_v2(block=Block, **options(nn)),
        lambda: torchvision.models.mobilenet_v2(**options(torch.nn)),
    )
    assert isinstance(net.features[1], Block)
    assert_same_network(net, other, (32, 32))


def small_v3(package: Any, **options: Any) -> Any:
    rows = [package.InvertedResidualConfig(*row, 0.8) for row in ROWS]
    return package.MobileNetV3(rows, 24, num_classes=5, **options)


def test_version_3() -> None:
    pair = twins(lambda: small_v3(mobilenetv3), lambda: small_v3(THEIR_V3, dropout=0.2))
    assert_same_network(*pair, (33, 40))


def test_a_row_of_version_3() -> None:
    row, other = (m.InvertedResidualConfig(*ROWS[1], 1.3) for m in (mobilenetv3, THEIR_V3))
    assert vars(row) == vars(other)
    adjust = mobilenetv3.InvertedResidualConfig.adjust_channels
    assert adjust(100, 0.33) == THEIR_V3.InvertedResidualConfig.adjust_channels(100, 0.33)


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "mobilenet_v3_large"])
@pytest.mark.parametrize(
    "options",
    [{}, {"width_mult": 0.35}, {"dilated": True, "reduced_tail": True, "num_classes": 7}],
    ids=["as published", "narrow", "for segmentation"],
)
def test_options_of_version_3(name: str, options: dict[str, Any]) -> None:
    with nn.init.no_init(), torch.device("meta"):
        net, other = (
            models.get_model(name, **options),
            torchvision.models.get_model(name, **options),
        )
    shapes = {key: tuple(value.shape) for key, value in other.state_dict().items()}
    assert {key: tuple(value.shape) for key, value in net.state_dict().items()} == shapes
    theirs = [m for m in other.modules() if isinstance(m, torch.nn.Conv2d)]
    ours = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    for conv, their in zip(ours, theirs, strict=True):
        assert (conv.stride, conv.dilation) == (their.stride, their.dilation)


@pytest.mark.parametrize("value", [3, 11.9, 12, 17.5, 36, 100 / 3])
def test_channels_are_round_numbers(value: float) -> None:
    theirs = importlib.import_module(f"{torchvision.__name__}.models._utils")
    for arguments in ((8,), (4, 16), (10, 1)):
        expected = theirs._make_divisible(value, *arguments)
        assert _utils._make_divisible(value, *arguments) == expected


def test_wrong_arguments() -> None:
    for package in (mobilenetv2, THEIR_V2):
        with pytest.raises(ValueError, match="3"):
            package.InvertedResidual(4, 4, 3, 2)
        for setting in ([], [[1, 2, 3]]):
            with pytest.raises(ValueError, match="inverted_residual_setting"):
                package.MobileNetV2(inverted_residual_setting=setting)
    for package in (mobilenetv3, THEIR_V3):
        row = package.InvertedResidualConfig(8, 3, 8, 8, False, "RE", 3, 1, 1.0)
        with pytest.raises(ValueError, match="stride"):
            package.InvertedResidual(row, nn.BatchNorm2d)
        with pytest.raises(ValueError, match="inverted_residual_setting"):
            package.MobileNetV3([], 8)
        with pytest.raises(TypeError, match="InvertedResidualConfig"):
            package.MobileNetV3([ROWS[0]], 8)


def test_wrong_images() -> None:
    for net in (models.MobileNetV2(2, 0.25, STAGES), small_v3(mobilenetv3)):
        name = type(net).__name__
        assert net.eval()(mc.zeros(1, 3, 1, 1)).shape[0] == 1
        with pytest.raises(ValueError, match=rf"{name} expects images .* got \(1, 1, 8, 8\)"):
            net(mc.zeros(1, 1, 8, 8))


def test_a_new_head() -> None:
    for net in (models.MobileNetV2(2, 0.25, STAGES), small_v3(mobilenetv3)):
        assert models.replace_head(net, 4).eval()(mc.zeros(1, 3, 32, 32)).shape == (1, 4)
        models.freeze(net)
        trained = [name for name, weight in net.named_parameters() if weight.requires_grad]
        last = f"classifier.{len(net.classifier) - 1}"
        assert trained == [f"{last}.weight", f"{last}.bias"]
