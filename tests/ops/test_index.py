"""Indexing, gathering and scattering, against PyTorch and finite differences."""

import numpy as np
import pytest
import torch
from oracle import assert_agrees, assert_same

import minicnn as mc
from minicnn.autograd import gradcheck, gradgradcheck
from minicnn.ops.index import one_hot

X = np.random.default_rng(0).standard_normal((3, 4, 5))

KEYS = {
    "number": 1,
    "negative number": -1,
    "slices": (slice(1, None), slice(None, None, 2)),
    "ellipsis": (..., 2),
    "None": (None, 1, ..., None),
    "list": ([0, 2, 2],),
    "list and slice": (slice(None), [1, 1, 3]),
    "two lists": ([0, 2, 2], [1, 1, 0]),
    "number, slice, list": (0, slice(None), [1, 3]),
    "list, slice, number": ([0, 2], slice(1, 3), -1),
    "None, number, ellipsis, list": (None, 1, ..., [0, 0, 2]),
    "all numbers": (1, 2, 3),
    "range": range(2),
    "ellipsis twice": (1, ..., ...),
    "list of lists": [[0, 2], [1, 1]],  # torch reads it as a tuple
    "list of a slice and a number": [slice(None), 1],
    "tuples in a tuple": ((0, 2), (1, 1)),
}


@pytest.mark.parametrize("name", KEYS)
def test_getitem(name):
    key = KEYS[name]
    assert_same(lambda x: x[key], lambda x: x[key], [X])
    x = mc.tensor(X, requires_grad=True)
    assert gradcheck(lambda x: x[key], x) and gradgradcheck(lambda x: x[key] ** 2, x)


@pytest.mark.numbers_decide
def test_tensors_as_keys():
    index, mask = np.array([[0, 2], [2, 1]]), X[..., 0] > 0
    assert_same(lambda x, i: x[i], lambda x, i: x[i], [X, index])
    assert_same(lambda x, m: x[m], lambda x, m: x[m], [X, mask])
    assert_same(lambda x, i: x[:, i], lambda x, i: x[:, i], [X, index])
    assert mc.tensor(X)[mc.tensor(1)].shape == (4, 5)
    assert mc.arange(3)[mc.tensor([1, 0, 1], dtype=mc.uint8)].tolist() == [0, 2]  # a mask


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "int64"])
def test_setitem_of_large_numbers(dtype):
    def call(m, x):
        x = x.to(getattr(m, dtype))
        x[0] = 1e10
        return x

    assert_agrees(call, np.zeros((2, 2)))


@pytest.mark.parametrize("number", [-1, -1.5, 255, 256])
def test_setitem_of_uint8(number):
    def call(m):
        x = m.zeros(2, dtype=m.uint8)
        x[0] = number
        return x

    assert_agrees(call)


