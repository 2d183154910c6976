from __future__ import annotations

import numpy as np
import pytest

from minicnn import transforms as T
from minicnn.transforms import functional as F


def test_rotate_counter_clockwise(picture):
    square = picture.resize((16, 16))
    assert np.array_equal(F.rotate(square, 90), np.rot90(np.asarray(square)))
    assert F.rotate(picture, 90, expand=True).size == (17, 23)
    assert F.rotate(picture, 45, fill=(1, 2, 3)).getpixel((0, 0)) == (1, 2, 3)


def test_random_rotation_draws_from_its_range(picture):
    marked = picture.resize((64, 64))
    assert T.RandomRotation((90, 90))(marked).tobytes() == F.rotate(marked, 90).tobytes()
    assert T.RandomRotation(20).degrees == [-20, 20]
    outs = {T.RandomRotation(20)(marked).tobytes() for _ in range(5)}
    assert len(outs) == 5


def test_affine_shifts(picture):
    out = np.asarray(F.affine(picture, 0, (3, -2), 1, 0))
    expected = np.zeros_like(out)
    expected[:15, 3:] = np.asarray(picture)[2:, :20]
    assert np.array_equal(out, expected)


def test_affine_scales_around_the_centre(picture):
    out = np.asarray(F.affine(picture.resize((16, 16)), 0, (0, 0), 2, 0))
    pixels = np.asarray(picture.resize((16, 16)))[4:12, 4:12]
    assert np.array_equal(out, pixels.repeat(2, 0).repeat(2, 1))


def test_affine_rotates_clockwise(picture):
    square = picture.resize((16, 16))
    assert np.array_equal(F.affine(square, 90, (0, 0), 1, 0), np.rot90(np.asarray(square), -1))


def test_affine_shears_rows_against_each_other():
    from PIL import Image

    line = np.zeros((21, 21), np.uint8)
    line[:, 10] = 255
    out = np.asarray(F.affine(Image.fromarray(line), 0, (0, 0), 1, 45))
    columns = out.argmax(1)
    inside = out.any(1)
    assert set(np.abs(np.diff(columns[inside]))) == {1}  # 45 degrees: one column for each row


def test_random_affine_stays_within_its_ranges():
    ranges = (-5, 10), (0.1, 0.3), (0.5, 2), (1, 2, 3, 4)
    params = [T.RandomAffine.get_params(*ranges, (100, 50)) for _ in range(300)]
    angles, shifts, scales, shears = (np.array(p, np.float64) for p in zip(*params, strict=True))
    for values, low, high in (
        (angles, -5, 10),
        (shifts[:, 0], -10, 10),
        (shifts[:, 1], -15, 15),
        (scales, 0.5, 2),
        (shears[:, 0], 1, 2),
        (shears[:, 1], 3, 4),
    ):
        assert low <= values.min() < low + 0.1 * (high - low)
        assert high - 0.1 * (high - low) < values.max() <= high
    assert T.RandomAffine.get_params((0, 0), None, None, None, (100, 50)) == (0, (0, 0), 1, (0, 0))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"degrees": -1}, "degrees as a single number must be >= 0"),
        ({"degrees": (1, 2, 3)}, "degrees must be one number or 2 numbers"),
        ({"degrees": 0, "translate": (0.5, 1.5)}, "translate must be two shares"),
        ({"degrees": 0, "scale": (0, 1)}, "scale must be two positive factors"),
        ({"degrees": 0, "shear": (1, 2, 3)}, "shear must be one number or 2 or 4 numbers"),
    ],
)
def test_random_affine_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        T.RandomAffine(**arguments)


def test_affine_scale_must_be_positive(picture):
    with pytest.raises(ValueError, match="scale must be positive, got 0"):
        F.affine(picture, 0, (0, 0), 0, 0)
