"""Activation functions against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from oracle import assert_agrees, assert_same, channels_last, normal

import minicnn
import minicnn.nn.functional as F
from minicnn.autograd import gradcheck, gradgradcheck

ACTIVATIONS: dict[str, Any] = {
    "relu": lambda f, x: f.relu(x),
    "leaky_relu": lambda f, x: f.leaky_relu(x),
    "leaky_relu, slope": lambda f, x: f.leaky_relu(x, 0.3),
    "elu": lambda f, x: f.elu(x),
    "elu, alpha": lambda f, x: f.elu(x, alpha=0.7),
    "softplus": lambda f, x: f.softplus(x),
    "softplus, beta": lambda f, x: f.softplus(x, beta=3, threshold=4),
    "logsigmoid": lambda f, x: f.logsigmoid(x),
    "sigmoid": lambda f, x: f.sigmoid(x),
    "tanh": lambda f, x: f.tanh(x),
    "gelu": lambda f, x: f.gelu(x),
    "gelu, tanh": lambda f, x: f.gelu(x, approximate="tanh"),
    "silu": lambda f, x: f.silu(x),
    "hardswish": lambda f, x: f.hardswish(x),
    "relu6": lambda f, x: f.relu6(2 * x),
    "hardtanh": lambda f, x: f.hardtanh(x, -0.7, 1.3),
    "hardsigmoid": lambda f, x: f.hardsigmoid(x),
    "hardshrink": lambda f, x: f.hardshrink(x, 1.5),
    "softshrink": lambda f, x: f.softshrink(x, 1.5),
    "tanhshrink": lambda f, x: f.tanhshrink(x),
    "softsign": lambda f, x: f.softsign(x),
    "threshold": lambda f, x: f.threshold(x, 0.1, -2.0),
    "mish": lambda f, x: f.mish(x),
    "selu": lambda f, x: f.selu(x),
    "celu": lambda f, x: f.celu(x, 2.0),
    "celu, negative alpha": lambda f, x: f.celu(x, -256.0),
    "glu": lambda f, x: f.glu(f.pad(x, (0, x.shape[-1]), value=0.3)),
    "rrelu": lambda f, x: f.rrelu(x, 0.1, 0.5),
    "softmin": lambda f, x: f.softmin(x, 1),
    "softmax": lambda f, x: f.softmax(x, 1),
    "softmax, last": lambda f, x: f.softmax(x, dim=-1),
    "log_softmax": lambda f, x: f.log_softmax(x, 0),
    "log_softmax, last": lambda f, x: f.log_softmax(x, dim=-1),
}
every = pytest.mark.parametrize("name", ACTIVATIONS)


def compare(name: str, x: np.ndarray, **options: Any) -> None:
    activation = ACTIVATIONS[name]
    if name == "hardsigmoid":  # whose slope of 1 / 6 is a float32 number in torch
        options.setdefault("tolerance", 2e-8 if options.get("dtype") != np.float32 else None)
    assert_same(lambda x: activation(F, x), lambda x: activation(TF, x), [x], **options)


@every
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4, 5), (1, 1)])
def test_values(name: str, dtype: Any, shape: Any) -> None:
    compare(name, 3 * normal(*shape), dtype=dtype)


@every
def test_corners_and_zero(name: str) -> None:
    """Where a formula changes; torch's slope at a corner is ours."""
    compare(name, np.array([[-3.0, 0.0, 3.0, 1.0], [-1.0, -0.0, 2.0, 4 / 3]]))


@every
def test_extremes(name: str) -> None:
    """Neither overflows nor loses what is small."""
    compare(name, np.array([[-1000.0, -100.0, -30.0, 5.0], [1000.0, 100.0, 30.0, -5.0]]))


@every
@pytest.mark.parametrize("layout", [channels_last, lambda x: x[:, ::2, 1:, ::3]])
def test_memory_layouts(name: str, layout: Any) -> None:
    compare(name, layout(normal(2, 4, 5, 6)))


@every
@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
def test_differences(name: str, check: Any) -> None:
    x = minicnn.tensor(normal(2, 5), requires_grad=True)
    assert check(lambda x: ACTIVATIONS[name](F, x), (x,))


@every
def test_used_twice(name: str) -> None:
    activation = ACTIVATIONS[name]

    def network(f: Any) -> Any:
        return lambda x: activation(f, x) * activation(f, x + 1) + x

    tolerance = 2e-8 if name == "hardsigmoid" else None  # as above
    assert_same(network(F), network(TF), [normal(3, 4)], tolerance=tolerance)


@every
def test_half_precision(name: str) -> None:
    compare(name, normal(3, 40), dtype=np.float16, tolerance=4e-3)


