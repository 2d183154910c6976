from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from minicnn import transforms as T
from minicnn.transforms import functional as F


def test_brightness(picture):
    pixels = np.asarray(picture).astype(int)
    assert np.asarray(F.adjust_brightness(picture, 0)).max() == 0
    assert np.array_equal(F.adjust_brightness(picture, 1), pixels)
    assert np.array_equal(F.adjust_brightness(picture, 2), np.minimum(pixels * 2, 255))


def test_contrast(picture):
    grey = int(np.asarray(picture.convert("L")).mean() + 0.5)
    assert np.unique(F.adjust_contrast(picture, 0)).tolist() == [grey]
    assert np.array_equal(F.adjust_contrast(picture, 1), np.asarray(picture))


def test_saturation(picture):
    grey = np.asarray(picture.convert("L"))
    out = np.asarray(F.adjust_saturation(picture, 0))
    assert all(np.array_equal(out[..., c], grey) for c in range(3))
    assert np.array_equal(F.adjust_saturation(picture, 1), np.asarray(picture))


def test_hue_turns_the_colour_circle():
    red = Image.new("RGB", (1, 1), (255, 0, 0))
    green, blue = (
        F.adjust_hue(red, 1 / 3).getpixel((0, 0)),
        F.adjust_hue(red, -1 / 3).getpixel((0, 0)),
    )
    assert green[1] == 255 and max(green[0], green[2]) < 8
    assert blue[2] == 255 and max(blue[0], blue[1]) < 8
    grey = Image.new("L", (1, 1), 7)
    assert F.adjust_hue(grey, 0.3) is grey
    with pytest.raises(ValueError, match=r"between -0\.5 and 0\.5, got 0\.6"):
        F.adjust_hue(red, 0.6)


def test_jitter_applies_only_what_is_asked_for(picture):
    assert T.ColorJitter()(picture) is picture
    out = T.ColorJitter(brightness=(2, 2))(picture)
    assert out.tobytes() == F.adjust_brightness(picture, 2).tobytes()


def test_jitter_goes_in_random_order(picture):
    jitter = T.ColorJitter(brightness=(1.9, 1.9), contrast=(0.4, 0.4))
    orders = {
        F.adjust_contrast(F.adjust_brightness(picture, 1.9), 0.4).tobytes(),
        F.adjust_brightness(F.adjust_contrast(picture, 0.4), 1.9).tobytes(),
    }
    assert len(orders) == 2
    assert {jitter(picture).tobytes() for _ in range(40)} == orders


def test_jitter_ranges():
    jitter = T.ColorJitter(0.4, 1.5, (0.5, 2), 0.1)
    assert jitter.brightness == (0.6, 1.4)
    assert jitter.contrast == (0, 2.5)
    assert jitter.saturation == (0.5, 2)
    assert jitter.hue == (-0.1, 0.1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"brightness": -1}, "brightness as a single number must be >= 0"),
        ({"contrast": (2, 1)}, "contrast must be within"),
        ({"saturation": (-1, 1)}, "saturation must be within"),
        ({"hue": 0.6}, r"hue must be within \(-0.5, 0.5\)"),
    ],
)
def test_jitter_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        T.ColorJitter(**arguments)


def test_grayscale(picture):
    grey = np.asarray(picture.convert("L"))
    assert np.array_equal(T.Grayscale()(picture), grey)
    three = T.Grayscale(3)(picture)
    assert three.mode == "RGB"
    assert all(np.array_equal(np.asarray(three)[..., c], grey) for c in range(3))
    with pytest.raises(ValueError, match="must be 1 or 3, got 2"):
        T.Grayscale(2)


def test_random_grayscale_keeps_the_channels(picture):
    assert T.RandomGrayscale(1)(picture).mode == "RGB"
    assert T.RandomGrayscale(1)(picture.convert("L")).mode == "L"
    assert T.RandomGrayscale(0)(picture) is picture
