"""New tensors against PyTorch's: their numbers, dtypes and refusals."""

import numpy as np
import pytest
import torch
from oracle import assert_agrees, dtype_in

import minicnn as mc

INF, NAN = float("inf"), float("nan")

RANGES = [
    (5,), (5.0,), (1, 5), (1, 5, 2), (1, 5, 0), (1, 5, -1), (5, 1), (0, -3, 2), (5, 1, -1), (0, 0),
    (5, 5, -1), (3.1,), (0, 2.9), (-0.9, 2.1, 2.0), (-1, 2, 2), (-0.9, 2.1, 1.0), (0.5, 3.5, 0.5),
    (0, 5, 1.5), (-2.7, 3.1, 1.3), (0, 1, 0.1), (0.3, 17.2, 0.1), (0, -1, -0.25), (-3, 3),
    (INF,), (NAN,), (0, INF), (0, 1, NAN), (0, 10, INF), (250, 260), ("a",), (), (2**53, 2**53 + 4),
]  # fmt: skip
LINES = [
    (0, 1, 5), (0, 1, 1), (0, 1, 0), (0, 1, -1), (0, 1, 2), (0, 1, 5.0), (0, -3, 50), (-3, 10, 8),
    (0.5, 9.9, 7), (-9.9, 0.5, 7), (9, 0, 7), (0, INF, 5), (INF, 0, 5), (NAN, 0, 5), (-1e30, 1e30, 5),
    (-3e38, 3e38, 5), (0.1, 0.7, 1000), (1.7, -33.3, 333), (0, 300, 8), (3, 3, 4), (0, 2**60, 11),
]  # fmt: skip
DTYPES = ["float64", "float32", "float16", "int64", "int32", "int8", "uint8", "bool"]


@pytest.mark.parametrize("bounds", RANGES, ids=str)
def test_arange(bounds):
    assert_agrees(lambda m: m.arange(*bounds), what=str(bounds))
    for name in DTYPES:
        assert_agrees(lambda m, name=name: m.arange(*bounds, dtype=dtype_in(m, name)), what=name)


@pytest.mark.numbers_decide
def test_arange_by_keyword_and_of_tensors():
    assert_agrees(lambda m: m.arange(end=4))
    assert_agrees(lambda m: m.arange(start=1, end=4.0, step=2, requires_grad=True))
    assert_agrees(lambda m: m.arange(4, requires_grad=True))
    for dtype in (np.int64, np.int32, np.uint8, bool):
        assert_agrees(lambda m, n: m.arange(n), np.array(3, dtype))


@pytest.mark.parametrize("ends", LINES, ids=str)
def test_linspace(ends):
    assert_agrees(lambda m: m.linspace(*ends), what=str(ends))
    for name in DTYPES:
        if name == "float16" and np.abs(ends[:2]).max() > 300:
            continue  # beyond the dtype
        assert_agrees(lambda m, name=name: m.linspace(*ends, dtype=dtype_in(m, name)), what=name)


@pytest.mark.numbers_decide
@pytest.mark.parametrize("ends", [(0, 32, 31), (0, 0.99, 31), (-3.3, 7.1, 50), (255, 0, 10)])
def test_linspace_is_torchs_bit_for_bit(ends):
    assert mc.linspace(*ends).tolist() == torch.linspace(*ends).tolist()


def test_linspace_between_tensors():
    assert_agrees(lambda m, a, b: m.linspace(a, b, 7), np.array(0.5), np.array(3.5))
    assert_agrees(lambda m, a: m.linspace(a, 3, 7, dtype=m.int64), np.array(-2))
    assert_agrees(lambda m, a, b: m.linspace(a, b, 7), np.array([0.5]), np.array([3.5]))


VALUES = [1, 1.5, True, -9, -9.7, 300, 1e10, 1e300, INF, NAN, 2**63 - 1, "a", None]


@pytest.mark.parametrize("value", VALUES, ids=str)
def test_full(value):
    assert_agrees(lambda m: m.full((2, 3), value))
    assert_agrees(lambda m: m.full((2, 3), fill_value=value, device="cpu"))
    for name in DTYPES:
        array = np.zeros((2, 3), name)
        assert_agrees(lambda m, x: m.full(x.shape, value, dtype=x.dtype), array, what=name)
        assert_agrees(lambda m, x: m.full_like(x, value), array, what=name)
        assert_agrees(lambda m, x: m.tensor([value], dtype=x.dtype).shape, array, what=name)


def test_numbers_that_wrap():
    assert_agrees(lambda m: m.tensor(-1, dtype=m.uint8))
    assert_agrees(lambda m: m.tensor([[-1], [3]], dtype=m.uint8))
    assert_agrees(lambda m: m.tensor(2**31, dtype=m.int32))
    assert_agrees(lambda m: m.tensor(1e300))
    assert_agrees(lambda m: m.tensor([1.7, -1.7], dtype=m.int64))


SIZES = [(2, 3), ((2, 3),), ([2, 3],), ((),), (0,), (), (-1,), ((2, -1),), (2.0,), ("a",)]


@pytest.mark.parametrize("name", ["zeros", "ones", "empty", "rand", "randn"])
def test_sizes(name):
    for size in SIZES:
        assert_agrees(lambda m, size=size: getattr(m, name)(*size).shape, what=str(size))
    assert_agrees(lambda m: getattr(m, name)(size=(2, 3)).shape)
    assert_agrees(lambda m: getattr(m, name)(2, dtype=m.float64, requires_grad=True).requires_grad)
    assert_agrees(lambda m: getattr(m, name)(2, dtype=m.int64, requires_grad=True))


