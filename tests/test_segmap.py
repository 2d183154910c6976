"""Label maps in VOC's colours, and over their picture."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("matplotlib")  # all of minicnn.viz needs it

from minicnn import viz

# background, aeroplane, bicycle, … tvmonitor, as published with the data
VOC_COLOURS = [
    (0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128), (128, 0, 128),
    (0, 128, 128), (128, 128, 128), (64, 0, 0), (192, 0, 0), (64, 128, 0), (192, 128, 0),
    (64, 0, 128), (192, 0, 128), (64, 128, 128), (192, 128, 128), (0, 64, 0), (128, 64, 0),
    (0, 192, 0), (128, 192, 0), (0, 64, 128),
]  # fmt: skip
VOID = (224, 224, 192)
NAMES = ["background", *(f"class {i}" for i in range(1, 21))]


def test_the_21_colours() -> None:
    labels = np.arange(21).reshape(3, 7)
    colours = viz.decode_segmap(labels)
    assert colours.shape == (3, 7, 3) and colours.dtype == np.uint8
    assert [tuple(colour) for colour in colours.reshape(-1, 3).tolist()] == VOC_COLOURS


def test_the_palette_of_256_colours_ends_in_that_of_void() -> None:
    palette = viz.voc_palette()
    assert palette.shape == (256, 3) and len(np.unique(palette, axis=0)) == 256
    assert tuple(palette[255].tolist()) == VOID
    assert [tuple(colour) for colour in viz.voc_palette(21).tolist()] == VOC_COLOURS


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_void_and_unknown_classes_are_pale(dtype: type) -> None:
    colours = viz.decode_segmap(np.array([[255, 5, 4, 0]], dtype), nc=5)
    assert colours[0].tolist() == [list(VOID), list(VOID), [0, 0, 128], [0, 0, 0]]


def test_an_empty_map() -> None:
    assert viz.decode_segmap(np.zeros((0, 4), np.int64)).shape == (0, 4, 3)


def test_wrong_label_maps_are_named() -> None:
    with pytest.raises(ValueError, match=r"of 0 and above, got shape \(1, 2\) with -1"):
        viz.decode_segmap(np.array([[0, -1]]))
    with pytest.raises(ValueError, match=r"labels \(H, W\).*got shape \(1, 2, 3\)"):
        viz.decode_segmap(np.zeros((1, 2, 3), int))


def test_overlay_mixes_colours_over_the_picture_and_lists_them_below() -> None:
    picture = Image.new("RGB", (250, 60), (100, 100, 100))
    labels = np.zeros((60, 250), np.int64)
    labels[:30], labels[30:40], labels[40:42] = 15, 8, 255
    result = viz.overlay_segmap(picture, labels, NAMES, alpha=0.5)
    assert result.mode == "RGB" and result.width == 250 and result.height > 60
    assert result.getpixel((5, 5)) == (146, 114, 114)  # half of (192, 128, 128)
    assert result.getpixel((5, 35)) == (82, 50, 50)  # half of (64, 0, 0)
    assert result.getpixel((5, 55)) == (100, 100, 100)  # background
    legend = result.crop((0, 60, 250, result.height))
    colours = {colour for _, colour in legend.getcolors(2**16)}
    assert {VOC_COLOURS[15], VOC_COLOURS[8], (255, 255, 255)} <= colours
    assert VOC_COLOURS[1] not in colours and VOID not in colours
    rows = {
        label: np.argwhere((np.asarray(legend) == VOC_COLOURS[label]).all(-1))[:, 0].min()
        for label in (15, 8)
    }
    assert rows[15] < rows[8], "the largest first"


def test_overlay_of_nothing_and_on_small_pictures() -> None:
    picture = Image.new("L", (20, 10), 100)
    result = viz.overlay_segmap(picture, np.zeros((10, 20), np.uint8), NAMES)
    assert result.width >= 200 and result.getpixel((5, 5)) == (100, 100, 100)
    full = viz.overlay_segmap(picture, np.full((10, 20), 3, np.uint8), NAMES, alpha=1.0)
    assert full.getpixel((5, 5)) == VOC_COLOURS[3]
    assert (
        viz.overlay_segmap(picture, np.full((10, 20), 3), NAMES, 0.0).getpixel((5, 5)) == (100,) * 3
    )


def test_overlay_needs_labels_of_the_pictures_size() -> None:
    with pytest.raises(ValueError, match=r"image's size \(10, 20\), got \(20, 10\)"):
        viz.overlay_segmap(Image.new("RGB", (20, 10)), np.zeros((20, 10), int), NAMES)