@pytest.mark.parametrize("value", [2.0, [[2.0]], [[1.0, 2.0]]], ids=str)
@pytest.mark.parametrize("key", ["mask", "indices", "row"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_setitem_of_a_tensor_of_another_dtype(key, value, dtype):
    def call(m, x):
        keys = {"mask": m.eye(2) > 0, "indices": [0, 1], "row": 1}
        x[keys[key]] = m.tensor(value, dtype=getattr(m, dtype))
        return x

    assert_agrees(call, np.zeros((2, 2), np.float32))


def test_expanded_views_are_filled_with_one_number():
    def expanded(m, change):
        x = m.zeros(1, 3)
        change(x.expand(4, 3))
        return x

    for change in (
        lambda v: v.fill_(2.0),
        lambda v: v.zero_(),
        lambda v: v.__setitem__(0, 5.0),
        lambda v: v.__setitem__(slice(None), 5.0),
        lambda v: v.__setitem__([0], 5.0),
        lambda v: v.add_(1.0),
        lambda v: v.copy_(v.clone()),
    ):
        assert_agrees(lambda m, change=change: expanded(m, change))


def test_an_element_is_a_view():
    x = mc.zeros(3)
    x[1].add_(2.0)
    assert x.tolist() == [0.0, 2.0, 0.0]


def test_setitem():
    for key, value in ((0, 1.0), ((slice(None), 1), 2.0), (([0, 2],), 3.0)):
        ours, theirs = mc.tensor(X), torch.tensor(X)
        ours[key], theirs[key] = value, value
        assert np.array_equal(ours.cpu().numpy(), theirs.cpu().numpy())


def test_setitem_is_traced_back():
    def run(x, y):
        z = x * 2
        z[1] = y
        z[:, 0] = 5.0
        return z * z

    assert_same(run, run, [X, X[0] + 1])


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_gather_and_scatter_add(dim):
    index = np.random.default_rng(1).integers(0, 3, (2, 3, 2))
    source = np.random.default_rng(2).standard_normal(index.shape)
    assert_same(lambda x, i: x.gather(dim, i), lambda x, i: x.gather(dim, i), [X, index])
    assert_same(
        lambda x, i, s: x.scatter_add(dim, i, s),
        lambda x, i, s: x.scatter_add(dim, i, s),
        [X, index, source],
    )
    x = mc.tensor(X, requires_grad=True)
    assert gradgradcheck(lambda x: x.gather(dim, mc.tensor(index)) ** 2, x)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "bool"])
def test_scatter_add_of_integers_wraps_around(dtype):
    index = np.array([[0, 0, 1], [0, 2, 2]])
    source = np.array([[-1, 100, -(2**62)], [120, -(2**62), -(2**62) - 1]]).astype(dtype)
    x = np.array([[3, -4, -5], [-6, 7, 8], [-9, 0, 0]]).astype(dtype)
    assert_same(
        lambda x, i, s: x.scatter_add(0, i, s),
        lambda x, i, s: x.scatter_add(0, i, s),
        [x, index, source],
    )


@pytest.mark.numbers_decide
def test_selections():
    index = np.array([2, 0, 2])
    assert_same(lambda x, i: x.index_select(1, i), lambda x, i: x.index_select(1, i), [X, index])
    assert_same(lambda x, m: x.masked_select(m), lambda x, m: x.masked_select(m), [X, X > 0])
    assert mc.tensor([[0, 1], [2, 0]]).nonzero().tolist() == [[0, 1], [1, 0]]
    assert one_hot(mc.tensor([0, 2])).tolist() == [[1, 0, 0], [0, 0, 1]]


@pytest.mark.cpu_only  # a GPU is not waited for, and wraps the index
def test_an_index_out_of_range():
    x = mc.tensor(X)
    with pytest.raises(RuntimeError, match=r"indices in \[0, 3\], got 9"):
        x.gather(1, mc.full((3, 1, 5), 9))


def test_errors_state_the_rule_and_the_values():
    x = mc.tensor(X)
    with pytest.raises(RuntimeError, match=r"classes below 5, got 99"):
        one_hot(mc.arange(100), 5)
    with pytest.raises(RuntimeError, match="integers, got .*float32"):  # as torch
        one_hot(mc.tensor([0.0, 0.5]), 2)
    with pytest.raises(IndexError, match=r"tensor of shape \(3, 4, 5\)"):
        x[7]
    with pytest.raises(IndexError, match="integer or bool, got float32"):
        x[mc.tensor([1.0])]
    with pytest.raises(RuntimeError, match="3 dimensions"):
        x.gather(1, mc.tensor([0]))


