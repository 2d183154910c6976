from __future__ import annotations

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
