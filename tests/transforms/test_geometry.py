from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from minicnn import transforms as T
from minicnn.transforms import functional as F


@pytest.mark.parametrize(
    ("size", "arguments", "expected"),  # all (height, width); the picture is (17, 23)
    [
        (10, {}, (10, 13)),  # int(10 * 23 / 17) = int(13.5)
        ([10], {}, (10, 13)),
        ((5, 40), {}, (5, 40)),
        (17, {}, (17, 23)),
        (30, {"max_size": 35}, (int(35 * 30 / 40), 35)),
        (30, {"max_size": 60}, (30, 40)),
    ],
)
def test_resize(picture, size, arguments, expected):
    out = T.Resize(size, **arguments)(picture)
    assert (out.height, out.width) == expected
    assert out.tobytes() == picture.resize(expected[::-1], Image.Resampling.BILINEAR).tobytes()
    upright = T.Resize(size, **arguments)(picture.transpose(Image.Transpose.ROTATE_90))
    if not isinstance(size, tuple):
        assert (upright.height, upright.width) == expected[::-1]


def test_resize_returns_the_same_picture_if_nothing_changes(picture):
    assert F.resize(picture, 17) is picture


@pytest.mark.parametrize("mode", T.InterpolationMode)
def test_resize_by_every_interpolation(picture, mode):
    out = F.resize(picture, (9, 9), mode)
    pillow = Image.Resampling[mode.name.replace("_EXACT", "")]
    assert out.tobytes() == picture.resize((9, 9), pillow).tobytes()
    assert out.tobytes() == F.resize(picture, (9, 9), pillow).tobytes()


@pytest.mark.parametrize(
    ("size", "max_size", "message"),
    [
        ((1, 2, 3), None, "one number or .height, width., got"),
        ((5, 5), 9, "max_size needs one number"),
        (10, 10, "max_size must be above size 10, got 10"),
    ],
)
def test_resize_arguments(size, max_size, message):
    with pytest.raises(ValueError, match=message):
        T.Resize(size, max_size=max_size)


def test_flips(picture):
    pixels = np.asarray(picture)
    assert np.array_equal(T.RandomHorizontalFlip(1)(picture), pixels[:, ::-1])
    assert np.array_equal(T.RandomVerticalFlip(1)(picture), pixels[::-1])
    assert T.RandomHorizontalFlip(0)(picture) is picture
    assert T.RandomVerticalFlip(0)(picture) is picture


def test_flips_half_of_the_time(picture):
    flip = T.RandomHorizontalFlip()
    flipped = sum(flip(picture) is not picture for _ in range(400))
    assert 150 < flipped < 250


@pytest.mark.parametrize("p", [-0.1, 1.1])
def test_probabilities(p):
    with pytest.raises(ValueError, match="p must be between 0 and 1"):
        T.RandomHorizontalFlip(p)


@pytest.mark.parametrize(
    ("padding", "widths"),
    [
        (2, ((2, 2), (2, 2), (0, 0))),
        ((1, 3), ((3, 3), (1, 1), (0, 0))),
        ((1, 2, 3, 4), ((2, 4), (1, 3), (0, 0))),
    ],
)
@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric"])
def test_pad(picture, padding, widths, mode):
    out = T.Pad(padding, padding_mode=mode)(picture)
    assert np.array_equal(out, np.pad(np.asarray(picture), widths, mode))


def test_pad_fills(picture):
    assert F.pad(picture, 1, 7).getpixel((0, 0)) == (7, 7, 7)
    assert F.pad(picture, 1, (1, 2, 3)).getpixel((0, 0)) == (1, 2, 3)
    assert F.pad(picture.convert("L"), 1, 9).getpixel((0, 0)) == 9
    assert F.pad(picture.convert("F"), 1, 0.5).getpixel((0, 0)) == 0.5
    with pytest.raises(
        ValueError, match=r"fill must be 1 or 3 numbers for this image, got \[1, 2\]"
    ):
        F.pad(picture, 1, (1, 2))


@pytest.mark.parametrize("mode", ["constant", "edge"])
def test_pad_keeps_a_palette(picture, mode):
    indexed = picture.quantize(8)
    out = F.pad(indexed, 3, padding_mode=mode)
    assert out.mode == "P"
    inside = out.convert("RGB").crop((3, 3, 26, 20))
    assert inside.tobytes() == indexed.convert("RGB").tobytes()


@pytest.mark.parametrize(
    ("padding", "mode", "message"),
    [
        ((1, 2, 3), "constant", "1, 2 or 4 numbers, got"),
        (1, "wrap", "padding_mode must be one of .*got 'wrap'"),
    ],
)
def test_pad_arguments(padding, mode, message):
    with pytest.raises(ValueError, match=message):
        T.Pad(padding, padding_mode=mode)


@pytest.mark.parametrize("function", [F.hflip, F.vflip])
def test_only_pil_images(function):
    with pytest.raises(TypeError, match=r"expected a PIL image, got numpy\.ndarray"):
        function(np.zeros((3, 3, 3), np.uint8))
