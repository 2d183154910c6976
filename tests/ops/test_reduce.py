"""Reductions against PyTorch and finite differences."""

import numpy as np
import pytest
import torch
from oracle import assert_agrees, assert_same, channels_last, dtype_in

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


def test_prod_of_one_number():
    for number in (2.0, 0.0, np.inf, np.nan):
        assert_agrees(lambda m, x: x.prod(), np.array(number))
        assert_agrees(lambda m, x: x.prod(0, keepdim=True), np.array(number))


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


NAN, INF = float("nan"), float("inf")
FLOAT32 = {
    "matrix": rng.standard_normal((3, 4)),
    "number": np.array(2.5),
    "nothing": np.zeros(0),
    "no columns": np.zeros((3, 0)),
    "no rows": np.zeros((0, 3)),
    "one": np.array([3.0]),
    "NaN": np.array([[1.0, NAN], [NAN, 2.0]]),
    "NaN and zeros": np.array([NAN, 0.0, 0.0]),
    "inf": np.array([INF, 1.0, 2.0]),
    "inf and zero": np.array([INF, 0.0, 2.0]),
    "inf and -inf": np.array([INF, -INF]),
    "all -inf": np.array([-INF, -INF]),
    "large": np.array([1e30, -1e30, 2e30]),
    "small": np.array([1e-30, 2e-30]),
    "equal": np.array([2.0, 2.0, 1.0]),
    "zeros": np.array([0.0, -0.0, 0.0]),
    "one zero": np.array([[2.0, 0.0, 3.0], [0.0, 0.0, 4.0]]),
}
INPUTS = {
    **{name: array.astype(np.float32) for name, array in FLOAT32.items()},
    **{name: FLOAT32["matrix"].astype(name) for name in ("float64", "float16", mc.bfloat16)},
    "int32": rng.integers(-3, 4, (3, 4), np.int32),
    "uint8": rng.integers(0, 3, (3, 4), np.uint8),
    "bool": rng.integers(0, 2, (3, 4)) > 0,
    "integer": np.array(3),
    "no integers": np.zeros(0, np.int64),
}

CALLS = {
    "sum": lambda m, x: x.sum(),
    "sum to float16": lambda m, x: x.sum(0, dtype=m.float16),
    "sum over ()": lambda m, x: m.sum(x, dim=()),
    "sum over [0, -1]": lambda m, x: x.sum([0, -1]),
    "mean": lambda m, x: x.mean(-1, keepdim=True),
    "mean in float64": lambda m, x: m.mean(x, dtype=m.float64),
    "var": lambda m, x: x.var(),
    "var(False)": lambda m, x: x.var(False),
    "var over 0": lambda m, x: x.var(0, True, True),
    "var, correction": lambda m, x: m.var(x, dim=-1, correction=2),
    "var, correction of None": lambda m, x: x.var(correction=None),
    "var, correction of 100": lambda m, x: x.var(correction=100),
    "std": lambda m, x: x.std(),
    "std, fraction": lambda m, x: m.std(x, 0, correction=0.5),
    "std(True)": lambda m, x: m.std(x, True),
    "prod": lambda m, x: x.prod(),
    "prod over 0": lambda m, x: m.prod(x, 0),
    "prod in float64": lambda m, x: x.prod(-1, keepdim=True, dtype=m.float64),
    "prod to bool": lambda m, x: x.detach().prod(dtype=dtype_in(m, "bool")),
    "cumsum": lambda m, x: x.cumsum(0),
    "cumsum in float64": lambda m, x: x.cumsum(-1, dtype=m.float64),
    "logsumexp": lambda m, x: x.logsumexp(0),
    "logsumexp over -1": lambda m, x: m.logsumexp(x, (-1,), keepdim=True),
    "logsumexp over None": lambda m, x: m.logsumexp(x, None),
    "all": lambda m, x: x.all(),
    "all over ()": lambda m, x: x.all(dim=()),
    "any": lambda m, x: m.any(x, 0, keepdim=True),
    "any over ()": lambda m, x: x.any(dim=()),
    "max": lambda m, x: x.max(),
    "max over 0": lambda m, x: tuple(x.max(0)),
    "max over ()": lambda m, x: x.max(()),
    "min": lambda m, x: m.min(x),
    "min over -1": lambda m, x: tuple(m.min(x, -1, keepdim=True)),
    "amax": lambda m, x: x.amax(),
    "amax over 0": lambda m, x: m.amax(x, (0,)),
    "amin": lambda m, x: m.amin(x, -1, keepdim=True),
    "argmax": lambda m, x: x.argmax(),
    "argmin over 0": lambda m, x: x.argmin(0, keepdim=True),
    "argmax over a tuple": lambda m, x: x.argmax((0,)),
    "norm": lambda m, x: x.norm(),
    "norm, fro": lambda m, x: m.norm(x, "fro", dim=0),
    "norm, None": lambda m, x: x.norm(None),
    "norm, nuc": lambda m, x: x.detach().norm("nuc"),
    "norm in float64": lambda m, x: m.norm(x, dtype=m.float64),
    "softmax": lambda m, x: x.softmax(0),
    "softmax over -1": lambda m, x: m.softmax(x, -1, dtype=m.float64),
    "log_softmax": lambda m, x: x.log_softmax(0),
    "log_softmax in float64": lambda m, x: m.log_softmax(x, 0, dtype=m.float64),
    **{
        f"norm, p = {p}": lambda m, x, p=p: x.norm(p, -1, keepdim=True)
        for p in (0, 0.5, 1, 1.5, 2, 3, -1, INF, -INF)
    },
}


