from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from viz.networks_to_explain import layers

import minicnn as mc
from minicnn import nn, viz

pytest.importorskip("matplotlib")
pytestmark = pytest.mark.cpu_only

NAMES = ["cat", "dog", "fox", "Norwegian elkhound, elkhound", "caf\udce9 $\\frac$"]


def colours(path: Path) -> set[tuple[int, int, int]]:
    with Image.open(path) as picture:
        return {colour for _, colour in picture.convert("RGB").getcolors(2**24)}


def rgb(name: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(name[1:]))


def test_one_call(tmp_path: Path) -> None:
    net, images = layers(nn, channels=1), mc.randn(2, 1, 12, 10)
    labels = net.eval()(images).argmax(1)
    path, captions = tmp_path / "e.png", ["$x$", "caf\udce9.jpg"]
    viz.plot_explanations(
        net, images, NAMES, path, target=3, captions=captions, truth=labels.tolist(), title="seen"
    )
    assert rgb(viz.RIGHT) in colours(path) and rgb(viz.WRONG) not in colours(path)
    viz.plot_explanations(net, images, NAMES, path, truth=((labels + 1) % 5).tolist())
    assert rgb(viz.WRONG) in colours(path) and rgb(viz.RIGHT) not in colours(path)


def test_pictures_and_heat_maps_have_their_colours(tmp_path: Path) -> None:
    net, path = layers(nn).eval(), tmp_path / "e.png"
    pixels = mc.tensor([0.2, 0.4, 0.6])[:, None, None].expand(-1, 12, 10)
    images = ((pixels - 0.5) / mc.tensor([0.1, 0.2, 0.25])[:, None, None])[None]
    warm = np.zeros((1, 12, 10))
    warm[:, :6] = 8.0
    maps = {"overlay": warm, "grey": mc.tensor(warm)[:, None], "cold": warm * 0}
    viz.plot_explanations(net, images, NAMES, path, maps, mean=[0.5] * 3, std=[0.1, 0.2, 0.25])
    picture = np.array([51, 102, 153])
    hot = (0.3 * picture + 0.7 * np.array([220, 40, 40])).astype(int)
    near = [tuple(hot + shift) for shift in (0, 1)]  # rounded down or not
    shown = colours(path)
    assert tuple(picture) in shown and (255, 255, 255) in shown and (0, 0, 0) in shown
    assert any(colour in shown for colour in near)


def test_what_does_not_fit(tmp_path: Path) -> None:
    net, images = layers(nn), mc.randn(2, 3, 12, 10)
    with pytest.raises(ValueError, match=r"'CAM' must be \(2, 12, 10\) or \(2, 1, 12, 10\), got"):
        viz.plot_explanations(net, images, NAMES, tmp_path / "e.png", {"CAM": np.ones((2, 10, 12))})
    with pytest.raises(ValueError, match="plot_explanations expects images"):
        viz.plot_explanations(net, images[0], NAMES, tmp_path / "e.png")
    texts: list[tuple[dict[str, Any], str]] = [
        ({"class_names": NAMES[:3]}, "a name for each of 5 classes, got 3"),
        ({"captions": ["one"]}, "captions must have an entry for each of 2 pictures, got 1"),
        ({"truth": [1]}, "truth must have an entry for each of 2 pictures, got 1"),
        ({"truth": [1, 5]}, "truth must have classes from 0 to 4"),
    ]
    for options, message in texts:
        with pytest.raises(ValueError, match=message):
            viz.plot_explanations(
                net, images, path=tmp_path / "e.png", **({"class_names": NAMES} | options)
            )
