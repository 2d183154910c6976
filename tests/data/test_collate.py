from __future__ import annotations

from collections import OrderedDict, defaultdict, deque, namedtuple

import numpy as np
import pytest
from PIL import Image
from torch.utils.data import default_collate as torch_collate
from torch.utils.data import default_convert as torch_convert

from minicnn.data.collate import (
    collate,
    default_collate,
    default_collate_fn_map,
    default_convert,
)
from minicnn.tensor import Tensor


@pytest.mark.parametrize(
    ("batch", "dtype", "shape"),
    [
        ([Tensor.of(np.zeros((2, 3), np.float16))] * 4, np.float16, (4, 2, 3)),
        ([np.zeros((2, 3), np.uint8)] * 4, np.uint8, (4, 2, 3)),
        ([np.float64(1), np.float64(2)], np.float64, (2,)),
        ([1, 2, 3], np.int64, (3,)),
        ([1.5, 2.5], np.float64, (2,)),
        ([True, False], np.bool_, (2,)),
    ],
)
def test_stacks(batch, dtype, shape):
    out = default_collate(batch)
    assert isinstance(out, Tensor)
    assert out.dtype == dtype and out.shape == shape
    assert np.array_equal(out.numpy(), np.stack([np.asarray(sample) for sample in batch]))


@pytest.mark.parametrize(
    "batch",
    [
        [1, 2.5],
        [True, 2],
        [2, True],
        [True, 2.5],
        [2.5, 1],
        [2.5, True],
        [np.int64(1), np.float32(2.5)],
        [np.int8(1), np.int64(300)],
        [np.uint8(1), np.int8(-1)],
        [1, np.float64(2.5)],
        [np.zeros(2, np.int64), np.full(2, 2.5, np.float32)],
        [np.zeros(2, np.float32), np.ones(2, np.float64)],
        [np.zeros(2, np.bool_), np.ones(2, np.int8)],
        [np.array(1), np.array(2.5)],
        [(1, 2), (3, 4.5)],
        [{"a": 1}, {"a": 2.5}],
    ],
    ids=str,
)
def test_the_dtype_holds_all_samples_as_in_torch(batch):
    for ours, theirs in zip(leaves(default_collate(batch)), leaves(torch_collate(batch))):
        assert str(ours.dtype) == str(theirs.dtype)
        assert ours.tolist() == theirs.tolist()


@pytest.mark.parametrize(
    "batch",
    [["a", "b"], [(1, "a"), (2, "b")], [{"name": "a"}, {"name": "b"}], [(1, ("a", "b"))] * 2],
    ids=str,
)
def test_strings_stay_as_they_are(batch):
    ours, theirs = default_collate(batch), torch_collate(batch)
    assert repr(ours) == repr(theirs)


def test_tensors_of_different_dtypes():
    out = default_collate(
        [Tensor.of(np.zeros(2, np.int64)), Tensor.of(np.full(2, 2.5, np.float32))]
    )
    assert out.dtype == np.float32 and out.tolist() == [[0, 0], [2.5, 2.5]]


def test_arrays_of_the_other_byte_order_become_native():
    out = default_collate([np.arange(3, dtype=">f4")] * 2).array
    assert out.dtype.isnative and out[1].tolist() == [0, 1, 2]


def test_gradients_reach_the_samples():
    sample = Tensor.of(np.ones(2, np.float32)).requires_grad_()
    default_collate([sample, sample]).sum().backward()
    assert sample.grad.tolist() == [2, 2]


def leaves(batch) -> list:
    if isinstance(batch, dict):
        return list(batch.values())
    return batch if isinstance(batch, list) else [batch]


@pytest.mark.parametrize(
    "batch",
    [
        [OrderedDict(a=1), {"a": 2}],
        [defaultdict(int, a=1)] * 2,
        [deque([1, 2])] * 2,
        [range(2)] * 2,
        [bytearray(b"ab")] * 2,
        [[], []],
        [{}, {}],
        ["a", None],
    ],
    ids=str,
)
def test_containers_are_torchs(batch):
    ours, theirs = default_collate(batch), torch_collate(batch)
    assert type(ours) is type(theirs) and len(ours) == len(theirs)


