from __future__ import annotations

import numpy as np
import pytest

from minicnn import transforms as T
from minicnn.tensor import Tensor


def image_tensor(shape: tuple[int, ...] = (3, 5, 4), channels_last: bool = False) -> Tensor:
    array = np.random.default_rng(0).random(shape, dtype=np.float32)
    if channels_last:
        array = np.moveaxis(np.ascontiguousarray(np.moveaxis(array, -3, -1)), -1, -3)
    return Tensor.of(array)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("value", [0, (1, 2, 3), "random"])
def test_random_erasing(channels_last, value):
    x = image_tensor((3, 32, 48), channels_last)
    before = x.numpy().copy()
    out = T.RandomErasing(1, value=value)(x).numpy()
    assert np.array_equal(x.numpy(), before)
    changed = (out != before).any(0)
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    block = out[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    assert block[0].size == changed.sum()  # one full rectangle
    assert 0.015 < changed.mean() < 0.34
    if value == "random":
        assert abs(block.mean()) < 0.5 and 0.5 < block.std() < 1.5
    else:
        assert np.array_equal(block, np.broadcast_to(np.reshape(value, (-1, 1, 1)), block.shape))


def test_random_erasing_in_place_or_not_at_all():
    x = image_tensor((3, 32, 48))
    assert T.RandomErasing(0)(x) is x
    whole = T.RandomErasing(1, scale=(1, 1), ratio=(1, 1))(x)  # no room for such a rectangle
    assert np.array_equal(whole.numpy(), x.numpy())
    assert T.RandomErasing(1, inplace=True)(x) is x
    assert (x.numpy() == 0).mean() > 0.01


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"p": 2}, "p must be between"),
        ({"value": "noise"}, "must be 'random', got 'noise'"),
        ({"scale": (0.5, 1.5)}, "scale must be between 0 and 1"),
        ({"ratio": (3, 1)}, r"ratio must be \(min, max\)"),
    ],
)
def test_random_erasing_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        T.RandomErasing(**arguments)


def test_random_erasing_needs_a_tensor_and_a_value_for_each_channel(picture):
    with pytest.raises(TypeError, match="RandomErasing expects a tensor, got Image"):
        T.RandomErasing()(picture)
    with pytest.raises(ValueError, match="value must be 1 or 3 numbers, got 2"):
        T.RandomErasing(1, value=(1, 2))(image_tensor((3, 32, 32)))
