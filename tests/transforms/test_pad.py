from __future__ import annotations

import numpy as np
import pytest

from minicnn import transforms as T
from minicnn.transforms import functional as F


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