INDICES = {
    "[]": np.zeros(0, np.int64),
    "0": np.array(0),
    "[1]": np.array([1]),
    "[0, 0]": np.array([0, 0]),
    "[2, 0], int32": np.array([2, 0], np.int32),
    "[0, 1], uint8": np.array([0, 1], np.uint8),
    "[True, False]": np.array([True, False]),
    "[-1]": np.array([-1]),
    "[9]": np.array([9]),
    "[0.0]": np.array([0.0]),
    "(1, 4)": np.array([[0, 1, 2, 0]]),
    "(2, 2)": np.array([[0, 1], [2, 2]]),
    "(4, 1)": np.array([[0], [1], [1], [0]]),
    "(1, 6)": np.array([[0, 1, 2, 0, 0, 0]]),
    "(2, 0)": np.zeros((2, 0), np.int64),
}
TARGETS = {
    "matrix": X[..., 0],
    "vector": X[0, 0],
    "number": np.array(2.5),
    "nothing": np.zeros(0),
    "no rows": np.zeros((0, 3)),
    "bool": X[..., 0] > 0,
    "float16": X[..., 0].astype(np.float16),
}
PICKING = {
    "gather": lambda m, x, i: m.gather(x, 0, i),
    "gather, last": lambda m, x, i: x.gather(-1, i),
    "index_select": lambda m, x, i: x.index_select(0, i),
    "index_select, last": lambda m, x, i: m.index_select(x, -1, i),
    "scatter_add": lambda m, x, i: x.scatter_add(0, i, m.ones(i.shape, dtype=x.dtype)),
    "scatter_add, last": lambda m, x, i: m.scatter_add(x, -1, i, m.ones(i.shape, dtype=x.dtype)),
    "scatter_add of float32": lambda m, x, i: x.scatter_add(0, i, m.ones(i.shape)),
    "scatter_add, src too small": lambda m, x, i: x.scatter_add(0, i, m.ones(1, 1, dtype=x.dtype)),
    "scatter_add by keyword": lambda m, x, i: x.scatter_add(
        dim=0, index=i, src=m.ones(i.shape, dtype=x.dtype)
    ),
    "masked_select": lambda m, x, i: m.masked_select(x, i > 0),
    "masked_select, no mask": lambda m, x, i: x.masked_select(i),
    "nonzero": lambda m, x, i: m.nonzero(x),
    "nonzero as a tuple": lambda m, x, i: x.nonzero(as_tuple=True),
}


@pytest.mark.cpu_only  # a GPU is not waited for, and wraps an index out of range
@pytest.mark.parametrize("name", PICKING)
def test_picking_as_in_torch(name):
    for target, x in TARGETS.items():
        for what, index in INDICES.items():
            assert_agrees(PICKING[name], x, index, what=f"{target}, {what}")


@pytest.mark.cpu_only
@pytest.mark.parametrize(
    "key",
    [
        lambda m: slice(None, None, -1),
        lambda m: slice(None, None, 0),
        lambda m: 1.0,
        lambda m: (0, 1.0),
        lambda m: "a",
        lambda m: m.tensor([0, 2], dtype=m.int16),
        lambda m: m.tensor([0, 2], dtype=m.int32),
        lambda m: m.tensor(1, dtype=m.uint8),
        lambda m: m.tensor(0, dtype=m.uint8),
        lambda m: m.tensor([1, 0, 1], dtype=m.uint8),
        lambda m: m.tensor([]) > 0,
        lambda m: m.tensor([True, False]),
        lambda m: True,
        lambda m: (None, False),
        lambda m: (slice(None), True),
        lambda m: (slice(None), []),
        lambda m: ([0, 1], slice(None), [1, 0]),
        lambda m: (..., None, [0, 1]),
        lambda m: (m.tensor(0), slice(None), m.tensor([0, 1])),
        lambda m: np.array([0, 1]),
        lambda m: (0, 0, 0, 0),
    ],
)
def test_keys_as_in_torch(key):
    assert_agrees(lambda m, x: x[key(m)], X)
    assert_agrees(lambda m, x: x[key(m)], np.array(2.5))
    assert_agrees(lambda m, x: x[key(m)], np.zeros((0, 3)))


def test_one_hot_names_the_classes_that_it_refuses():
    with pytest.raises(RuntimeError, match="classes of at least 0, got -1"):
        one_hot(mc.tensor([-1]))
    with pytest.raises(RuntimeError, match=r"num_classes beside no classes, got shape \(0,\)"):
        one_hot(mc.tensor([]).long())
    assert one_hot(mc.tensor([]).long(), 3).shape == (0, 3)
