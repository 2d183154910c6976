"""Filters and feature maps: the numbers, and that their plots show them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from viz.networks_to_explain import CONVOLUTION, IMAGES, RELU, Wrapped, layers, pair

import minicnn as mc
from minicnn import nn, viz


@pytest.mark.parametrize("layer", [None, "0", CONVOLUTION])
def test_filters_go_from_0_to_1(layer: str | None) -> None:
    ours, theirs = pair()
    weight = theirs[int(layer or 0)].weight.detach()
    low, high = (find(weight, (1, 2, 3), keepdim=True) for find in (torch.amin, torch.amax))
    expected = ((weight - low) / (high - low)).numpy()
    found = viz.filter_images(ours, layer)
    np.testing.assert_allclose(found.cpu().numpy(), expected, rtol=0, atol=1e-12)
    assert not found.requires_grad


def test_a_filter_of_equal_weights_is_0() -> None:
    net = layers(nn)
    with mc.no_grad():
        net[0].weight[0] = 3.0
    filters = viz.filter_images(net).cpu().numpy()
    assert filters[0].max() == 0 and filters[1].max() == 1


@pytest.mark.parametrize("layer", ["0", CONVOLUTION, RELU, "4"])
def test_feature_maps(layer: str) -> None:
    ours, theirs = pair(inplace=True)
    expected = theirs[: int(layer) + 1](torch.from_numpy(IMAGES[:1]))[0].detach().numpy()
    image = mc.tensor(IMAGES[0]).requires_grad_()
    found = viz.feature_maps(ours, image, layer)
    np.testing.assert_allclose(found.cpu().numpy(), expected, rtol=0, atol=1e-12)
    assert not found.requires_grad
    if layer == "0":
        np.testing.assert_array_equal(
            viz.feature_maps(ours, image).cpu().numpy(), found.cpu().numpy()
        )


def test_what_does_not_fit() -> None:
    net, image = layers(nn), mc.tensor(IMAGES[0]).float()
    with pytest.raises(ValueError, match="must be a 2-d convolution, got ReLU"):
        viz.filter_images(net, "1")
    with pytest.raises(TypeError, match="feature_maps expects a tensor, got ndarray"):
        viz.feature_maps(net, IMAGES[0])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"an image \(C, H, W\), got \(1, 3, 12, 10\)"):
        viz.feature_maps(net, image[None])
    with pytest.raises(ValueError, match=r"must return \(N, channels, h, w\), got \(1, 5\)"):
        viz.feature_maps(net, image, "7")
    unused = Wrapped(net, lambda scores: scores)
    unused.spare = nn.Conv2d(3, 3, 1)
    with pytest.raises(ValueError, match="the layer spare did not run"):
        viz.feature_maps(unused, image, "spare")


def shades(path: Path) -> set[tuple[int, int, int]]:
    with Image.open(path) as picture:
        return {colour for _, colour in picture.convert("RGB").getcolors(2**24)}


@pytest.mark.cpu_only
@pytest.mark.parametrize(("channels", "layer"), [(3, None), (1, None), (3, CONVOLUTION)])
def test_plots_of_filters_show_their_colours(
    channels: int, layer: str | None, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    net = layers(nn, channels)
    viz.plot_filters(net, tmp_path / "filters.png", layer, title="filters")
    filters = viz.filter_images(net, layer).numpy()
    if layer is not None or channels == 1:  # grey
        filters = filters.reshape(-1, 1, 3, 3).repeat(3, 1)
    pixels = {tuple(pixel) for pixel in filters.transpose(0, 2, 3, 1).reshape(-1, 3)}
    # imshow of floats rounds down
    expected = {tuple(int(255 * value) for value in pixel) for pixel in pixels}
    assert len(expected - shades(tmp_path / "filters.png")) < 0.1 * len(expected)


@pytest.mark.cpu_only
@pytest.mark.parametrize("count", [2, 100])
def test_plots_of_feature_maps(count: int, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    net, image = layers(nn), mc.tensor(IMAGES[0]).float()
    path = tmp_path / "maps.png"
    viz.plot_feature_maps(net, image, path, CONVOLUTION, count, [0.5], [0.2], "maps")
    brightest, darkest = (253, 231, 36), (68, 1, 84)  # of matplotlib's viridis
    assert {brightest, darkest} <= shades(path)
