"""Every published network against torchvision's, or against sums that were recorded of those.

Keys and shapes of all; outputs in evaluation and in training, random numbers included, up to 200
million parameters; up to 60 million also the gradients of the images and of all weights but the
largest. ``every_network.py`` has the limits, and records the sums again.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from typing import Any

import every_network
import numpy as np
import pytest
import torch
from networks import USUAL
from twins import one_thread

import minicnn as mc
from minicnn import models, nn, viz
from minicnn.models._api import PUBLISHED

try:
    from with_torchvision import torchvision
except ImportError:
    torchvision = None

pytestmark = [pytest.mark.cpu_only]
TOLERANCE = 1e-9
# families of torchvision that minicnn does not have
OTHERS = ("maxvit", "swin")
OUR_OWN = ["alexnet227", "fcn16s", "fcn32s", "fcn8s"]


@pytest.fixture(autouse=True, scope="module")
def one_thread_and_little_memory() -> Iterator[None]:
    with one_thread():
        yield
    every_network.forget_weights()


def test_names() -> None:
    if torchvision is None:
        pytest.skip("needs torchvision")
    theirs = torchvision.models
    expected = [
        *theirs.list_models(theirs, exclude=[f"{name}*" for name in OTHERS]),
        *theirs.list_models(theirs.segmentation),
    ]
    assert models.list_models() == sorted(expected + OUR_OWN)
    assert models.list_models(models) == sorted(
        {*theirs.list_models(theirs), "alexnet227"} & set(models.list_models())
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", every_network.NAMES)
def test_as_torchvision(name: str) -> None:
    recorded = json.loads(every_network.RECORDED.read_text(encoding="utf-8")).get(name)
    assert recorded, "python tests/every_network.py records the sums of new networks"
    ours = every_network.make_ours(name)
    keys = every_network.signature(ours)
    assert every_network.count(ours) == recorded["parameters"]
    if torchvision is not None:
        assert keys == every_network.signature(every_network.make_theirs(name, None))
    assert zlib.crc32("\n".join(keys).encode()) == recorded["keys"]
    if recorded["parameters"] > every_network.LARGE:
        return
    images = every_network.images_for(name)
    found = every_network.results(ours, mc, images)
    for kind, (total, scale) in every_network.sums(found).items():
        difference = abs(total - recorded[kind][0])
        assert difference <= TOLERANCE * scale, f"sum of {kind}: {difference} of {scale}"
    if torchvision is not None:
        assert_equal(found, every_network.results(every_network.make_theirs(name), torch, images))


def assert_equal(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert list(found) == list(expected)
    # biases before batch norms, among others, have a gradient of 0
    largest = max((np.abs(x).max() for name, x in expected.items() if "grad" in name), default=0.0)
    for name, theirs in expected.items():
        assert found[name].shape == theirs.shape, name
        scale = max(np.abs(theirs).max(), 0.01 * largest if "grad" in name else 0.0)
        difference = np.abs(found[name] - theirs).max()
        assert difference <= TOLERANCE * scale, f"{name}: {difference} of {scale}"


def small_network(name: str) -> tuple[Any, mc.Tensor]:
    """In float32 and in evaluation, with images for it."""
    num_params = next(iter(PUBLISHED[name])).meta["num_params"]
    if num_params > 30_000_000 and name not in USUAL:
        pytest.skip("larger than others of its family")
    images = mc.tensor(every_network.images_for(name, dtype="float32"))
    return every_network.make_ours(name, "float32").eval(), images


@pytest.mark.slow
@pytest.mark.fast_only
@pytest.mark.parametrize("name", every_network.NAMES)
def test_compiled(name: str) -> None:
    net, images = small_network(name)
    fast = mc.compile(net, options={"cache": False})
    with mc.no_grad():
        pairs = zip(*map(every_network.tensors_of, (fast(images), net(images))), strict=True)
    for found, expected in pairs:
        difference, scale = (found - expected).abs().max(), expected.abs().max()
        assert difference <= 1e-5 * scale, f"{difference} of {scale}"


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(USUAL & set(every_network.NAMES)))
def test_looked_into(name: str) -> None:
    """The smallest of each family: its table, and where it looks."""
    net, images = small_network(name)
    assert f"{every_network.count(net):,}" in str(nn.summary(net, tuple(images.shape)))
    heat_maps = viz.grad_cam(net, images)
    assert heat_maps.shape == (2, *images.shape[2:])
    assert heat_maps.max() in (0, 1)  # 0 if nothing speaks for the class
