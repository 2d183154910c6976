"""Random pictures: the same as torchvision's."""

from __future__ import annotations

from typing import Any

import pytest
from with_torchvision import torchvision

import minicnn as mc
from minicnn.data import datasets

pytestmark = pytest.mark.cpu_only


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"image_size": (3, 32, 32), "random_offset": 77},
        {"image_size": (1, 5, 7), "num_classes": 3},
        {"image_size": (4, 3, 3)},
        {"image_size": (3, 2, 2)},
    ],
)
def test_samples(options: Any) -> None:
    ours = datasets.FakeData(4, target_transform=float, **options)
    theirs = torchvision.datasets.FakeData(4, **options)
    for i in range(4):
        (picture, target), (expected, label) = ours[i], theirs[i]
        assert (picture.mode, picture.size) == (expected.mode, expected.size)
        # randn agrees to the last digits, and a value at the edge of two may fall on either side
        differing = sum(a != b for a, b in zip(picture.tobytes(), expected.tobytes(), strict=True))
        assert differing <= len(picture.tobytes()) / 1000
        assert target == label and type(target) is type(label)


def test_it_draws_from_a_generator_of_its_own() -> None:
    mc.manual_seed(3)
    expected = mc.randn(4).tolist()
    mc.manual_seed(3)
    dataset = datasets.FakeData(10, (3, 8, 8))
    assert dataset[2][0].tobytes() == dataset[2][0].tobytes() != dataset[3][0].tobytes()
    assert mc.randn(4).tolist() == expected
    with pytest.raises(IndexError, match="index 10 is out of range for 10 samples"):
        dataset[10]
    assert repr(dataset) == repr(torchvision.datasets.FakeData(10, (3, 8, 8)))
