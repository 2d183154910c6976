"""Functions of numbers, comparisons and reductions whose files are read when they are first used."""

import operator
import subprocess
import sys

import numpy as np
import pytest
import torch
from oracle import assert_agrees, normal

import minicnn as mc
from minicnn.ops.later import FUNCTIONS

X = np.abs(normal(3, 4)) * 0.9 + 0.01


@pytest.mark.parametrize(
    "name", ["erfc", "erfinv", "lgamma", "digamma", "i0", "tan", "atanh", "logit"]
)
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_special_functions(name, dtype):
    x = (X / X.max() * 0.9).astype(dtype)
    assert_agrees(lambda lib, x: getattr(lib, name)(x), x)


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_polygamma_and_its_gradient(n):
    x = np.array([-2.5, -0.3, 0.2, 1.0, 7.5, 100.0])
    assert_agrees(lambda lib, x: lib.polygamma(n, x), x)


def test_digamma_has_torchs_slope_at_its_poles():
    x = np.array([-1.0, -2.0, -5.0, 0.0])
    slopes = [lib.polygamma(1, lib.tensor(x)).cpu().numpy() for lib in (mc, torch)]
    np.testing.assert_allclose(*slopes, rtol=1e-12)


def test_zeta_adds_its_terms_as_torch():
    """For odd s, terms of both signs cancel but for their roundings; from 1e16 on, torch has NaN."""
    nan, inf = np.nan, np.inf
    s = np.array([1.0, 2.0, 3.5, 5.0, 12.0, 31.0, 100.0, 700.0, 1e16, inf, nan])[:, None]
    q = np.array([-2000.2, -70.3, -1.5, -1.0, -0.0, 0.2, 1.0, 7.3, 30.0, 1e10, inf, nan])
    theirs = torch.special.zeta(torch.from_numpy(s), torch.from_numpy(q)).numpy()
    ours = mc.special.zeta(mc.tensor(s), mc.tensor(q)).cpu().numpy()
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_erfc_keeps_its_digits_far_out():
    x = np.array([-6.0, 0.3, 5.0, 10.0, 26.0])
    theirs = torch.special.erfc(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(mc.erfc(mc.tensor(x)).cpu().numpy(), theirs, rtol=1e-14)


@pytest.mark.parametrize("name", ["cumprod", "cummax", "cummin", "logcumsumexp"])
def test_running_results(name):
    x = normal(4, 5)
    x[1, 2] = 0
    assert_agrees(lambda lib, x: getattr(lib, name)(x, 1), x)


@pytest.mark.numbers_decide  # whether q is from 0 to 1
@pytest.mark.parametrize("q", [0.0, 0.3, 1.0])
def test_quantile(q):
    assert_agrees(lambda lib, x: lib.quantile(x, q, dim=1, keepdim=True), normal(4, 5))


def test_second_derivatives():
    for function in (mc.tan, mc.lgamma, mc.erfinv, mc.i0, lambda x: mc.cumprod(x, 1)):
        assert mc.autograd.gradgradcheck(function, (mc.tensor(X * 0.3 + 0.2).requires_grad_(),))


def test_out():
    x, y = mc.ones(3), mc.ones(3)
    out = mc.zeros(3)
    assert mc.add(x, y, alpha=2, out=out) is out
    assert out.tolist() == [3, 3, 3]
    empty = mc.empty(0)
    assert mc.tan(x, out=empty).shape == (3,)
    with pytest.raises(RuntimeError, match="cannot put"):
        mc.exp(x, out=mc.zeros(3, dtype=mc.int64))
    with pytest.raises(RuntimeError, match="records no gradient"):
        mc.add(x.requires_grad_(), y, out=out)


@pytest.mark.parametrize(
    "name",
    [
        *("max", "aminmax", "sort", "median", "cummax"),
        pytest.param("mode", marks=pytest.mark.numbers_decide),
    ],
)
@pytest.mark.parametrize("dtypes", [("float64", "int64"), ("float32", "int32")], ids=str)
def test_several_results_are_not_converted(name, dtypes):
    x = mc.ones(2, 3)
    out = tuple(mc.empty(0, dtype=dtype) for dtype in dtypes)
    with pytest.raises(RuntimeError, match=f"{name} .* out of"):
        getattr(mc, name)(x, dim=0, out=out)


@pytest.mark.parametrize(
    "call",
    [
        lambda lib, x, i, out: lib.gather(x, 0, i, out=out),
        lambda lib, x, i, out: lib.masked_select(x, x > 0, out=out),
        lambda lib, x, i, out: lib.mm(x, x, out=out),
        lambda lib, x, i, out: lib.amax(x, 0, out=out),
        lambda lib, x, i, out: lib.argmax(x, 0, out=out),
        lambda lib, x, i, out: lib.sign(x, out=out),
        lambda lib, x, i, out: lib.tril(x, out=out),
        lambda lib, x, i, out: lib.where(x > 0, x, x, out=out),
        lambda lib, x, i, out: lib.exp(x, out=out),
        lambda lib, x, i, out: lib.sum(x, 0, out=out),
        lambda lib, x, i, out: lib.cat([x, x], out=out),
        lambda lib, x, i, out: lib.maximum(x, x, out=out),
        lambda lib, x, i, out: lib.cumsum(x, 0, out=out),
    ],
)
def test_out_of_another_dtype(call):
    numbers = normal(2, 2).astype("float32")
    given = torch.from_numpy(numbers), torch.zeros(2, 2, dtype=torch.int64)
    ours = mc.tensor(numbers), mc.zeros(2, 2, dtype=mc.int64)
    try:
        expected = call(torch, *given, torch.empty(0, dtype=torch.float64))
    except RuntimeError:
        with pytest.raises(RuntimeError, match="expects an out of"):
            call(mc, *ours, mc.empty(0, dtype=mc.float64))
    else:
        found = call(mc, *ours, mc.empty(0, dtype=mc.float64))
        assert found.dtype == mc.float64
        np.testing.assert_allclose(found.cpu().numpy(), expected.numpy(), rtol=1e-6)


EDGES = [0.0, -0.0, 1.0, -1.0, 1e-200, 1e200, -1e200, np.inf, -np.inf, np.nan, 0.5, 30.0]


@pytest.mark.parametrize("name", ["atan2", "hypot", "xlogy", "copysign", "fmin", "pow"])
def test_two_numbers_at_the_edges(name):
    x, y = np.array(np.meshgrid(EDGES, EDGES)).reshape(2, -1)
    assert_agrees(lambda lib, x, y: getattr(lib, name)(x, y), x, y)


@pytest.mark.parametrize("name", ["erfc", "sinc", "atan", "erfinv", "asinh", "special.ndtr"])
def test_one_number_at_the_edges(name):
    find = operator.attrgetter(name)
    assert_agrees(lambda lib, x: find(lib)(x), np.array(EDGES))


@pytest.mark.numbers_decide
def test_bernoulli_gives_its_out_a_shape():
    assert mc.bernoulli(mc.ones(2, 3), out=mc.empty(0)).tolist() == [[1] * 3] * 2


def test_multinomial_needs_an_out_of_int64():
    assert mc.multinomial(mc.tensor([0.0, 1.0]), 1, out=mc.empty(0, dtype=mc.int64)).tolist() == [1]
    with pytest.raises(RuntimeError, match="multinomial expects an out of torch.int64"):
        mc.multinomial(mc.tensor([0.0, 1.0]), 1, out=mc.empty(1))


def test_normal_has_a_size_with_two_numbers_alone():
    assert mc.normal(mc.zeros(2, 3), 0.0, out=mc.empty(0)).shape == (2, 3)
    with pytest.raises(TypeError, match="normal expects no size with a tensor"):
        mc.normal(mc.zeros(3), 0.0, 1)


def test_the_names_of_numpy():
    x = mc.ones(2, 3)
    assert x.sum(axis=0).shape == (3,)
    assert mc.mean(x, axis=1, keepdims=True).shape == (2, 1)
    assert mc.cat([x, x], axis=1).shape == (2, 6)


def test_shifts():
    x = np.array([1, -8, 7])
    assert_agrees(lambda lib, x: (x << 2, x >> 1, 1 << lib.abs(x), x >> 70), x)


def test_all_names_are_functions_and_read_late():
    assert set(FUNCTIONS) <= set(dir(mc))
    for name in FUNCTIONS:
        assert callable(getattr(mc, name))
    code = "import sys, minicnn; print('minicnn.ops.trigonometry' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    with pytest.raises(AttributeError, match="no attribute 'tangent'"):
        mc.tangent  # noqa: B018


def test_no_difference_joins_nothing():
    x = normal(2, 3)
    assert_agrees(lambda lib, x: lib.diff(x, 0, prepend=x, append=x), x)


@pytest.mark.parametrize("density", [False, True])
def test_histogram_of_nothing(density):
    for ours, theirs in zip(
        mc.histogram(mc.zeros(0), 2, density=density),
        torch.histogram(torch.zeros(0), 2, density=density),
    ):
        np.testing.assert_array_equal(ours.cpu().numpy(), theirs.numpy())


def test_large_arrays_are_computed_in_pieces() -> None:
    x = mc.linspace(-0.999, 0.999, 40_000).reshape(200, 200)
    for function in (mc.erfinv, mc.erfc, mc.lgamma):
        assert (function(x)[::7] == function(x[::7])).all()
        assert (function(x.T)[::7] == function(x[:, ::7]).T).all()