def test_softmax_of_many_in_half_precision() -> None:
    """70,000 equal values: the sum of their powers is beyond float16 (torch has -inf here)."""
    x = minicnn.zeros(1, 70_000, dtype=minicnn.float16)
    assert F.softmax(x, 1).array.max() == np.float16(1 / 70_000)
    assert F.log_softmax(x, 1).array.min() == np.float16(-np.log(70_000))


def test_relu_keeps_nan() -> None:
    x = np.array([np.nan, -np.inf, np.inf, -1.0])
    np.testing.assert_array_equal(F.relu(minicnn.tensor(x)).cpu().numpy(), TF.relu(torch.tensor(x)))


def test_softmax_dtype() -> None:
    x = normal(2, 3)
    assert_same(
        lambda x: F.softmax(x, 1, dtype=minicnn.float64),
        lambda x: TF.softmax(x, 1, dtype=torch.float64),
        [x],
        np.float32,
        tolerance=1e-7,
    )


def test_errors() -> None:
    x = minicnn.zeros(2, 3)
    with pytest.raises(IndexError, match=r"dim must lie in \[-2, 1\] for shape \(2, 3\), got 2"):
        F.softmax(x, 2)
    with pytest.raises(IndexError, match="got -3"):
        F.log_softmax(x, -3)
    with pytest.raises(RuntimeError, match="'none' or 'tanh', got 'erf'"):
        F.gelu(x, approximate="erf")


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 3, 4), (2, 3, 4, 5), (3, 0)], ids=str)
@pytest.mark.parametrize("name", ["Softmax", "Softmin", "LogSoftmax"])
def test_softmax_without_dim_guesses_as_torch(name: str, shape: tuple[int, ...]) -> None:
    x = np.asarray(normal(*shape))
    with pytest.warns(UserWarning, match="Implicit dimension choice for "):
        assert_agrees(lambda m, x: getattr(m.nn, name)()(x), x)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_gradients_in_half_precision_are_as_near_as_those_of_torch(name: str) -> None:
    x, grad = (normal(64, 257, seed=seed).astype(np.float16) for seed in (0, 1))
    x *= 30
    gradients = []
    for library, tensor in ((minicnn, minicnn.tensor(x)), (torch, torch.tensor(x))):
        tensor.requires_grad_()
        getattr(tensor, name)(0).backward(library.tensor(grad))
        gradients.append(tensor.grad.cpu().numpy())
    exact = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    getattr(exact, name)(0).backward(torch.tensor(grad, dtype=torch.float64))
    ours, theirs = (np.abs(g - exact.grad.numpy()).max() for g in gradients)
    assert ours <= 1.1 * theirs


def test_the_dimension_of_softmax_may_be_left_out_in_functional_alone() -> None:
    x = minicnn.zeros(2, 3)
    for function in (minicnn.softmax, minicnn.log_softmax, minicnn.Tensor.softmax):
        with pytest.raises(TypeError, match="dim"):
            function(x)
    for softmin in (F.softmin, minicnn.nn.Softmin()):
        with pytest.warns(UserWarning, match="Implicit") as caught:
            softmin(x)
        assert caught[0].filename == __file__  # where it was left out
    assert minicnn.softmax(x, 1, minicnn.float64).dtype == minicnn.float64
    assert F.softmax(x, 1, 3, minicnn.float64).dtype == minicnn.float64


# Those that can be told to overwrite their input.
@pytest.mark.parametrize("name", ["relu6", "hardtanh"])
def test_the_result_may_be_changed_and_the_argument_not(name: str) -> None:
    for lib in (minicnn, torch):
        y = lib.linspace(-2, 8, 6).requires_grad_() * 1
        out = getattr(lib.nn.functional, name)(y)
        out += 1
        out.view(2, 3)[0] += 1
        out.sum().backward()
        y = lib.linspace(-2, 8, 6).requires_grad_() * 1
        out = getattr(lib.nn.functional, name)(y)
        y += 1
        with pytest.raises(RuntimeError, match="changed in place|modified by an inplace"):
            out.sum().backward()


