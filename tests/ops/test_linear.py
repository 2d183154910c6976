"""Matrix products and the linear layer, against PyTorch and finite differences."""

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from oracle import assert_agrees, assert_same, normal

import minicnn as mc
from minicnn.autograd import gradcheck, gradgradcheck
from minicnn.ops.linear import linear

rng = np.random.default_rng(0)

SHAPES = [
    ((2, 3), (3, 4)), ((3,), (3,)), ((3,), (3, 4)), ((2, 3), (3,)), ((5, 2, 3), (3, 4)),
    ((5, 2, 3), (5, 3, 4)), ((5, 1, 2, 3), (6, 3, 4)), ((2, 3), (5, 3, 4)), ((5, 2, 3), (3,)), ((1, 1), (1, 1)),
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_matmul(shapes, dtype):
    arrays = [rng.standard_normal(shape) for shape in shapes]
    assert_same(lambda x, y: x @ y, lambda x, y: x @ y, arrays, dtype)


@pytest.mark.parametrize("shape", [(4, 3), (3,), (2, 5, 3), (1, 3)], ids=str)
@pytest.mark.parametrize("bias", [True, False])
def test_linear(shape, bias):
    arrays = [
        rng.standard_normal(shape),
        rng.standard_normal((6, 3)),
        rng.standard_normal(6) if bias else None,
    ]
    assert_same(linear, TF.linear, arrays)
    assert_same(linear, TF.linear, arrays, "float32")
    tensors = [None if a is None else mc.tensor(a, requires_grad=True) for a in arrays]
    assert gradcheck(linear, tensors) and gradgradcheck(linear, tensors)


def test_third_derivatives_of_linear():
    def network(lib, f):
        def third(x, w):
            first = lib.autograd.grad((f(x, w) ** 3).sum(), w, create_graph=True)[0]
            return lib.autograd.grad((first**2).sum(), x, create_graph=True)[0]

        return third

    arrays = [rng.standard_normal((4, 3)), rng.standard_normal((2, 3))]
    assert_same(network(mc, linear), network(torch, TF.linear), arrays)


def test_transposed_and_repeated_operands():
    x = rng.standard_normal((4, 3))
    assert_same(lambda x: x.t() @ x + x.t() @ x, lambda x: x.t() @ x + x.t() @ x, [x])
    assert_same(
        lambda x, y: mc.bmm(x, y),
        torch.bmm,
        [rng.standard_normal((2, 3, 4)), rng.standard_normal((2, 4, 5))],
    )


def test_errors_state_the_rule_and_the_values():
    with pytest.raises(RuntimeError, match=r"got shapes \(2, 3\) and \(4, 5\)"):
        mc.ones(2, 3) @ mc.ones(4, 5)
    with pytest.raises(
        RuntimeError, match=r"linear expects \(\*, 3\) .* got input of shape \(2, 4\)"
    ):
        linear(mc.ones(2, 4), mc.ones(5, 3))
    with pytest.raises(RuntimeError, match=r"broadcast, got \(2, 3, 4\) and \(3, 4, 5\)"):
        mc.ones(2, 3, 4) @ mc.ones(3, 4, 5)
    for weight, bias in (mc.float64, mc.float32), (mc.float32, mc.float64):
        with pytest.raises(RuntimeError, match="linear expects input, weight and bias of one"):
            linear(mc.ones(2, 3), mc.ones(5, 3, dtype=weight), mc.ones(5, dtype=bias))
    with pytest.raises(RuntimeError, match="one dtype, got float32 and float64"):
        mc.ones(2, 3) @ mc.ones(3, 2, dtype=mc.float64)


FACTORS = [
    {},
    {"beta": 0},
    {"alpha": 2},
    {"beta": 2, "alpha": 3},
    {"beta": 0.5, "alpha": 1.5},
    {"alpha": 0},
    {"beta": -1.0},
]


@pytest.mark.parametrize("factors", FACTORS, ids=str)
def test_addmm_as_in_torch(factors):
    whole = all(isinstance(factor, int) for factor in factors.values())
    for dtype in ("float64", "float32", "float16", *(["int64"] if whole else [])):
        for inner in (3, 0):
            for sizes in ((5, 4), (4,), (5, 1), (), (1, 5, 4), (3,)):
                x = np.asarray(normal(*sizes) * 4).astype(dtype)
                a, b = normal(5, inner).astype(dtype), normal(inner, 4).astype(dtype)
                what = f"{dtype}, {sizes}, {inner}"
                assert_agrees(lambda m, *t: m.addmm(*t, **factors), x, a, b, what=what)
                assert_agrees(lambda m, x, *t: x.addmm(*t, **factors), x, a, b, what=what)


def test_addmm_ignores_what_is_multiplied_by_0():
    nan, one = np.array([[np.nan]]), np.array([[1.0]])
    assert_agrees(lambda m, *t: m.addmm(*t, beta=0), nan, one, one)
    assert_agrees(lambda m, x, y, z: m.addmm(x, y.detach(), z.detach(), alpha=0), one, nan, one)


@pytest.mark.parametrize(
    "x, weight, bias",
    [
        ((5, 3), (3,), None),
        ((2, 5, 3), (3,), ()),
        ((3,), (3,), None),
        ((3,), (3,), (1,)),
        ((5, 3), (4, 3), (1,)),
        ((5, 3), (4, 3), (5, 4)),
        ((5, 3), (4, 3), (3,)),
        ((5, 0), (4, 0), (4,)),
        ((2, 5, 0), (4, 0), None),
        ((5, 3), (0, 3), (0,)),
        ((0, 3), (4, 3), (4,)),
        ((2, 0, 3), (4, 3), (4,)),
        ((0, 0), (0, 0), (0,)),
        ((), (4, 3), None),
        ((5, 3), (), None),
    ],
    ids=str,
)
def test_linear_of_unusual_shapes(x, weight, bias):
    for dtype in ("float64", "float16"):
        arrays = [None if s is None else np.asarray(normal(*s)).astype(dtype) for s in (x, weight)]
        if bias is not None:
            arrays.append(np.asarray(normal(*bias)).astype(dtype))
        assert_agrees(lambda m, *t: m.nn.functional.linear(*t), *arrays)


@pytest.mark.parametrize(
    "a, b",
    [
        ((5, 0), (0, 4)),
        ((0,), (0,)),
        ((0, 3), (3, 4)),
        ((2, 5, 0), (2, 0, 4)),
        ((0, 5, 3), (3, 4)),
        ((3,), (2, 3, 4)),
        ((2, 1, 5, 3), (4, 3, 2)),
        ((5, 3), (4, 3)),
        ((), (3,)),
    ],
    ids=str,
)
def test_matmul_of_empty_and_many_shapes(a, b):
    for dtype in ("float64", "float16", "int32"):
        x, y = (np.asarray(normal(*s) * 4).astype(dtype) for s in (a, b))
        assert_agrees(lambda m, x, y: m.matmul(x, y), x, y, what=dtype)
        assert_agrees(lambda m, x, y: m.mm(x, mat2=y), x, y, what=dtype)
        assert_agrees(lambda m, x, y: m.bmm(x, mat2=y), x, y, what=dtype)
