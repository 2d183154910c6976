from __future__ import annotations

import numpy as np
import pytest

from minicnn import transforms as T
from minicnn.random import Generator
from minicnn.transforms import functional as F


@pytest.mark.parametrize(
    ("size", "top", "left"),  # of the 17 x 23 picture; halves round to even numbers
    [((7, 3), 5, 10), (8, 4, 8), ((12, 10), 2, 6), ((17, 23), 0, 0)],
)
def test_center_crop(picture, size, top, left):
    out = T.CenterCrop(size)(picture)
    height, width = (size, size) if isinstance(size, int) else size
    pixels = np.asarray(picture)[top : top + height, left : left + width]
    assert np.array_equal(out, pixels)


def test_center_crop_pads_what_is_too_small(picture):
    pixels = np.asarray(picture)
    out = np.asarray(T.CenterCrop((20, 5))(picture))
    # 3 rows are lacking, one above and two below
    assert np.array_equal(out, np.pad(pixels, ((1, 2), (0, 0), (0, 0)))[:, 9:14])
    out = np.asarray(T.CenterCrop(24)(picture))
    assert np.array_equal(out, np.pad(pixels, ((3, 4), (0, 1), (0, 0))))


def test_random_crop_visits_every_place_and_none_outside(picture):
    pixels = np.asarray(picture)
    crop = T.RandomCrop((15, 21))
    places = set()
    for _ in range(200):
        top, left, height, width = crop.get_params(picture, (15, 21))
        assert (height, width) == (15, 21)
        places.add((top, left))
    assert places == {(top, left) for top in range(3) for left in range(3)}
    out = np.asarray(crop(picture))
    assert any(np.array_equal(out, pixels[t : t + 15, s : s + 21]) for t, s in places)


def test_random_crop_pads_first(picture):
    whole = np.pad(np.asarray(picture), ((4, 4), (2, 2), (0, 0)), "reflect")
    out = T.RandomCrop((25, 27), padding=(2, 4), padding_mode="reflect")(picture)
    assert np.array_equal(out, whole)


def test_random_crop_pads_if_needed(picture):
    out = T.RandomCrop((19, 25), pad_if_needed=True, fill=255)(picture)
    assert out.size == (25, 19)
    with pytest.raises(ValueError, match=r"of \(19, 25\) is larger than the image of \(17, 23\)"):
        T.RandomCrop((19, 25))(picture)


def test_random_resized_crop_is_within_its_bounds(picture):
    big = picture.resize((400, 300))
    crop = T.RandomResizedCrop(32, scale=(0.2, 0.5), ratio=(0.5, 2))
    shares, ratios = [], []
    for _ in range(300):
        top, left, height, width = crop.get_params(big, crop.scale, crop.ratio)
        assert 0 <= top <= 300 - height and 0 <= left <= 400 - width
        shares.append(height * width / (300 * 400))
        ratios.append(width / height)
    assert 0.195 < min(shares) < 0.23 and 0.46 < max(shares) < 0.505
    assert 0.49 < min(ratios) < 0.6 and 1.7 < max(ratios) < 2.03
    assert np.mean(np.log(ratios)) == pytest.approx(0, abs=0.08)  # uniform by logarithm
    assert crop(big).size == (32, 32)


@pytest.mark.parametrize(
    ("size", "ratio", "expected"),  # (width, height) of the image; (top, left, height, width)
    [
        ((100, 10), (3 / 4, 4 / 3), (0, 43, 10, 13)),
        ((10, 100), (3 / 4, 4 / 3), (43, 0, 13, 10)),
        ((20, 20), (3 / 4, 4 / 3), (0, 0, 20, 20)),
    ],
)
def test_random_resized_crop_falls_back_to_the_middle(picture, size, ratio, expected):
    scale = (5, 6)  # never fits
    assert T.RandomResizedCrop.get_params(picture.resize(size), scale, ratio) == expected


def test_random_resized_crop_is_crop_and_resize(picture):
    from minicnn.data.seeding import use_generator

    crop = T.RandomResizedCrop((9, 11))
    with use_generator(Generator().manual_seed(3)):
        params = crop.get_params(picture, crop.scale, crop.ratio)
    with use_generator(Generator().manual_seed(3)):
        out = crop(picture)
    assert out.tobytes() == F.resize(F.crop(picture, *params), (9, 11)).tobytes()


@pytest.mark.parametrize("bounds", [(1, 0.5), (0.5,)])
def test_bounds_are_in_order(bounds):
    with pytest.raises(ValueError, match=r"scale must be \(min, max\)"):
        T.RandomResizedCrop(8, scale=bounds)
