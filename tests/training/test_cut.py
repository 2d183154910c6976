"""Crops that are drawn as numbers are those of the transforms."""

from __future__ import annotations

import numpy as np
import pytest

import minicnn as mc
from minicnn import transforms as T
from minicnn.training.cut import Cut

pytestmark = pytest.mark.cpu_only

TRAIN = T.Compose([T.Resize(10), T.RandomCrop((8, 7)), T.RandomHorizontalFlip(), T.PILToTensor()])
VAL = T.Compose([T.Resize(10), T.CenterCrop(7), T.PILToTensor()])


def test_what_transforms_amount_to():
    assert Cut.of(TRAIN)[1:] == ((8, 7), True, 0.5)
    assert Cut.of(VAL)[1:] == ((7, 7), False, 0.0)
    no_flip = T.Compose([T.Resize((9, 8)), T.RandomCrop(8), T.PILToTensor()])
    assert Cut.of(no_flip)[1:] == ((8, 8), True, 0.0)
    assert Cut.of(TRAIN).resize is TRAIN.transforms[0]


def test_the_centre_is_that_of_the_transform():
    sizes = np.array([[10, 10], [10, 11], [12, 10], [10, 13], [15, 10]])
    tops, lefts, mirrored = Cut.of(VAL).draw(sizes)
    assert not mirrored.any()
    for (H, W), top, left in zip(sizes, tops, lefts, strict=True):
        places = mc.arange(H * W).reshape(1, H, W)
        assert T.CenterCrop(7)(places)[0, 0, 0].item() == top * W + left


def test_all_places_are_drawn_equally_often_and_half_are_mirrored():
    N = 6000
    tops, lefts, mirrored = Cut.of(TRAIN).draw(np.tile([[10, 12]], (N, 1)))
    places, counts = np.unique(np.stack([tops, lefts, mirrored]), axis=1, return_counts=True)
    assert places.shape == (3, 3 * 6 * 2)
    assert (places.min(axis=1) == 0).all() and places.max(axis=1).tolist() == [2, 5, 1]
    expected = N / 36
    assert ((counts - expected) ** 2 / expected).sum() < 75  # chi-squared, 35 degrees of freedom


def test_a_picture_as_small_as_the_crop():
    tops, lefts, _ = Cut.of(TRAIN).draw(np.tile([[8, 7]], (20, 1)))
    assert not tops.any() and not lefts.any()


@pytest.mark.parametrize("steps", [
    [], [T.CenterCrop(7), T.PILToTensor()], [T.Resize(10), T.PILToTensor()],
    [T.Resize(10), T.RandomCrop(8, padding=1), T.PILToTensor()],
    [T.Resize(10), T.CenterCrop(8), T.ToTensor()],
    [T.Resize(10), T.RandomCrop(8), T.RandomVerticalFlip(), T.PILToTensor()],
], ids=str)  # fmt: skip
def test_other_transforms(steps):
    with pytest.raises(ValueError, match="take the transforms Resize, RandomCrop .* got Compose"):
        Cut.of(T.Compose(steps))


@pytest.mark.parametrize("resize", [T.Resize(7), T.Resize((8, 6)), T.Resize(10, max_size=12)])
def test_pictures_that_may_be_too_small(resize):
    with pytest.raises(ValueError, match="must not make pictures smaller than RandomCrop"):
        Cut.of(T.Compose([resize, T.RandomCrop(8), T.PILToTensor()]))
