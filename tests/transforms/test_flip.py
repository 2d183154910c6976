from __future__ import annotations

import numpy as np
import pytest

from minicnn import transforms as T
from minicnn.transforms import functional as F


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


@pytest.mark.parametrize("function", [F.hflip, F.vflip])
def test_only_pil_images(function):
    with pytest.raises(TypeError, match=r"expected a PIL image, got numpy\.ndarray"):
        function(np.zeros((3, 3, 3), np.uint8))
