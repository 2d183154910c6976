"""Moving numbers between channels and pixels: what the databases of torch leave out."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import assert_agrees, channels_last, normal

import minicnn as mc
import minicnn.nn.functional as F


def test_there_and_back() -> None:
    x = mc.tensor(normal(2, 8, 3, 5))
    assert (F.pixel_unshuffle(F.pixel_shuffle(x, 2), 2) == x).all()
    assert (F.channel_shuffle(F.channel_shuffle(x, 2), 4) == x).all()


def test_channels_last() -> None:
    x = channels_last(normal(2, 8, 4, 6))
    assert_agrees(lambda m, x: m.pixel_shuffle(x, 2), x)
    assert_agrees(lambda m, x: m.pixel_unshuffle(x, 2), x)
    assert_agrees(lambda m, x: m.channel_shuffle(x, 4), x)


@pytest.mark.parametrize(
    "call",
    [
        lambda m, x: m.pixel_shuffle(x, 3),
        lambda m, x: m.pixel_shuffle(x, 0),
        lambda m, x: m.pixel_shuffle(x[0, 0], 1),
        lambda m, x: m.pixel_unshuffle(x, 4),
        lambda m, x: m.channel_shuffle(x, 3),
        lambda m, x: m.channel_shuffle(x[0, 0], 1),
    ],
)
def test_refused(call: object) -> None:
    with pytest.raises(RuntimeError, match="expects|must divide"):
        call(mc, mc.zeros(2, 8, 3, 5))  # type: ignore[operator]
    assert_agrees(call, np.zeros((2, 8, 3, 5)))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["upsample", "upsample_nearest", "upsample_bilinear"])
def test_old_names_of_interpolate(name: str) -> None:
    with pytest.warns(UserWarning, match=f"nn.functional.{name}` is deprecated"):
        assert_agrees(lambda m, x: getattr(m.nn.functional, name)(x, None, 2), normal(2, 3, 4, 5))
