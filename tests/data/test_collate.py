from __future__ import annotations

from collections import namedtuple

import numpy as np
import pytest
from PIL import Image

from minicnn.data import default_collate
from minicnn.tensor import Tensor


@pytest.mark.parametrize(
    ("batch", "dtype", "shape"),
    [
        ([Tensor(np.zeros((2, 3), np.float16))] * 4, np.float16, (4, 2, 3)),
        ([np.zeros((2, 3), np.uint8)] * 4, np.uint8, (4, 2, 3)),
        ([np.float64(1), np.float64(2)], np.float64, (2,)),
        ([1, 2, 3], np.int64, (3,)),
        ([1.5, 2.5], np.float32, (2,)),
        ([True, False], np.bool_, (2,)),
    ],
)
def test_stacks(batch, dtype, shape):
    out = default_collate(batch)
    assert isinstance(out, Tensor)
    assert out.dtype == dtype and out.shape == shape
    assert np.array_equal(out.numpy(), np.stack([np.asarray(sample) for sample in batch]))


def test_structures():
    Pair = namedtuple("Pair", "x y")
    batch = [({"a": 1, "b": "s"}, Pair(1.0, 2)), ({"a": 3, "b": "t"}, Pair(5.0, 6))]
    mapping, pairs = default_collate(batch)
    assert mapping["a"].tolist() == [1, 3] and mapping["b"] == ["s", "t"]
    assert isinstance(pairs, Pair)
    assert pairs.x.tolist() == [1, 5] and pairs.y.tolist() == [2, 6]


def test_images_stay_channels_last_in_memory():
    image = np.arange(4 * 5 * 3, dtype=np.float32).reshape(4, 5, 3).transpose(2, 0, 1)
    out = default_collate([Tensor(image), Tensor(image + 1)]).array
    assert out.shape == (2, 3, 4, 5)
    assert out.transpose(0, 2, 3, 1).flags.c_contiguous
    assert np.array_equal(out[1], image + 1)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_values_are_in_place_whatever_the_order_in_memory(order):
    array = np.arange(24).reshape(2, 3, 4).transpose(order)
    other = np.ascontiguousarray(array * 2)  # a second sample in another order
    out = default_collate([array, other]).array
    assert np.array_equal(out[0], array) and np.array_equal(out[1], other)


def test_different_shapes_are_named():
    with pytest.raises(
        RuntimeError, match=r"\(3, 4, 5\) for the first and \(3, 4, 6\) for num.* 2"
    ):
        default_collate([np.zeros((3, 4, n)) for n in (5, 5, 6)])


def test_different_lengths_are_named():
    with pytest.raises(RuntimeError, match=r"equal lengths, got lengths \[1, 2\]"):
        default_collate([(1, 2), (1,)])


def test_a_picture_asks_for_to_tensor():
    with pytest.raises(TypeError, match=r"PIL\.Image\.Image \(is a ToTensor\(\) missing\?\)"):
        default_collate([Image.new("RGB", (2, 2))])