@pytest.mark.parametrize(
    ("batch", "error", "message"),
    [
        ([], IndexError, "an empty batch"),
        ([None, None], TypeError, "found <class 'NoneType'>"),
        ([1, None], TypeError, "got int for the first and NoneType for number 1"),
        ([1.5, "a"], TypeError, "got float for the first and str for number 1"),
        ([Tensor.of(np.ones(2)), 1.0], TypeError, "got minicnn.tensor.Tensor for .* and float for"),
        ([(1, 2), 3], TypeError, "got tuple for the first and int for number 1"),
        ([{"a": 1}, 3], TypeError, "got dict for the first and int for number 1"),
        ([{"a": 1, "b": 2}, {"a": 2}], KeyError, "number 1 lacks 'b'"),
        ([np.array(["a"])], TypeError, "found an array of <U1"),
        ([1j], TypeError, "found <class 'complex'>"),
        ([2**63], ValueError, r"from -2\*\*63 to 2\*\*63 - 1, got \[9223372036854775808\]"),
    ],
)
def test_what_cannot_be_joined(batch, error, message):
    with pytest.raises(error, match=message):
        default_collate(batch)


def test_structures():
    Pair = namedtuple("Pair", "x y")
    batch = [({"a": 1, "b": "s"}, Pair(1.0, 2)), ({"a": 3, "b": "t"}, Pair(5.0, 6))]
    mapping, pairs = default_collate(batch)
    assert mapping["a"].tolist() == [1, 3] and mapping["b"] == ["s", "t"]
    assert isinstance(pairs, Pair)
    assert pairs.x.tolist() == [1, 5] and pairs.y.tolist() == [2, 6]


def test_images_stay_channels_last_in_memory():
    image = np.arange(4 * 5 * 3, dtype=np.float32).reshape(4, 5, 3).transpose(2, 0, 1)
    out = default_collate([Tensor.of(image), Tensor.of(image + 1)]).array
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
        RuntimeError, match=r"\(3, 4, 5\) for the first and \(3, 4, 6\) for num.* 2.*a collate_fn"
    ):
        default_collate([np.zeros((3, 4, n)) for n in (5, 5, 6)])


def test_different_lengths_are_named():
    with pytest.raises(RuntimeError, match=r"equal lengths, got lengths \[1, 2\]"):
        default_collate([(1, 2), (1,)])


def test_a_picture_asks_for_to_tensor():
    with pytest.raises(TypeError, match=r"PIL\.Image\.Image'> \(is a ToTensor\(\) missing\?\)"):
        default_collate([Image.new("RGB", (2, 2))])


Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    "sample",
    [
        3,
        "text",
        None,
        np.arange(3),
        np.float32(2.5),
        np.array(["a"]),
        (1, np.array(2)),
        Point(0, np.array(1)),
        {"a": np.zeros(2), "b": [np.ones(1), "s"]},
        range(2),
    ],
    ids=str,
)
def test_single_samples_are_converted_as_in_torch(sample):
    assert described(default_convert(sample)) == described(torch_convert(sample))


def described(value):
    """A value without what differs between frameworks."""
    if isinstance(value, dict):
        return {key: described(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value).__name__, [described(item) for item in value]
    if isinstance(value, Tensor) or type(value).__name__ == "Tensor":
        return "Tensor", str(value.dtype), value.tolist()
    return type(value).__name__, str(value)


def test_single_samples_share_memory():
    array = np.zeros(2)
    assert default_convert({"a": array})["a"].array is array


def test_a_program_can_join_types_of_its_own():
    class Box:
        def __init__(self, content: int) -> None:
            self.content = content

    def join(batch, *, collate_fn_map):
        return sum(box.content for box in batch)

    boxes = [{"box": Box(1), "n": 1}, {"box": Box(2), "n": 2}]
    joined = collate(boxes, collate_fn_map={Box: join})
    assert joined["box"] == 3 and joined["n"].tolist() == [1, 2]
    default_collate_fn_map[Box] = join
    try:
        assert default_collate([(Box(4), 0), (Box(5), 0)])[0] == 9
    finally:
        del default_collate_fn_map[Box]