@pytest.mark.parametrize("name", ["zeros_like", "ones_like"])
def test_like(name):
    for array in (np.ones((2, 3)), np.ones(2, np.uint8), np.ones((), bool)):
        assert_agrees(lambda m, x: getattr(m, name)(x), array)
        assert_agrees(lambda m, x: getattr(m, name)(x, dtype=m.int32, device="cpu"), array)
        assert_agrees(lambda m, x: getattr(m, name)(x, requires_grad=True), array)
    images = getattr(mc, name)(mc.zeros(2, 3, 4, 5), memory_format=mc.channels_last)
    assert images.is_contiguous(memory_format=mc.channels_last)


def test_empty_like_and_full_like():
    assert_agrees(lambda m, x: m.empty_like(x, device="cpu", requires_grad=True).shape, np.ones(2))
    assert_agrees(lambda m, x: m.full_like(x, 2, requires_grad=True), np.ones(2))


def test_eye():
    for size in ((3,), (3, 2), (0,), (0, 3), (-1,), (3, -1), (2.0,)):
        assert_agrees(lambda m, size=size: m.eye(*size))
        assert_agrees(lambda m, size=size: m.eye(*size, dtype=dtype_in(m, "bool")))
        assert_agrees(lambda m, size=size: m.eye(*size, dtype=m.float64, requires_grad=True))
    assert_agrees(lambda m: m.eye(n=3, m=2, device="cpu"))
    assert_agrees(lambda m: m.eye(3, dtype=m.int64, requires_grad=True))


def test_random_integers():
    calls = (
        lambda m: m.randint(10, (2,)).shape,
        lambda m: m.randint(low=0, high=10, size=(2, 3)).shape,
        lambda m: m.randint(high=1, size=(2,)),
        lambda m: m.randint(5, 5, (2,)),
        lambda m: m.randint(0, (2,)),
        lambda m: m.randint(0, 10, 2),
        lambda m: m.randint(0, 10, (-2,)),
        lambda m: m.randint(0.5, 10.5, (2,)),
        lambda m: m.randint(0, 1000, (2,), dtype=m.uint8),
        lambda m: m.randint(-5, 5, (2,), dtype=m.uint8),
        lambda m: m.randint(0, 1, (2,), dtype=m.float32, requires_grad=True),
        lambda m: m.randint(0, 1, (2,), requires_grad=True),
        lambda m: m.randperm(1, dtype=m.float16, requires_grad=True),
        lambda m: m.randperm(0),
        lambda m: m.randperm(-1),
        lambda m: m.randperm(5.0),
        lambda m: m.randperm(300, dtype=m.uint8),
        lambda m: m.rand(2, dtype=m.int64),
        lambda m: m.randn(2, dtype=m.int64),
    )
    for call in calls:
        assert_agrees(call)


DATA = [
    [1, 2.5], [True, 2], [], [[], []], [[1], [2, 3]], [[1, 2], 3], None, [None], "a", [1, "a"], 2**63,
    [np.float64(1.0)], [np.float32(1.0), 2], np.float16(1.5), np.int32(3), [np.arange(3.0)] * 2,
    (1, 2), range(3), [1.7, -1.7],
]  # fmt: skip


@pytest.mark.parametrize("data", DATA, ids=str)
def test_tensor(data):
    assert_agrees(lambda m: m.tensor(data))


def test_a_tensor_of_tensors():
    x, y = np.array(1.0), np.array(2)
    assert_agrees(lambda m, x, y: m.tensor([x, x]), x, y)
    assert_agrees(lambda m, x, y: m.tensor([[x, 2.0], [3.0, y]], dtype=m.float32), x, y)
    assert_agrees(lambda m, x, y: m.tensor([y, y]), x, y)


@pytest.mark.without_numbers
@pytest.mark.parametrize(
    ("make", "value"),
    [
        (lambda lib: lib.zeros(2.5), 2.5),
        (lambda lib: lib.randn(2, 3.0), 3.0),
        (lambda lib: lib.full((2.0, 1), 1), 2.0),
        (lambda lib: lib.linspace(0, 1, 2.0), 2.0),
        (lambda lib: lib.randint(0, 2.0, (3,)), 2.0),
        (lambda lib: lib.ones(4).reshape(2, 4 / 2), 2.0),
        (lambda lib: lib.ones(4).view(2, 1.5), 1.5),
        (lambda lib: lib.ones(1).expand(2.0), 2.0),
        (lambda lib: lib.ones(1).repeat(2.0), 2.0),
    ],
)
def test_a_float_where_an_integer_belongs(make, value):
    with pytest.raises(TypeError):
        make(torch)
    with pytest.raises(TypeError, match=rf"^\w+ expects integers, got {value}$"):
        make(mc)


@pytest.mark.without_numbers
@pytest.mark.parametrize("data", [[[1, 2], [3]], [[1, 2], 3], [[[1], [2]], [[3]]]])
def test_lists_of_different_lengths(data):
    with pytest.raises(ValueError, match=r"nested lists of equal lengths, got \[\["):
        mc.tensor(data)