IN_PLACE: dict[str, Any] = {
    "celu": {"alpha": 2.0},
    "elu": {"alpha": 0.7},
    "hardswish": {},
    "hardtanh": {"min_val": -0.5, "max_val": 0.8},
    "leaky_relu": {},
    "mish": {},
    "relu": {},
    "relu6": {},
    "rrelu": {},
    "selu": {},
    "silu": {},
    "threshold": {"threshold": 0.2, "value": 0.1},
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place(name: str) -> None:
    def call(m: Any, x: Any) -> Any:
        y = x * 2
        out = getattr(m.nn.functional, name)(y, inplace=True, **IN_PLACE[name])
        assert out is y
        if not hasattr(m.nn.functional, f"{name}_"):
            return out * x
        z = x * 3
        assert getattr(m.nn.functional, f"{name}_")(z, **IN_PLACE[name]) is z
        return out * z

    assert_agrees(call, normal(4, 5))


@pytest.mark.parametrize("shape", [(4, 3, 2, 2), (4, 3), (3,), ()], ids=str)
@pytest.mark.parametrize("count", [1, 3])
def test_prelu(shape: tuple[int, ...], count: int) -> None:
    def call(m: Any, x: Any, weight: Any) -> Any:
        return m.prelu(x, weight), x.prelu(weight), m.nn.functional.prelu(x, weight)

    assert_agrees(call, np.asarray(normal(*shape)), np.abs(normal(count)))


@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
def test_differences_of_prelu(check: Any) -> None:
    x, weight = (minicnn.tensor(a, requires_grad=True) for a in (normal(2, 3, 2), normal(3)))
    assert check(F.prelu, (x, weight))


def test_rrelu_in_training_draws_a_slope_for_each_negative_value() -> None:
    x = minicnn.tensor(normal(100, 100), requires_grad=True)
    out = F.rrelu(x, 0.2, 0.6, training=True)
    slopes = (out / x).cpu().detach().numpy()
    negative = x.cpu().detach().numpy() < 0
    assert (slopes[~negative] == 1).all()
    assert 0.2 <= slopes[negative].min() < 0.21 and 0.59 < slopes[negative].max() <= 0.6
    assert abs(slopes[negative].mean() - 0.4) < 0.01
    out.sum().backward()
    np.testing.assert_allclose(x.grad.cpu().numpy(), slopes, rtol=1e-12)


def test_gumbel_softmax() -> None:
    """The share of each class is its probability; hard samples have the gradient of soft ones."""
    logits = minicnn.tensor(np.log([0.5, 0.2, 0.3])).expand(20_000, 3)
    samples = F.gumbel_softmax(logits, hard=True)
    assert set(samples.cpu().numpy().ravel()) == {0, 1}
    np.testing.assert_allclose(samples.mean(0).cpu().numpy(), [0.5, 0.2, 0.3], atol=0.02)
    gradients = []
    for hard in (True, False):
        minicnn.manual_seed(0)
        x = minicnn.tensor(normal(4, 3), requires_grad=True)
        soft = F.gumbel_softmax(x, 0.7, hard)
        np.testing.assert_allclose(soft.sum(1).detach().cpu().numpy(), 1)
        (soft * minicnn.tensor(normal(4, 3, seed=1))).sum().backward()
        gradients.append(x.grad.cpu().numpy())
    np.testing.assert_allclose(*gradients)
    with pytest.warns(UserWarning, match="`eps` parameter is deprecated"):
        F.gumbel_softmax(x, eps=1e-5)


REFUSED: list[Any] = [
    (ValueError, lambda f, x: f.hardtanh(x, 2, 1), "must not be above max_val, got 2, 1"),
    (RuntimeError, lambda f, x: f.softshrink(x, -1), "at least 0, got -1"),
    (RuntimeError, lambda f, x: f.celu(x, 0), "must not be 0"),
    (RuntimeError, lambda f, x: f.glu(x), "even length"),
    (RuntimeError, lambda f, x: f.rrelu(x, 0.5, 0.1), "got 0.5 and 0.1"),
    (RuntimeError, lambda f, x: f.relu6(x > 0), "bool"),
]


@pytest.mark.parametrize("error, call, message", REFUSED)
def test_refused(error: Any, call: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call(F, minicnn.zeros(2, 3))
    with pytest.raises(error):
        call(TF, torch.zeros(2, 3))


def test_softmax_layers() -> None:
    assert_agrees(lambda m, x: m.nn.Softmax2d()(x), normal(2, 3, 4, 5))
    assert_agrees(lambda m, x: m.nn.Softmax2d()(x), normal(3, 4, 5))
    with pytest.raises(ValueError, match="Softmax2d expects"):
        minicnn.nn.Softmax2d()(minicnn.zeros(2, 3))


def test_old_names_of_the_limits_of_hardtanh() -> None:
    with pytest.warns(FutureWarning, match="`min_value` is deprecated and renamed to `min_val`"):
        layer = minicnn.nn.Hardtanh(min_value=-3.0)
    assert layer.min_val == -3 and repr(layer) == "Hardtanh(min_val=-3.0, max_val=1.0)"


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_random_functions_draw_as_torch(dtype: str) -> None:
    x = normal(7, 40)
    for call in (
        lambda m, x: m.nn.functional.rrelu(x, 0.1, 0.6, training=True),
        lambda m, x: m.nn.functional.gumbel_softmax(x, 0.7),
    ):
        results = []
        for m in (minicnn, torch):
            m.manual_seed(5)
            results.append(call(m, m.tensor(x, dtype=getattr(m, dtype))).float().cpu().numpy())
        np.testing.assert_allclose(*results, rtol=0 if dtype == "bfloat16" else 1e-6)
