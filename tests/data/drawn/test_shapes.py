"""Drawn shapes and their masks."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn.data.drawn import SHAPES, DrawnShapes


def test_the_same_seed_draws_the_same_shapes() -> None:
    first, second = DrawnShapes(5, size=64), DrawnShapes(5, size=64)
    for index in (3, 0, 3):
        for a, b in zip(first[index], second[index], strict=True):
            np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    assert first[0][0].tobytes() != first[1][0].tobytes()
    assert first[0][0].tobytes() != DrawnShapes(5, size=64, seed=1)[0][0].tobytes()
    assert len(first) == 5
    with pytest.raises(IndexError, match="between 0 and 4, got 5"):
        first[5]


def test_every_class_occurs_and_void_is_thin() -> None:
    counts = np.zeros(256)
    background = np.zeros((60, 66, 66), bool)
    void = np.zeros((60, 64, 64), bool)
    for i, (picture, mask) in enumerate(DrawnShapes(60, size=64)):
        assert (picture.mode, mask.mode, picture.size, mask.size) == (
            "RGB",
            "L",
            (64, 64),
            (64, 64),
        )
        labels = np.asarray(mask)
        counts += np.bincount(labels.ravel(), minlength=256)
        void[i], background[i, 1:-1, 1:-1] = labels == 255, labels == 0
    shares = counts / counts.sum()
    assert (shares[: len(SHAPES)] > 0.01).all()
    windows = np.lib.stride_tricks.sliding_window_view(background, (3, 3), (1, 2))
    assert 0 < shares[255] < 0.1
    assert windows.any((3, 4))[void].mean() > 0.99, "void is one pixel wide"
    assert shares[[*range(len(SHAPES)), 255]].sum() == pytest.approx(1)
