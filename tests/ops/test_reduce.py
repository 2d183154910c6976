"""Reductions against PyTorch and finite differences."""

import numpy as np
import pytest
import torch
from oracle import assert_same

import minicnn as mc
from minicnn.autograd import gradcheck, gradgradcheck

rng = np.random.default_rng(0)
X = rng.permutation(24).reshape(2, 3, 4) / 10.0 - 1.17  # distinct, so that maxima are unique

DIMS = [None, 0, -1, 1, (0, 2), (0, 1, 2)]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("dim", DIMS, ids=str)
@pytest.mark.parametrize("name", ["sum", "mean", "var", "std", "amax", "amin", "logsumexp"])
def test_reductions(name, dim, keepdim, dtype):
    dim = (0, 1, 2) if dim is None and name in ("logsumexp", "amax", "amin") else dim

    def run(x):
        return getattr(x, name)(dim=dim, keepdim=keepdim)

    assert_same(run, run, [X], dtype)
    assert_same(lambda x: run(x.transpose(0, 2)), lambda x: run(x.transpose(0, 2)), [X], dtype)


FUNCTIONS = {
    "var of the population": lambda x: x.var(1, correction=0),
    "unbiased=False": lambda x: x.std(1, unbiased=False),
    "max": lambda x: x.max() + x.min(),
    "max along": lambda x: x.max(1).values,
    "min along": lambda x: x.min(-1, keepdim=True)[0],
    "prod": lambda x: x.prod(1),
    "prod of all": lambda x: x[0].prod(),
    "cumsum": lambda x: x.cumsum(1),
    "norm": lambda x: x.norm(),
    "norm along": lambda x: x.norm(dim=1),
    "1-norm": lambda x: x.norm(p=1, dim=1),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_other_reductions(name):
    assert_same(FUNCTIONS[name], FUNCTIONS[name], [X])
    x = mc.tensor(X, requires_grad=True)
    assert gradcheck(FUNCTIONS[name], x)
    assert gradgradcheck(FUNCTIONS[name], x)


@pytest.mark.parametrize("name", ["sum", "mean", "var", "std", "amax", "logsumexp"])
def test_second_derivatives(name):
    assert gradgradcheck(lambda x: getattr(x, name)(dim=(0, 2)), mc.tensor(X, requires_grad=True))


def test_prod_with_zeros():
    x = np.array([[2.0, 0.0, 3.0], [0.0, 0.0, 4.0], [1.0, 2.0, 5.0]])
    assert_same(lambda x: x.prod(1), lambda x: x.prod(1), [x])


def test_ties():
    x = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    for run in (
        lambda x: x.max(),
        lambda x: x.amax(1),
        lambda x: x.max(1).values,
        lambda x: x.min(0)[0],
    ):
        assert_same(run, run, [x])
    assert mc.tensor(x).max(1).indices.tolist() == [1, 0]
    assert mc.tensor(x).argmax(1).tolist() == [1, 0]


def test_all_minus_infinity():
    x = np.full((2, 3), -np.inf)
    assert_same(lambda x: x.logsumexp(1), lambda x: x.logsumexp(1), [x], grad=False)


@pytest.mark.parametrize(
    "root",
    [lambda x: x.std(1), lambda x: x.norm(dim=1), lambda x: x.norm(3, 1), lambda x: x.norm()],
)
def test_roots_of_zero_have_slope_zero(root):
    assert_same(root, root, [np.array([[0.0, 0.0], [0.0, 0.0]])])


def test_norm_of_infinite_order():
    for order in (np.inf, -np.inf):
        assert_same(lambda x, p=order: x.norm(p, 1), lambda x, p=order: x.norm(p, 1), [np.abs(X)])


def test_means_are_exact_and_do_not_overflow():
    assert [mc.ones(n).mean().item() for n in (41, 47, 49, 83)] == [1.0] * 4
    assert mc.ones(100_000).half().mean().item() == 1.0


def test_argmax_and_argmin():
    for dim in (None, 0, 1, -1):
        for name in ("argmax", "argmin"):
            ours = getattr(mc.tensor(X), name)(dim)
            assert ours.dtype == mc.int64
            assert ours.tolist() == getattr(torch.tensor(X), name)(dim).tolist()


def test_integers():
    x = mc.tensor([[1, 2], [3, 4]], dtype=mc.int32)
    assert x.sum().dtype == mc.int64 and x.sum().item() == 10
    assert x.max().dtype == mc.int32
    assert mc.tensor([True, True]).sum().item() == 2
    with pytest.raises(RuntimeError, match="mean expects floating-point numbers, got int32"):
        x.mean()


def test_all_and_any():
    x = mc.tensor([[True, False], [True, True]])
    assert x.all().item() is False and x.any().item() is True
    assert x.all(1).tolist() == [False, True]


def test_dims_that_do_not_exist():
    with pytest.raises(IndexError, match=r"dim must lie in \[-3, 2\] for shape \(2, 3, 4\), got 3"):
        mc.tensor(X).sum(3)
    with pytest.raises(RuntimeError, match="named once"):
        mc.tensor(X).sum((0, -3))
    with pytest.raises(TypeError, match="must be an integer, got False"):
        mc.tensor(X).sum(False)
    assert mc.tensor(X).sum(np.int64(1)).shape == (2, 4)


@pytest.mark.parametrize("name", ["max", "min", "amax", "argmin"])
def test_extrema_of_nothing(name):
    with pytest.raises(IndexError, match=r"at least one element, got shape \(2, 0\) and dim=1"):
        getattr(mc.ones(2, 0), name)(1)
    assert mc.ones(0, 2).amax(1).shape == (0,)