@pytest.mark.cpu_only
@pytest.mark.parametrize("name", CALLS)
def test_as_in_torch(name):
    for what, x in INPUTS.items():
        assert_agrees(CALLS[name], x, what=str(what))


@pytest.mark.cusolver
def test_the_nuclear_norm_and_its_gradient():
    assert_agrees(lambda m, x: x.norm("nuc", keepdim=True), rng.standard_normal((3, 4)))
    x = rng.standard_normal((2, 3, 4))
    assert_agrees(lambda m, x: x.norm("nuc"), x)
    assert_agrees(lambda m, x: m.norm(x, "nuc", dim=(-1, 0), keepdim=True), x)


@pytest.mark.parametrize("dtype", ["float16", mc.bfloat16])
@pytest.mark.parametrize("name", ["sum", "mean", "var", "norm", "cumsum", "softmax"])
def test_half_precision_is_rounded_once(name, dtype):
    x = (rng.standard_normal((3, 1000)) + 1).astype(dtype)
    options = {"cumsum": (1,), "softmax": (1,)}.get(name, ())
    ours = getattr(mc.tensor(x), name)(*options).numpy_copy()
    exact = getattr(mc.tensor(x.astype(np.float64)), name)(*options).to(dtype).numpy_copy()
    near = np.abs(ours.astype(np.float64) - exact.astype(np.float64))
    assert (near <= np.spacing(np.abs(exact)).astype(np.float64)).all()


LONG = {
    "sum": lambda m, x: x.sum(0),
    "sum of two dimensions": lambda m, x: x.reshape(2, -1, 3).sum((0, 1)),
    "sum of a part": lambda m, x: x[:, :2].sum(),
    "mean": lambda m, x: x.mean(0),
    "cumsum": lambda m, x: x.cumsum(0)[-1],
    "norm": lambda m, x: x.norm(dim=0),
    "norm, p = 1": lambda m, x: x.norm(1, 0),
    "logsumexp": lambda m, x: x.logsumexp(0),
    "softmax": lambda m, x: x.softmax(0),
    "log_softmax": lambda m, x: x.log_softmax(0),
    "var": lambda m, x: x.var(0),
}


@pytest.mark.cpu_only
@pytest.mark.parametrize("name", LONG)
def test_long_sums_are_exact(name):
    x = (0.1 + 1e-3 * rng.standard_normal((200_010, 3))).astype(np.float32)
    ours = LONG[name](mc, mc.tensor(x)).numpy()
    exact = LONG[name](torch, torch.tensor(x, dtype=torch.float64)).numpy()
    np.testing.assert_allclose(ours, exact, rtol=1e-6)


@pytest.mark.cpu_only
def test_the_mean_over_channels_last_images():
    images = channels_last((rng.random((8, 3, 120, 120)) + 1).astype(np.float32))
    exact = images.astype(np.float64).mean((0, 2, 3))
    np.testing.assert_allclose(mc.Tensor.of(images).mean((0, 2, 3)).numpy(), exact, rtol=1e-6)
